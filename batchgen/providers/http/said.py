"""What an error answer says: its sentences and its machine-readable codes, whatever the shape of its JSON.

Services put their words under `message`, `error.message`, `detail`, `errors` and other names, and gateways pass them on
inside their own. So every text of the body is read, but for those that repeat what was asked: a prompt, or the name of
a parameter, says nothing of what the service thinks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from batchgen.providers.http.loose_json import read_words

# Their values come from the request, or are addresses and ids.
_ASKED: Final = frozenset(
    {"param", "parameter", "parameters", "params", "input", "inputs", "loc", "location", "path", "field", "prompt"}
    | {"negativeprompt", "revisedprompt", "url", "docurl", "instance", "body", "request", "args", "id", "requestid"}
    | {
        "timestamp",
        "traceid",
        "model",
        "inferenceid",
        "allowedvalues",
        "expected",
        "received",
        "options",
        "stack",
        "type_url",
    }
)
# Their values are codes, and no sentences, where they hold no space.
_CODES: Final = frozenset(
    {"code", "type", "name", "status", "reason", "kind", "title", "errorcode", "errortype", "quotaid", "finishreason"}
    | {"blockreason", "rejectreason", "statustext"}
)
_MAX_TEXTS: Final = 200
_MAX_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says.

    Attributes:
        words: its sentences, without the prompt and the name of the model.
        codes: machine-readable words, as lower-case letters and digits without anything between.
        text: the same for people; its codes if it has no sentence.
        names_model: whether the model that was asked is named.
    """

    words: str
    codes: tuple[str, ...] = ()
    text: str = ""
    names_model: bool = False

    @property
    def plain(self) -> str:
        """The sentences without what they quote and without names of parameters, which are no words of a verdict."""
        return _QUOTED_OR_NAMED.sub(" ", self.words)

    def has(self, codes: re.Pattern[str]) -> bool:
        """Whether one of the codes matches, or, other than as a whole, an identifier within the sentences.

        A whole identifier may be the name of a parameter: `content_filter: expected a boolean`.
        """
        named = (f" {simple(name)} " for name in _IDENTIFIER.findall(self.words))
        return any(codes.search(code) for code in (*self.codes, *named))


_IDENTIFIER: Final = re.compile(r"\b\w+(?:_\w+)+\b|\b[A-Za-z]+[a-z][A-Z]\w*")
_QUOTED_OR_NAMED: Final = re.compile(
    r"(?<!\w)'[^']{0,300}'(?!\w)|\"[^\"]{0,300}\"|`[^`]{0,300}`|“[^”]{0,300}”|\b\w+(?:_\w+)+\b|\b[a-z]+[A-Z]\w*"
)


def simple(code: str) -> str:
    """Return a code as lower-case letters and digits."""
    return re.sub(r"[\W_]", "", code).lower()


def said_in(body: bytes, asked: str = "", model: str = "") -> Said | None:
    """Return what a JSON body says, None if it is no JSON or holds no words.

    Args:
        body: The answer.
        asked: The prompt; where the service repeats it, it is left out.
        model: The model that was asked.
    """
    return said_by(read_words(body), asked, model)


def said_by(answer: object, asked: str = "", model: str = "") -> Said | None:
    """Return what decoded JSON says, as `said_in`."""
    words, codes, texts = [], [], []
    for key, text in _texts(answer, "", 0):
        texts.append(text)
        is_one_word = not re.search(r"\s", text)
        if is_one_word and len(text) <= 100:
            codes.append(simple(text))
        if not is_one_word or key not in _CODES:
            words.append(text.replace(asked, " ") if len(asked) > 1 else text)
    if not texts:
        return None
    sentences = ". ".join(words)
    names_model = bool(model) and model in sentences
    return Said(
        sentences.replace(model, " ") if names_model else sentences,
        tuple(codes),
        ". ".join(dict.fromkeys(words or texts)),
        names_model,
    )


def _texts(value: object, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """All texts of an answer, each with the key that it, or the list it is in, stands under."""
    if isinstance(value, str):
        if value.strip():
            yield key, value.strip()
    elif depth < _MAX_DEPTH and isinstance(value, dict | list):
        for name, below in _children(value, key):
            if name not in _ASKED:
                yield from _texts(below, name, depth + 1)


def _children(value: dict[str, object] | list[object], key: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, below in list(value.items())[:_MAX_TEXTS]:
            yield simple(str(name)), below
    else:
        for below in value[:_MAX_TEXTS]:
            yield key, below

"""Links to images that stand elsewhere in an answer than its documented forms have them.

A link that was paid for and not followed is an image lost. So where an answer lacks images, links are looked for under
any name that speaks of what was made: `image_url`, `output: [...]`, `result.images[]`. To follow one too many is free;
names that speak of what was asked, of errors or of documentation are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from batchgen.core.answer import Ticket
from batchgen.providers.http.download import MAX_LINK_CHARACTERS
from batchgen.providers.http.said import simple

_MADE: Final = re.compile(
    r"^(?:(?:image|img|output|result|download|signed|public|file|media|asset|sample)?(?:url|uri|link|href|src)s?"
    r"|images?|outputs?|data|results?|files?|samples?|artifacts?|assets?|media|b64json|imagebase64|content|generations?)$"
)
_NOT_MADE: Final = re.compile(
    r"^(?:errors?|message|detail|details|meta|metadata|links|docs?|help|request|inputs?|args|parameters|params|prompt"
    r"|init\w*|mask\w*|source\w*|reference\w*|control\w*|webhook\w*|logs?|thumbnails?)$"
)
_IS_LINK: Final = re.compile(r"https?://[^\s\"<>]+", re.IGNORECASE)
_MAX_DEPTH: Final = 6
_MAX_LINKS: Final = 64


def is_link(text: str) -> bool:
    """Whether a text is a link to somewhere, as a whole."""
    return len(text) <= MAX_LINK_CHARACTERS and _IS_LINK.fullmatch(text.strip()) is not None


def links_in(answer: object, end: str) -> list[Ticket]:
    """Return the links to images of a decoded answer, each once.

    Args:
        answer: The answer.
        end: The end of its text; a link that it ends with is not known to be whole.
    """
    found = dict.fromkeys(url for url in _links(answer, "", 0) if not end.endswith(url))
    return [Ticket(url) for url in [*found][:_MAX_LINKS]]


def _links(value: object, key: str, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if _MADE.match(key) and is_link(value):
            yield value.strip()
    elif depth < _MAX_DEPTH and isinstance(value, Mapping):
        for name, below in value.items():
            if not _NOT_MADE.match(simple(str(name))):
                yield from _links(below, simple(str(name)), depth + 1)
    elif depth < _MAX_DEPTH and isinstance(value, list):
        for below in value[:_MAX_LINKS]:
            yield from _links(below, key, depth + 1)

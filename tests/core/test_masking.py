"""A secret is found in every spelling that undoes itself letter by letter, in pieces too, and nothing else is."""

from __future__ import annotations

import html
import json
import string
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.core.masking import MASK, Masker

SECRET = "sk-Live_9aQ7/zv3+Rk=pW2xTn"

Spelling = Callable[[str], str]


def percent(text: str) -> str:
    return "".join(f"%{ord(character):02X}" for character in text)


SPELLINGS: dict[str, Spelling] = {
    "plain": str,
    "upper": str.upper,
    "swapped": str.swapcase,
    "percent": percent,
    "quoted": lambda text: quote(text, safe=""),
    "hex": lambda text: text.encode().hex(),
    "capital hex": lambda text: text.encode().hex().upper(),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64 after one": lambda text: b64encode(b"\n" + text.encode()).decode(),
    "base64 after two": lambda text: b64encode(b"k=" + text.encode() + b"&").decode(),
    "base64 of a header": lambda text: b64encode(f"Authorization: Bearer {text}\r\n".encode()).decode(),
    "base64 for URLs": lambda text: urlsafe_b64encode(b"k" + text.encode() + b"?~").decode(),
    "entities": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "hex entities": lambda text: "".join(f"&#x{ord(character):X};" for character in text),
    "named entities": lambda text: text.replace("/", "&sol;").replace("+", "&plus;").replace("=", "&equals;"),
    "unicode escapes": lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    "byte escapes": lambda text: "".join(f"\\x{ord(character):02x}" for character in text),
    "zero width": "\u200b".join,
    "joiners": "\u2060\ufeff".join,
    "spaces": " ".join,
    "lines": lambda text: "\r\n".join(text[at : at + 5] for at in range(0, len(text), 5)),
}
LAYERS: dict[str, Spelling] = {
    "none": str,
    "percent": lambda text: quote(text, safe=""),
    "HTML": lambda text: html.escape(text),
    "backslashes": lambda text: text.replace("\\", "\\\\").replace("/", "\\/"),
    "percent of percent": lambda text: quote(quote(text, safe=""), safe=""),
}


# As programs print bytes and lists of letters; what stands at the ends may stay.
PRINTED: dict[str, Spelling] = {
    "a dump": lambda text: text.encode().hex(":"),
    "bytes of C": lambda text: ", ".join(f"0x{byte:02X}" for byte in text.encode()),
    "a buffer of Node": lambda text: f"[{','.join(map(str, text.encode()))}]",
    "octal escapes": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "quoted-printable": lambda text: "".join(f"={byte:02X}" for byte in text.encode()),
    "wide percent": lambda text: "".join(f"%u{byte:04x}" for byte in text.encode()),
    "a list of letters": lambda text: json.dumps(list(text)),
    "dots": ".".join,
    "two literals": lambda text: f'{text[:11]}" + "{text[11:]}',
}


@pytest.mark.parametrize("spelling", PRINTED)
def test_a_secret_that_a_program_printed_is_masked(spelling: str) -> None:
    masked = Masker(SECRET).mask(f"before <{PRINTED[spelling](SECRET)}> after")
    assert masked.startswith("before <")
    assert masked.endswith("> after")
    assert len(masked.replace(MASK, "")) < len("before <> after") + 8, masked
    assert not Masker(SECRET).is_in(masked)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_masked_in_every_spelling_and_the_words_around_it_stay(spelling: str, layer: str) -> None:
    hidden = LAYERS[layer](SPELLINGS[spelling](SECRET))
    masked = Masker(SECRET).mask(f"before <{hidden}> after")
    assert masked.startswith("before <")
    assert masked.endswith("> after")
    rest = masked.removeprefix("before <").removesuffix("> after").replace(MASK, "")
    # Beside base64 stand the letters of what was packed with it.
    assert len(rest) < (60 if "base64" in spelling else 1), rest


KEYS = st.text(string.ascii_letters + string.digits + "-_/+=.", min_size=11, max_size=90)
WORDS = st.text(max_size=30)


@given(KEYS, WORDS, WORDS, st.sampled_from(list(SPELLINGS.values())), st.sampled_from(list(LAYERS.values())))
def test_no_secret_survives_between_any_words(
    key: str, before: str, after: str, spell: Spelling, layer: Spelling
) -> None:
    masker = Masker(key)
    text = f"{before} {layer(spell(key))} {after}"
    assert masker.is_in(text)
    assert not masker.is_in(masker.mask(text).replace(MASK, " | "))


@given(WORDS, WORDS)
def test_text_without_the_secret_stays_as_it_is(before: str, after: str) -> None:
    assert Masker(SECRET).mask(f"{before}%41\\u0041&amp;{after}") == f"{before}%41\\u0041&amp;{after}"


@pytest.mark.parametrize("piece", [SECRET[:8], SECRET[:12], SECRET[3:14], SECRET[9:], SECRET.encode().hex()[:30]])
def test_a_piece_that_a_cut_left_is_masked(piece: str) -> None:
    assert Masker(SECRET).mask(f"begins {piece}") == f"begins {MASK}"


def test_the_same_secret_twice_is_masked_twice() -> None:
    assert Masker(SECRET).mask(f"{SECRET} or {percent(SECRET)}") == f"{MASK} or {MASK}"


def test_a_text_of_megabytes_with_the_secret_is_not_kept() -> None:
    assert Masker(SECRET).mask("fox " * 300_000 + SECRET) == MASK


@pytest.mark.parametrize("before", [0, 999_990, 1_000_000, 1_049_990, 2_100_000])
def test_a_text_of_megabytes_is_searched_to_its_end(before: int) -> None:
    masker = Masker(SECRET)
    assert masker.is_in("a" * before + percent(SECRET) + "a" * 1_200_000)
    assert not masker.is_in("a" * (before + 1_200_000))

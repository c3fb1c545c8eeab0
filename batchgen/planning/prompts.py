"""The prompt column: one look at all prompts in C, and a closer one only when something is wrong.

A clean batch of thousands of rows costs a few passes over its text. Whatever can be sent is left as
it is: emoji, line breaks and tabs are fine, other control characters are worth a warning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import repeat

from batchgen.core.problems import Finding, FoundInRow
from batchgen.manifest.text_blocks import first_undecodable
from batchgen.planning.row_settings import RowSettings

# What programs write where there is nothing, or a formula has no result.
_NOTHING = frozenset(
    {"nan", "NaN", "NAN", "None", "none", "NONE", "null", "NULL", "Null", "nil", "<NA>", "NaT", "N/A", "n/a", "NA"}
    | {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#ERROR!", "undefined", "[object Object]"}
)
# Of templates and of wildcards: {name}, {a|b}, __colour__. JSON in a prompt is none.
_PLACEHOLDER = re.compile(
    r"\{[^{}\"':\n]{0,200}\|[^{}\"\n]{0,200}\}|\{[A-Za-z_][\w. -]{0,40}\}|\b__[A-Za-z][\w/-]{0,40}?__\b"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def check_prompts(
    prompts: Sequence[str], settings: Sequence[RowSettings], distinct: Collection[RowSettings], column: int
) -> Iterator[FoundInRow]:
    """Find prompts that are empty, too long or damaged, and those whose enhanced form will not come back."""
    longest = max(map(len, prompts))
    limits = [one.prompt_max_chars for one in distinct if one.prompt_max_chars is not None]
    if not all(map(str.strip, prompts)) or longest > min(limits, default=longest):
        yield from _check_lengths(prompts, settings, column)
    text = "".join(prompts)
    printable = text.isprintable()
    # Line breaks, joined emoji and the like are unprintable too, and fine.
    if not printable and (_CONTROL.search(text) or first_undecodable(text) is not None):
        yield from _check_characters(prompts, column)
    if not printable and "\t" in text and ("\n" in text or "\r" in text):
        yield from _check_rows_within(prompts, column)
    if not _NOTHING.isdisjoint(prompts):
        yield from _check_nothing(prompts, column)
    if "{" in text or "__" in text:
        yield from _check_placeholders(prompts, column)
    words = min((one.silent_from_words for one in distinct if one.silent_from_words is not None), default=None)
    # n words and what separates them take 2n - 1 characters at least.
    if words is not None and longest >= 2 * words - 1:
        # Printable text has no white space but the space: counting is faster than splitting.
        spaces = map(str.count, prompts, repeat(" "))
        rows = (row for row, count in enumerate(spaces) if not printable or count >= words - 1)
        yield from _check_words(rows, prompts, settings, column)


def _check_lengths(prompts: Sequence[str], settings: Sequence[RowSettings], column: int) -> Iterator[FoundInRow]:
    for row, (prompt, one) in enumerate(zip(prompts, settings, strict=True)):
        if not prompt.strip():
            text = "the prompt is only white space" if prompt else "the prompt is empty"
            yield row, Finding("E040", f"{text}; write one, or remove the row", column)
        elif one.prompt_max_chars is not None and len(prompt) > one.prompt_max_chars:
            text = f"the prompt has {len(prompt):,} characters; {one.model_name} takes at most {one.prompt_max_chars:,}"
            yield row, Finding("E041", text, column)


def _check_characters(prompts: Sequence[str], column: int) -> Iterator[FoundInRow]:
    for row, prompt in enumerate(prompts):
        if "\0" in prompt:
            yield (
                row,
                Finding(
                    "E022", f"the prompt has a NUL character at character {prompt.index(chr(0)) + 1}; remove it", column
                ),
            )
        elif (damaged := first_undecodable(prompt)) is not None:
            yield row, Finding("E021", f"the prompt is not UTF-8 from character {damaged + 1} on", column)
        elif found := _CONTROL.search(prompt):
            character = f"U+{ord(found[0]):04X} at character {found.start() + 1}"
            text = f"the prompt has the control character {character}; it is sent as it is"
            yield row, Finding("W006", text, column)


def _check_rows_within(prompts: Sequence[str], column: int) -> Iterator[FoundInRow]:
    for row, prompt in enumerate(prompts):
        lines = prompt.splitlines()
        # Where the prompt is not the first cell, it is the first line of more than two that may have none. Before
        # a line they indent it.
        tabs = ["\t" in line.strip() for line in lines]
        if len(lines) > 1 and (tabs[0] or (len(lines) > 2 and tabs[-1])) and all(tabs[1:-1]):
            text = f'the prompt seems to hold {len(lines)} rows, for the sake of a " that stands for itself'
            yield row, Finding("W010", f'{text}; write "" for it within quotes', column)


def _check_nothing(prompts: Sequence[str], column: int) -> Iterator[FoundInRow]:
    for row, prompt in enumerate(prompts):
        if prompt in _NOTHING:
            text = f"the prompt is {prompt!r}, which programs write where there is nothing; it is sent as it is"
            yield row, Finding("W009", text, column)


def _check_placeholders(prompts: Sequence[str], column: int) -> Iterator[FoundInRow]:
    for row, prompt in enumerate(prompts):
        if found := _PLACEHOLDER.search(prompt):
            text = f"the prompt has {found[0][:40]}, which other tools fill in; it is sent, and paid for, as it is"
            yield row, Finding("W013", text, column)


def _check_words(
    rows: Iterable[int], prompts: Sequence[str], settings: Sequence[RowSettings], column: int
) -> Iterator[FoundInRow]:
    for row in rows:
        words = len(prompts[row].split())
        limit = settings[row].silent_from_words
        if limit is not None and words >= limit:
            text = f"the prompt has {words} words; from {limit} words on the enhanced prompt does not come back"
            yield row, Finding("W004", text, column)

"""How things are written for people: counts, money, sizes, times, and text that may come from anywhere.

Each exists once here, so that "2 retries" and "$0.50" look alike in messages, on pages and in reports.
"""

from __future__ import annotations

# Nothing costs less than this; sums of floating-point numbers differ from the exact sum by less.
_USD_DIGITS = 9


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 image`, `1,200 images`, `2 retries`."""
    return f"{number:,} {noun if number == 1 else _plural(noun)}"


def dollars(usd: float) -> str:
    """Return an amount in whole cents from one dollar on, below with as many digits as it has: `$12.30`, `$0.0055`."""
    sign, usd = ("-", -usd) if usd < 0 else ("", usd)
    usd = round_usd(usd)
    if usd >= 1 or usd == 0:
        return f"{sign}${usd:,.2f}"
    digits = 4 if usd >= 0.001 else _USD_DIGITS
    exact = f"{usd:.{digits}f}".rstrip("0")
    return f"{sign}${exact.ljust(len('0.00'), '0')}"


def round_usd(usd: float) -> float:
    """Return an amount for JSON without the dust of binary sums: 3.76 and not 3.7600000000000025."""
    return round(usd, _USD_DIGITS)


def size(number_of_bytes: int) -> str:
    """Return a size in powers of a thousand, as disks are sold: `2.1 MB`, `340 GB`."""
    value, unit = number_of_bytes / 1e6, "MB"
    for larger in ("GB", "TB"):
        if value >= 1000:
            value, unit = value / 1000, larger
    return f"{value:,.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def duration(seconds: float) -> str:
    """Return a time in its two largest units: `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def printable(text: str) -> str:
    """Return text for a terminal: control and direction characters are written out as escapes, line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def shorten(text: str, max_characters: int = 160) -> str:
    """Return text as one printable line, cut off with an ellipsis."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= max_characters else line[: max_characters - 1] + "…"


def quote(value: object) -> str:
    """Return a value as a message quotes it: in quotes, printable, and short however long it is."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:60]}... ({len(str(value)):,} characters)"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()

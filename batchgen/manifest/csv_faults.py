"""Why a row of a CSV cannot be read, in words for the person who wrote it."""

from __future__ import annotations

from collections.abc import Sequence

from batchgen.core.problems import Finding
from batchgen.manifest.text_blocks import LINE_MAX_CHARS, Record, TextBlocks


def explain(blocks: TextBlocks, first_line: int, last_line: int) -> Finding:
    """Why `csv.reader` refused a row, told by how far it had read and not by its message."""
    if blocks.ended:
        return Finding(
            "E025", 'a cell that starts with " is never closed; all lines from here to the end were read as one cell'
        )
    if blocks.spans_more_than(LINE_MAX_CHARS, first_line, last_line + 1):
        return Finding("E023", f"a cell has more than {LINE_MAX_CHARS:,} characters; is a quote never closed?")
    return Finding(
        "E024", f'the quoting is broken on line {last_line}: inside a quoted cell write "" for ", and close each quote'
    )


def ragged(cells: Sequence[str], width: int) -> Finding:
    """What a row with more or fewer cells than the header gives."""
    more = "a cell with a comma in it needs quotes" if len(cells) > width else "is a comma missing?"
    return Finding("E020", f"the row has {len(cells)} cells, the header {width}; {more}")


def encoding_text(record: Record, index: int) -> str:
    """Where a row is not UTF-8; `index` is that of its first character that is none."""
    byte = record.text[index].encode("utf-8", "surrogateescape")[0]
    return f"not UTF-8: byte 0x{byte:02X} at byte {record.byte_at(index)} of the file; save the file as UTF-8"

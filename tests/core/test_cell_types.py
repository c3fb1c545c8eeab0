"""Text is a number or a boolean only where every cell is written as one, and nothing that it says is lost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.core.cell_types import CellTypes, ColumnType, read_cells

INT, FLOAT, BOOL, TEXT, NOTHING = pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.null()


def kind_of(*pieces: Sequence[str | None]) -> pa.DataType:
    column = ColumnType()
    for piece in pieces:
        column.add(pa.array(piece, pa.string()))
    return column.kind


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["7", "", "-12", "0"], INT),
        (["9223372036854775807", "-9223372036854775808"], INT),
        (["0", "1"], INT),
        (["0.5", "12", ""], FLOAT),
        (["7.0", "8.0"], FLOAT),
        (["0.30000000000000004", "1e-05", "1.5e+16"], FLOAT),
        (["0.50", "1.25"], FLOAT),
        (["true", "", "false"], BOOL),
        (["True"], BOOL),
        (["FALSE", "TRUE"], BOOL),
        (["", None], NOTHING),
        ([], NOTHING),
        (["007", "8"], TEXT),
        (["+5"], TEXT),
        (["1e5"], TEXT),
        (["1E+05"], TEXT),
        (["-0"], TEXT),
        ([" 5"], TEXT),
        (["5\n"], TEXT),
        (["0x1F"], TEXT),
        (["1_000"], TEXT),
        (["1,5"], TEXT),
        (["٣"], TEXT),
        (["9223372036854775808"], TEXT),
        (["nan", "0.5"], TEXT),
        (["inf"], TEXT),
        (["1e+400"], TEXT),
        ([".5"], TEXT),
        (["5."], TEXT),
        (["00.5"], TEXT),
        (["3.14159265358979323846"], TEXT),
        (["1.9", "1.10"], TEXT),
        (["1", "1.10"], TEXT),
        (["1234567890123456", "0.5"], TEXT),
        (["true", "False"], TEXT),
        (["true", "1"], TEXT),
        (["tRue"], TEXT),
        (["7", "seven"], TEXT),
    ],
)
def test_a_column_is_what_all_its_cells_are_written_as(cells: list[str | None], kind: pa.DataType) -> None:
    assert kind_of(cells).equals(kind)


NUMBERS = st.integers(-(2**64), 2**64).map(str) | st.floats().map(repr) | st.decimals(-9999, 9999, places=2).map(str)
WORDS = st.sampled_from(
    ["", "true", "false", "True", "007", "-0", "+1", "1e5", "1.10", "1.9", "12", "x", "0.50", "1e+22"]
)
CELLS = NUMBERS | WORDS | st.text(alphabet="0123456789.e+-", max_size=20) | st.text(max_size=4)
COLUMNS = st.one_of(
    [
        st.lists(cells, max_size=12)
        for cells in (CELLS, NUMBERS, WORDS, st.integers(-(2**63), 2**63 - 1).map(str), st.floats(-1e9, 1e9).map(repr))
    ]
)


@given(COLUMNS, st.data())
def test_neither_pieces_nor_order_decide(cells: list[str], data: st.DataObject) -> None:
    kind = kind_of(cells)
    cut = data.draw(st.integers(0, len(cells)))
    assert kind_of(cells[:cut], cells[cut:]).equals(kind)
    assert kind_of(*([cell] for cell in data.draw(st.permutations(cells)))).equals(kind)


@given(COLUMNS)
def test_a_value_says_what_its_cell_does(cells: list[str]) -> None:
    kind = kind_of(cells)
    if kind.equals(NOTHING) or kind.equals(TEXT):
        return
    values = read_cells(pa.array(cells, pa.string()), kind).to_pylist()
    for cell, value in zip(cells, values, strict=True):
        if cell == "":
            assert value is None
        elif kind.equals(INT):
            assert str(value) == cell
        elif kind.equals(BOOL):
            assert str(value).lower() == cell.lower()
        else:
            assert Decimal(repr(value)) == Decimal(cell)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_all_whole_numbers_of_64_bits_are_such(numbers: list[int]) -> None:
    assert kind_of([*map(str, numbers)]).equals(INT)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_all_numbers_as_python_and_pandas_write_them_are_such(numbers: list[float]) -> None:
    written = [*map(repr, numbers)]
    kind = kind_of(written)
    assert kind.equals(FLOAT)
    assert [*map(repr, read_cells(pa.array(written), kind).to_pylist())] == written


@given(COLUMNS, COLUMNS)
def test_what_fits_a_type_is_read_as_it_whole(cells: list[str], others: list[str]) -> None:
    column = ColumnType()
    column.add(pa.array(cells, pa.string()))
    for kind in (INT, FLOAT, BOOL):
        read = read_cells(pa.array([*cells, *others], pa.string()), kind)
        if column.fits(kind):
            assert read.is_valid().to_pylist()[: len(cells)] == [cell != "" for cell in cells]


def test_rows_that_are_no_rows_do_not_count() -> None:
    types = CellTypes(pa.schema([("label", pa.string()), ("empty", pa.string())]))
    batch = pa.RecordBatch.from_pydict({"label": ["7", " red", "8"], "empty": ["", "x", ""]})
    types.add(batch, {1})
    assert types.schema.types == [NOTHING, NOTHING]
    types.decide()
    assert types.schema.types == [INT, NOTHING]
    assert read_cells(batch.column(0), INT).to_pylist() == [7, None, 8]

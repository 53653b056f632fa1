"""Tables written in any dialect come back cell by cell."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from trading_files.reading.columns import column_key
from trading_files.reading.read import read

NAMES = ("Time", "Symbol", "Side", "Price", "Quantity", "Note", "Preço", "Fee currency", "S / L")
PIECES = (
    "a",
    "BTC/USDT",
    "buy",
    " ",
    "ü",
    ",",
    ";",
    "\t",
    "|",
    '"',
    "\n",
    "\r\n",
    "'",
    "1",
    "1.5",
    "-2,50",
    "=",
    "#",
    "x\\",
)


@dataclass(frozen=True)
class Writing:
    delimiter: str
    quoting: Literal[0, 1]
    ends: str
    encoding: str
    separator_line: bool
    trailing: bool
    preamble: int


writings = st.builds(
    Writing,
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    ends=st.sampled_from(("\n", "\r\n", "\r")),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")),
    separator_line=st.booleans(),
    trailing=st.booleans(),
    preamble=st.integers(0, 3),
)
cells = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)


@st.composite
def grids(draw: st.DrawFn) -> list[list[str]]:
    """A header, and rows whose first cell is a number."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    rows = draw(st.lists(st.lists(cells, min_size=len(names), max_size=len(names)), min_size=1, max_size=8))
    return [["Id", *names], *([str(number), *row] for number, row in enumerate(rows, 1))]


def written(grid: list[list[str]], writing: Writing) -> bytes:
    target = io.StringIO(newline="")
    if writing.separator_line:
        target.write(f"sep={writing.delimiter}{writing.ends}")
    quoting = writing.quoting if "\n" in writing.ends else csv.QUOTE_ALL  # else it leaves "\n" in cells unquoted
    writer = csv.writer(target, delimiter=writing.delimiter, quoting=quoting, lineterminator=writing.ends)
    for number in range(writing.preamble):
        writer.writerow(["Account", f"U{number}"])
    for row in grid:
        writer.writerow([*row, ""] if writing.trailing else row)
    return target.getvalue().encode(writing.encoding)


def expected(grid: list[list[str]]) -> list[dict[str, str]]:
    header = [" ".join(name.split()) for name in grid[0]]
    return [{name: text for name, cell in zip(header, row, strict=True) if (text := cell.strip())} for row in grid[1:]]


@given(grids(), writings)
def test_a_table_in_any_dialect_comes_back_cell_by_cell(grid: list[list[str]], writing: Writing) -> None:
    headers = [frozenset(map(column_key, grid[0]))]
    document = read(io.BytesIO(written(grid, writing)), headers=headers)
    assert [row.cells for table in document.tables for row in table.rows] == expected(grid)


plain_cells = st.sampled_from(
    ("BTC", "1.5", "38,10", "2026-01-05 10:00:00", "buy it, now", "", "x; y", '6" nail', "a\nb")
)


@given(
    st.lists(st.tuples(plain_cells, plain_cells, plain_cells), min_size=2, max_size=8),
    writings,
)
def test_an_unknown_table_in_any_dialect_comes_back_too(rows: list[tuple[str, str, str]], writing: Writing) -> None:
    grid = [["Id", "Time", "Symbol", "Price"], *([str(number), *row] for number, row in enumerate(rows, 1))]
    document = read(io.BytesIO(written(grid, writing)))
    assert [row.cells for table in document.tables for row in table.rows] == expected(grid)


members = st.dictionaries(
    st.text("abcd_", min_size=1, max_size=5),
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False).map(str), st.text()
    ),
    min_size=1,
    max_size=6,
)


@given(st.lists(members, min_size=1, max_size=8), st.sampled_from(("list", "envelope", "lines", "pretty", "together")))
def test_objects_in_any_shape_come_back_member_by_member(items: list[dict[str, object]], shape: str) -> None:
    texts = [json.dumps(item, indent=2 if shape == "pretty" else None) for item in items]
    text = {
        "list": json.dumps(items),
        "envelope": json.dumps({"code": "0", "result": {"list": items, "next": ""}}, indent=1),
        "lines": "\n".join(texts),
        "pretty": "\n\n".join(texts),
        "together": "".join(texts),
    }[shape]
    found = [row.cells for table in read(io.BytesIO(text.encode())).tables for row in table.rows]
    wanted = [{name: cell for name, value in item.items() if (cell := shown(value))} for item in items]
    assert found == [cells for cells in wanted if cells]


def shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).encode("utf-8", "replace").decode().strip()

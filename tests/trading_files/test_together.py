"""Rows that are read together say what they say one by one, or are left to that."""

import io
import string
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from trading_files.interpret import TOGETHER, Interpreter
from trading_files.mapping.around import Surroundings
from trading_files.mapping.compile import RowReader
from trading_files.mapping.load import load
from trading_files.presets.shelf import preset
from trading_files.reading import grid
from trading_files.reading.read import read
from trading_files.reading.tables import Block, Row, Rows, Table
from trading_files.readings import Choices, FillRow, FillRows, Reading, SkippedRow, one_by_one
from trading_files.readings import Warning as Said

COLUMNS = ("trade_id", "ts", "symbol", "side", "qty", "price", "fee", "fee_currency", "currency")
NUMBERS = st.one_of(
    st.decimals("-2", "2000", places=3).map(str),
    st.sampled_from(["1", "0", "0.0", "00.5", ".5", "5.", "1e3", "-1.5", "1,5", "\u0661", "9" * 38, "9" * 39, "+2"]),
)
TIMES = st.one_of(
    st.datetimes(datetime(1972, 1, 1), datetime(2101, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ),
    st.sampled_from(
        """2024-01-01 10:00:00;2024-01-01T10:00:00.000Z;2024-02-30T10:00:00Z;2024-01-01T10:00:60Z;2024-01-01t10:00:00z
        2024-01-01T10:00:00.1200Z;1717200000;2024-01-01T24:00:00Z;nothing""".replace("\n        ", ";").split(";")
    ),
)
IDS = st.one_of(st.text(string.ascii_letters + "0123456789-_:", min_size=1, max_size=8), st.text(min_size=1))
CELLS = st.fixed_dictionaries(
    {"ts": TIMES, "symbol": st.sampled_from(["BTC/USDT", "btcusdt", "AAPL"]), "side": st.sampled_from(["buy", "S"])}
    | {"qty": NUMBERS, "price": NUMBERS},
    optional={"trade_id": IDS, "fee": NUMBERS, "fee_currency": st.sampled_from(["BNB", "usd", "?"])}
    | {"currency": st.sampled_from(["USD", "EUR"]), "strategy": st.sampled_from(["a", "b"])},
)
USUAL = {"ts": "2024-05-06T09:30:00Z", "symbol": "BTC/USDT", "side": "buy", "qty": "1", "price": "2.5"}


def by_place(readings: Sequence[Reading]) -> list[Reading]:
    """Readings of fills and events in their order, then what was skipped."""
    return [*(one for one in readings if not isinstance(one, SkippedRow))] + [
        one for one in readings if isinstance(one, SkippedRow)
    ]


def compare(reader: RowReader, around: Surroundings, rows: Sequence[Row]) -> bool:
    """Whether the rows were read together; AssertionError if they say something else than one by one."""
    together = reader.read_together(rows)
    if together is None:
        return False
    single = [reading for row in rows for reading in reader.read(row.place, row.cells)]
    assert not around.notes
    assert list(one_by_one(together)) == by_place(single)
    for fill, alone in zip(one_by_one(together), by_place(single), strict=True):
        if isinstance(fill, FillRow) and isinstance(alone, FillRow):
            assert list(fill.members) == list(alone.members), "the same order: an import's id is made from it"
    return True


@given(st.lists(CELLS, min_size=1, max_size=6), st.sampled_from([Choices(), Choices("UTC", currency="CHF")]))
def test_any_rows_of_the_own_columns(cells: list[dict[str, str]], choices: Choices) -> None:
    around = Surroundings(choices, COLUMNS)
    reader = RowReader(preset("own-columns"), around)
    compare(reader, around, [Row(place, one) for place, one in enumerate(cells, 2)])


def test_usual_rows_are_read_together() -> None:
    around = Surroundings(Choices(), COLUMNS)
    rows = [Row(place, USUAL | {"trade_id": f"t-{place}"}) for place in range(2, 50)]
    assert compare(RowReader(preset("own-columns"), around), around, rows)


def test_events_and_skipped_rows_stand_between_fills() -> None:
    text = """
    rows:
      - when: {type: skip}
        skip: of no interest
      - when: {type: funding}
        cash: {ts: ts, currency: {value: USDT}, amount: price, reason: {value: funding}}
      - fill: {ts: ts, symbol: symbol, side: side, qty: qty, price: price}
    """
    around = Surroundings(Choices(), ("type", *USUAL))
    reader = RowReader(load(text, "map.yml"), around, ".")
    kinds = ["", "funding", "", "skip", "", "", "funding", "funding", "skip"]
    rows = [Row(place, USUAL | ({"type": kind} if kind else {})) for place, kind in enumerate(kinds, 2)]
    assert compare(reader, around, rows)


def test_what_is_rounded_in_rows_that_are_read_together_is_said_with_its_places() -> None:
    mapping = load(
        "numbers: {decimal: '.'}\ntimes: {zone: UTC}\n"
        "fields: {ts: ts, symbol: symbol, side: side, qty: qty, price: {quotient_of: [price, qty]}}\n",
        "map.yml",
    )
    rows = [Row(place, USUAL | {"qty": "3" if place % 100 == 2 else "2"}) for place in range(2, 1_002)]
    *fills, said = Interpreter(mapping).readings_together(Table("", tuple(USUAL), Rows(rows)))
    assert [type(one) for one in fills] == [FillRows, FillRows]
    assert said == Said(
        "rounded", "price: results of more than 38 digits are rounded to 30", (2, 102, 202, 302, 402), 10
    )


def test_a_row_that_says_something_is_found_among_many() -> None:
    rows = [Row(place, USUAL) for place in range(2, 2 + 3 * TOGETHER)]
    rows[700] = Row(702, USUAL | {"qty": "much"})
    found = list(Interpreter(preset("own-columns")).readings_together(Table("", COLUMNS, Rows(rows))))
    sizes = [len(one.places) if isinstance(one, FillRows) else one.place for one in found]  # type: ignore[union-attr]
    assert sizes == [TOGETHER, *range(502, 1002), TOGETHER]


LINES = st.sampled_from(
    [
        "1,2,3",
        "4, 5 ,6",
        "7,,9",
        "1,2",
        "1,2,3,4",
        "",
        "# said",
        "Trades",
        "a,b,c",
        "c,b,a",
        "x,2,3",
        '"1",2,3',
        "Total",
    ]
)


@given(st.lists(LINES, max_size=30), st.integers(1, 7))
def test_records_that_are_looked_at_together_are_rows_as_one_by_one(lines: list[str], together: int) -> None:
    def rows(at_once: int) -> list[tuple[str, list[Row]]]:
        grid._TOGETHER = at_once
        document = read(io.BytesIO("\n".join(["a,b,c", *lines]).encode()), "x.csv", headers=[frozenset("abc")])
        return [(table.name, list(table.rows)) for table in document.tables]

    usual = grid._TOGETHER
    try:
        assert rows(together) == rows(1)
    finally:
        grid._TOGETHER = usual


def test_rows_come_one_by_one_or_together_in_one_order() -> None:
    block = Block([2, 3, 4], {"a": ["x", "y", "z"]})
    first, last = Row(1, {"a": "w"}), Row(5, {"a": "v"})
    all_rows = [first, *block.rows(), last]

    assert list(Rows([first, block, last])) == all_rows
    assert list(Rows([first, block, last]).items()) == [first, block, last]
    rows = Rows([first, block, last])
    assert [rows.together(9), rows.together(9), rows.together(9), rows.together(9)] == [[first], block, [last], []]
    rows = Rows([block, last])
    assert next(rows) == block.rows()[0]
    rows.put_back([first, block.rows()[0]])
    assert rows.together(3) == all_rows[:3]
    assert list(rows) == all_rows[3:]


def test_a_block_says_what_its_rows_say() -> None:
    table = {name: [text] * 3 for name, text in USUAL.items()} | {"fee": ["0.1", "0.2", "0.30"], "strategy": [*"abc"]}
    block = Block([2, 3, 4], table)
    around = Surroundings(Choices(), tuple(table), is_complete=True)
    reader = RowReader(preset("own-columns"), around, ".")
    found = reader.read_together(block)
    assert found == reader.read_together(block.rows())
    assert found is not None
    assert isinstance(found[0], FillRows)

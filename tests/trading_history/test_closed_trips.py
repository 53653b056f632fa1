"""Sums of round trips from blocks are those from rows, whatever was restated; amounts of any length stay exact."""

import random
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.random_ledger import random_ledger
from tests.trading_history.figures import ask, fold_at_once, fold_in_parts, rows_of, settle
from trading_history import schema
from trading_history.figures import keeper, trip_blocks
from trading_history.figures.trip_blocks import FIRST_NS, rows_by_end
from trading_history.figures.trip_columns import AMOUNTS, Amounts, TripColumns, columns_of, joined, pack, total, unpack
from trading_history.queries import closed_trips, round_trips
from trading_history.queries.grouping import Member
from trading_history.queries.performance import performance
from trading_history.queries.pnl import by_hour, by_period
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.reader import Snapshot
from trading_history.writer import HistoryWriter
from trading_model.days import MIDNIGHT_UTC, Calendar
from trading_model.decimals import EXACT, show

BY: list[tuple[Member, ...]] = [(), ("tag", "strategy")]


def contents(trips: TripColumns) -> list[tuple[Any, ...]]:
    """Each trip, with its amounts as decimals."""
    plain = ("series", "opened_ns", "closed_ns", "fills")
    return [
        (
            *(int(getattr(trips, name)[at]) for name in plain),
            trips.tag_sets[trips.tags[at]],
            trips.flag_sets[trips.flags[at]],
            *(trips.amounts[name][at : at + 1].total for name in AMOUNTS),
        )
        for at in range(len(trips))
    ]


def blocks_of(snapshot: Snapshot) -> list[TripColumns]:
    """The blocks of a store."""
    rows = snapshot.connection.execute("SELECT columns FROM trip_blocks ORDER BY until_ns")
    return [unpack(columns) for (columns,) in rows]


def answers(snapshot: Snapshot) -> list[Any]:
    """What is answered from closed round trips."""
    ask_one: Any = snapshot.connection.execute
    first, last = ask_one("SELECT min(opened_ns), max(closed_ns) FROM round_trips").fetchone()
    middle = (first + last) // 2
    scopes = [EVERYTHING, Scope(symbols=("BTC/USDT",), tags=("a", "b")), Scope(accounts=("nobody",))]
    found: list[Any] = [performance(snapshot, scope, first, last + 1, by) for scope in scopes for by in BY]
    found += [
        performance(snapshot, EVERYTHING, *times) for times in ((middle, last), (first, middle), (last, last + 1))
    ]
    days = Calendar.of(MIDNIGHT_UTC, "day", first, last + 1)
    return [
        found,
        by_period(snapshot, EVERYTHING, days),
        by_hour(snapshot, EVERYTHING, MIDNIGHT_UTC.zone, middle, last),
    ]


@pytest.mark.long
def test_blocks_have_what_rows_have_wherever_the_fold_went_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = random_ledger(31, 300)
    fold_at_once(tmp_path / "whole", events)
    for name, value in (("PIECE", 3), ("CHECKPOINT_SECONDS", 0.0), ("CHECKPOINT_SHARE", 0)):
        monkeypatch.setattr(keeper, name, value)
    monkeypatch.setattr(trip_blocks, "SIZE", 2)
    fold_in_parts(tmp_path / "parts", events, random.Random(31))
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")
    in_blocks = ask(tmp_path / "parts", blocks_of)
    assert len(in_blocks) > 2
    rows = ask(tmp_path / "parts", lambda snapshot: rows_by_end(snapshot.connection, FIRST_NS, 1 << 62))
    assert contents(joined(in_blocks)) == contents(rows)[: sum(map(len, in_blocks))]
    from_rows = ask(tmp_path / "parts", answers)
    monkeypatch.setattr(round_trips, "MAX_ROWS", 0)
    assert ask(tmp_path / "parts", answers) == from_rows
    monkeypatch.setattr(closed_trips, "MAX_JOINED", 0)
    assert ask(tmp_path / "parts", answers) == from_rows


LAYOUT_3 = """
DROP TABLE trip_blocks; DROP VIEW equity_of_series; ALTER TABLE equity DROP COLUMN fees_outside;
CREATE VIEW equity_of_series AS SELECT * FROM equity; PRAGMA user_version = 3
"""


def test_a_store_of_an_earlier_layout_gets_blocks_and_fees_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trip_blocks, "SIZE", 2)
    events = random_ledger(31, 60)
    fold_at_once(tmp_path, events)
    made, rows = ask(tmp_path, blocks_of), rows_of(tmp_path)
    with schema.DATABASE.errors(tmp_path), closing(schema.open_to_write(tmp_path)[0]) as connection:
        connection.execute(LAYOUT_3)
    with closing(HistoryWriter(tmp_path, with_figures=True)) as writer:
        settle(writer)
        for _ in made:
            writer.advance_figures()
    assert rows_of(tmp_path) == rows
    assert [contents(one) for one in ask(tmp_path, blocks_of)] == [contents(one) for one in made]


@pytest.mark.parametrize(
    "texts",
    [
        ["0", "-1", "12.50", "0.0000000000000000000000000000000001", "-99999999999999999999999999999999999999.9"],
        ["9223372036854775807", "9223372036854775807", "-9223372036854775808"],
        ["127", "-128"],
        ["128"],
        ["0.5"],
    ],
    ids=["34 decimals", "the longest of 64 bits", "one byte", "two bytes", "one"],
)
def test_amounts_stay_exact(texts: Sequence[str]) -> None:
    trip = (1, -5, 1 << 62, 3, '["ü"]', "[]")
    trips = [columns_of([(*trip, *[text] * len(AMOUNTS))]) for text in texts]
    several = joined([unpack(pack(one)) for one in trips])
    nets: Amounts = several.amounts["net"]
    exact = [Decimal(text) for text in texts]
    assert [nets[at : at + 1].total for at in range(len(texts))] == exact
    assert show(nets.total) == show(reduce(EXACT.add, exact))
    assert (nets.max, nets.min) == (max(exact), min(exact))
    assert nets.signs.tolist() == [(one > 0) - (one < 0) for one in exact]
    assert total(several.holding_ns) == len(texts) * ((1 << 62) + 5)


def test_nothing_adds_up_to_nothing() -> None:
    none = columns_of([])
    assert (len(none), show(none.amounts["net"].total), total(none.fills)) == (0, "0", 0)
    assert Amounts.of_texts([]).signs.dtype == np.int8

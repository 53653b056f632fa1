"""Sums of round trips from blocks are those from rows, whatever was restated; amounts of any length stay exact."""

import random
from collections.abc import Sequence
from decimal import Decimal
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.ledger_builder import LedgerBuilder
from tests.support.random_ledger import random_ledger
from tests.trading_history.figures import ask, fold_at_once, fold_in_parts, rows_of
from trading_history.figures import keeper, trip_blocks
from trading_history.figures.trip_blocks import FIRST_NS, rows_by_end
from trading_history.figures.trip_columns import AMOUNTS, Amounts, TripColumns, columns_of, joined, pack, sums, unpack
from trading_history.queries import closed_trips, round_trips
from trading_history.queries.closed_trips import ClosedTrips
from trading_history.queries.grouping import Member
from trading_history.queries.performance import performance
from trading_history.queries.pnl import by_hour, by_period
from trading_history.queries.scope import EVERYTHING, Scope, Series
from trading_history.reader import Snapshot
from trading_model.days import MIDNIGHT_UTC, Calendar
from trading_model.decimals import EXACT, exactly, show

BY: list[tuple[Member, ...]] = [(), ("tag", "strategy")]


def contents(trips: TripColumns) -> list[tuple[Any, ...]]:
    """Each trip, with its amounts as decimals."""
    plain = ("series", "opened_ns", "closed_ns", "fills")
    amounts = [trips.amounts[name].sums(np.arange(len(trips))) for name in AMOUNTS]
    return [
        (
            *(int(getattr(trips, name)[at]) for name in plain),
            trips.tag_sets[trips.tags[at]],
            trips.flag_sets[trips.flags[at]],
            *(column[at] for column in amounts),
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


def pages_with_tag(snapshot: Snapshot, tag: str) -> list[tuple[str, int]]:
    """Symbols and numbers of the round trips with a tag, two at a time."""
    found, after = list[tuple[str, int]](), None
    while True:
        page = round_trips.closed(snapshot, Scope(tags=(tag,)), 1, 1 << 62, limit=2, after=after)
        found += [(one.symbol, one.number) for one in page.round_trips]
        after = page.next
        if after is None:
            return found


def test_a_search_by_tag_reads_the_blocks_that_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trip_blocks, "SIZE", 2)
    ledger = LedgerBuilder()
    for number in range(23):
        tags = {3: ["rare"], 9: ["rar", "ü"], 22: ["rare"]}.get(number, [])
        ledger.buy("1", "10", f"S{number % 3}", tags=tags)
        ledger.sell("1", "11", f"S{number % 3}")
    fold_at_once(tmp_path, ledger.events)
    assert len(ask(tmp_path, blocks_of)) > 5
    monkeypatch.setattr(round_trips, "MAX_ROWS", 0)
    found = {tag: ask(tmp_path, partial(pages_with_tag, tag=tag)) for tag in ("rare", "rar", "ü", "none")}
    assert found == {"rare": [("S1", 8), ("S0", 2)], "rar": [("S0", 4)], "ü": [("S0", 4)], "none": []}


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
    for name, value in (("BATCH", 1), ("MAX_COUNTED", 0)):
        monkeypatch.setattr(closed_trips, name, value)
        assert ask(tmp_path / "parts", answers) == from_rows


@pytest.mark.parametrize(
    "texts",
    [
        ["0", "-1", "12.50", "0.0000000000000000000000000000000001", "-99999999999999999999999999999999999999.9"],
        ["9223372036854775807", "9223372036854775807", "-9223372036854775808"],
        ["92233720368.54775807", "92233720368.54775808", "-99999999999"],
        ["127", "-128"],
        ["128"],
        ["0.5"],
    ],
    ids=["34 decimals", "the longest of 64 bits", "about 64 bits with 8 decimals", "one byte", "two bytes", "one"],
)
def test_amounts_stay_exact(texts: Sequence[str]) -> None:
    trip = (1, -5, 1 << 62, 3, '["ü"]', "[]", None)
    trips = [columns_of([(*trip, *[text] * len(AMOUNTS))]) for text in texts]
    several = joined([unpack(pack(one)) for one in trips])
    nets: Amounts = several.amounts["net"]
    exact = [Decimal(text) for text in texts]
    assert nets.sums(EACH[: len(texts)]) == nets.highest(EACH[: len(texts)]) == exact
    assert show(nets.sums(WHOLE)[0]) == show(reduce(EXACT.add, exact))
    assert (nets.highest(WHOLE), nets.lowest(WHOLE)) == ([max(exact)], [min(exact)])
    assert nets.signs.tolist() == [(one > 0) - (one < 0) for one in exact]
    assert sums(several.closed_ns - several.opened_ns, WHOLE) == [len(texts) * ((1 << 62) + 5)]


EACH, WHOLE = np.arange(9), np.array([0])


def test_blocks_have_no_more_bytes_than_their_amounts_and_times_need() -> None:
    hour_ns, began_ns = 3_600 * 10**9, 1_700_000_000 * 10**9
    opened = [began_ns + at * hour_ns for at in range(100)]
    in_whole, in_cents = (
        pack(columns_of([
            (1, opened_ns, opened_ns + 2 * hour_ns, 3, "[]", "[]", None, *[f"{at}000{cents}"] * len(AMOUNTS))
            for at, opened_ns in enumerate(opened)
        ]))
        for cents in ("", ".25")
    )  # fmt: skip
    assert len(in_whole) < (6 + 4 * len(AMOUNTS)) * 100 + 250
    both = joined([unpack(in_whole), unpack(in_cents)])
    assert both.amounts["net"].sums(WHOLE) == [2 * sum(range(100)) * 1_000 + 25]
    assert both.opened_ns.tolist() == 2 * opened
    assert both.closed_ns.tolist() == 2 * [opened_ns + 2 * hour_ns for opened_ns in opened]


@pytest.mark.parametrize("text", ["0.5", "123456789012345678901234567890.5"], ids=["one part", "several parts"])
def test_each_group_has_its_own_sums_and_extremes(text: str) -> None:
    trips = columns_of([
        (series, 10 * at, 10 * at + fills, fills, tags, "[]", None, *[f"{sign}{fills}{text}"] * len(AMOUNTS))
        for at, (series, sign, fills, tags) in enumerate([
            (1, "", 1, '["a"]'), (0, "-", 2, "[]"), (1, "-", 3, '["a","b"]'), (0, "", 4, "[]"), (1, "", 5, '["b"]'),
        ])
    ])  # fmt: skip
    names = ["x", "y"]
    books = [Series(at, "book", name, "", "", "", "USD") for at, name in enumerate(names)]
    found = exactly(ClosedTrips(books, [trips[:3], trips[3:]]).sums)(("account", "tag"))
    amount = {fills: Decimal(f"{fills}{text}") for fills in range(1, 6)}
    shown = {
        tuple(value for _, value in group): (one.trips, one.wins, one.won, one.lost, one.largest_win, one.held_ns)
        for (group, _), one in found.items()
    }
    assert shown == {
        ("x", ""): (2, 1, amount[4], amount[2].copy_negate(), amount[4], 6),
        ("y", "a"): (2, 1, amount[1], amount[3].copy_negate(), amount[1], 4),
        ("y", "b"): (2, 1, amount[5], amount[3].copy_negate(), amount[5], 8),
    }


def test_nothing_adds_up_to_nothing() -> None:
    assert len(columns_of([])) == 0
    assert ClosedTrips([], []).sums(("tag",)) == {}
    assert Amounts.of_texts([]).signs.dtype == np.int8

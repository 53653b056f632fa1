"""The history as it was known: row for row that of a ledger which ended then."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.random_ledger import random_ledger
from tests.trading_history.figures import ALWAYS, ask, closed_between, fold_at_once, rows_of
from tests.trading_history.ledgers import Ledger, a_random_ledger, fold
from trading_history import past, schema
from trading_history.past import Past, TooMuchPast
from trading_history.queries.keys import Wanted
from trading_history.queries.positions import positions
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.reader import Snapshot

TABLES = ("trades", "corrections", "imports", "equity", "positions", "round_trips")


def rows_then(folder: Path, sequence: int) -> dict[str, list[tuple[Any, ...]]]:
    def read(snapshot: Snapshot) -> dict[str, list[tuple[Any, ...]]]:
        with closing(Past(snapshot, sequence, Wanted())) as past:
            then = past.snapshot()
            assert (then.position.sequence, then.figures_are_settled) == (sequence, True)
            selects = schema.DATA | schema.FIGURES
            return {name: [tuple(row) for row in past.connection.execute(selects[name])] for name in TABLES}

    found: dict[str, list[tuple[Any, ...]]] = ask(folder, read)
    return found


def test_rows_are_those_of_a_ledger_that_ended_then(tmp_path: Path) -> None:
    events = random_ledger(11, 160)
    fold_at_once(tmp_path / "all", events)
    for sequence in (70, 159):
        folder = tmp_path / f"{sequence}"
        fold_at_once(folder, events[:sequence])
        ended = rows_of(folder)
        assert rows_then(tmp_path / "all", sequence) == {name: ended[name] for name in TABLES}


def test_corrections_of_corrections_and_imports_are_as_they_were(tmp_path: Path) -> None:
    ledger = a_random_ledger(5, 120)
    fold(tmp_path / "all", ledger, with_figures=True)
    for sequence in (30, 75):
        folder = tmp_path / f"{sequence}"
        fold(folder, Ledger(ledger.events[:sequence]), with_figures=True)
        ended = rows_of(folder)
        assert rows_then(tmp_path / "all", sequence) == {name: ended[name] for name in TABLES}


def test_a_part_of_the_positions_is_as_in_the_whole(tmp_path: Path) -> None:
    events = random_ledger(13, 120)
    fold_at_once(tmp_path, events)
    last = len(events)
    for wanted, scope in _parts(tmp_path):

        def read(snapshot: Snapshot, wanted: Wanted = wanted, scope: Scope = scope) -> None:
            with closing(Past(snapshot, last, wanted)) as past:
                then = past.snapshot()
                assert positions(then, scope) == positions(snapshot, scope)
                assert closed_between(then, scope, *ALWAYS) == closed_between(snapshot, scope, *ALWAYS)

        ask(tmp_path, read)


def _parts(folder: Path) -> list[tuple[Wanted, Scope]]:
    held = ask(folder, lambda snapshot: positions(snapshot, EVERYTHING))
    assert len(held) > 10
    first, *_, last = held
    return [
        (Wanted(account=first.account), Scope(accounts=(first.account,))),
        (Wanted(strategy=last.strategy), Scope(strategies=(last.strategy,))),
        *((Wanted(symbol=one), Scope(symbols=(one,))) for one in sorted({each.symbol for each in held})[::4]),
    ]


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = random_ledger(14, 60)
    fold_at_once(tmp_path, events)
    monkeypatch.setattr(past, "MAX_FILLS", 20)
    with pytest.raises(TooMuchPast):
        ask(tmp_path, lambda snapshot: Past(snapshot, 60, Wanted()))
    monkeypatch.setattr(past, "MAX_FILLS", 0)
    ask(tmp_path, lambda snapshot: Past(snapshot, 60, Wanted(account="nobody")).close())

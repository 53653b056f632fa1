"""The rebuild of the history from a journal."""

from pathlib import Path

import pytest

from tests.support.built_history import build_history
from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.stored_ledger import store
from trading_history import rebuild, schema
from trading_history.figures.tables import Tables


def test_a_rebuild_makes_no_bars_of_seconds_that_it_would_drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAGE_EVENTS", "MAX_PENDING_ALONE", "LAST_EVENTS"):
        monkeypatch.setattr(rebuild, name, 1)
    monkeypatch.setattr(Tables, "drop_short", lambda *_: None)
    ledger = LedgerBuilder()
    ledger.buy("1", "100", ts=minute(0))
    ledger.buy("1", "101", ts=minute(3 * 24 * 60))
    store(ledger.events, tmp_path)
    build_history(tmp_path)
    with schema.DATABASE.reading(tmp_path) as connection:
        bars = connection.execute("SELECT span, count(*) FROM equity WHERE span <= 60 GROUP BY span").fetchall()
    assert bars == [(1, 1), (60, 2)]

"""Other programs at the journal. `make torture PART="locks files-lost"` does the same many more times."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.torture import locks
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import TRADE
from tests.trading_app.running import running

SEED = 20_261_128


def test_a_lock_of_another_program_costs_a_503_and_not_the_app(tmp_path: Path) -> None:
    with running(tmp_path, LOG_LEVEL="INFO") as app:
        with closing(sqlite3.connect(app.data_folder / locks.JOURNAL, isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            for _ in range(2):
                answer = app.client.post("/trade", json=json.loads(TRADE))
                assert answer.status_code == 503
                assert answer.headers["Retry-After"] == "1"
                assert "another program" in problem(answer, "store_busy")["detail"]
            assert app.client.get("/trades").json()["trades"] == []
            shell.execute("COMMIT")
        assert app.client.post("/trade", json=json.loads(TRADE)).json()["seq"] == 1
        assert app.log_text().count("another program holds the journal's lock") == 1
        assert app.metric("trading_app_journal_lock_waits_total") == 2
        assert app.metric("trading_app_journal_lock_wait_seconds_total") > 0
        assert app.metric('trading_app_trades_refused_total{code="store_busy"}') == 2
        assert app.stop() == 0


def test_an_end_waits_for_no_other_program(tmp_path: Path) -> None:
    with (
        running(tmp_path) as app,
        closing(sqlite3.connect(app.data_folder / locks.JOURNAL, isolation_level=None)) as shell,
    ):
        shell.execute("BEGIN IMMEDIATE")
        assert app.stop() == 0


def test_locks_checkpoints_and_copies_of_other_programs_end_nothing(tmp_path: Path) -> None:
    print(locks.locks(tmp_path, SEED, 12))


@pytest.mark.long
@pytest.mark.parametrize("what", locks.HARMS)
def test_a_file_that_is_taken_away_is_noticed_and_nothing_is_lost(tmp_path: Path, what: str) -> None:
    locks.lose_a_file(tmp_path, SEED, what)

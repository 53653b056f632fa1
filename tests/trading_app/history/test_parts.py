"""GET /api/symbols, /api/imports and /api/health; and what is answered where there is no history to read."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import httpx
import pytest

from tests.support.built_history import build_history
from tests.trading_app.running import RunningApp, running
from trading_history.schema import DATABASE, FOLD, HISTORY_FILE
from trading_history.writer import HistoryWriter


def test_symbols_have_who_traded_them_and_when(api: httpx.Client) -> None:
    assert api.get("/api/symbols").json()["symbols"] == [
        {
            "symbol": "BTC/USDT",
            "first_trade_at": "2026-01-02T10:00:00Z",
            "last_trade_at": "2026-02-01T00:00:00Z",
            "accounts": ["main"],
            "strategies": ["=maker", "default"],
            "position_sides": [],
            "currencies": [],
        }
    ]


def test_imports_say_whether_they_count(api: httpx.Client) -> None:
    (listed,) = api.get("/api/imports").json()["imports"]
    assert (listed["id"], listed["name"], listed["in_force"]) == ("i-1", "f.csv", False)


def test_health_has_a_word_for_each_part(api: httpx.Client) -> None:
    assert api.get("/api/health").json() == {
        "status": "degraded",
        "ledger": {"status": "ok", "behind": 0},
        "sidecar": {"status": "missing", "behind": None},
        "history": {"status": "ok", "behind": 0},
    }


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app whose history the tests spoil."""
    with running(tmp_path_factory.mktemp("alone")) as app:
        yield app


@pytest.fixture
def history(alone: RunningApp) -> Iterator[Path]:
    """The file of its history, as it was built; removed afterwards."""
    build_history(alone.data_folder)
    file = alone.data_folder / HISTORY_FILE
    yield file
    for one in alone.data_folder.glob(f"{HISTORY_FILE}*"):
        one.unlink()


def refused(app: RunningApp) -> tuple[int, str]:
    """How every call answers; a reader is told when to come again."""
    answer = app.client.get("/api/trades")
    assert int(answer.headers["retry-after"]) > 0
    assert str(app.data_folder) not in answer.json()["detail"]
    assert app.client.get("/api/health").json()["history"]["status"] in ("missing", "failed")
    return answer.status_code, answer.json()["code"]


def test_without_a_history_the_answer_says_who_builds_it(alone: RunningApp) -> None:
    assert refused(alone) == (503, "history_missing")
    assert "trading-analytics" in alone.client.get("/api/symbols").json()["detail"]


CALLS = ("positions", "trades", "round-trips", "performance", "pnl?by=day", "equity", "drawdown", "symbols", "imports",
         "candles?symbol=BTC-USDT&interval=1h")  # fmt: skip


def test_a_history_that_has_no_event_yet_is_not_that_of_an_empty_ledger(tmp_path: Path) -> None:
    """It is so while it is first built: the figures of a ledger without trades would be wrong ones."""
    with running(tmp_path) as app:
        HistoryWriter(app.data_folder, with_figures=True).close()
        assert [app.client.get(f"/api/{call}").status_code for call in CALLS] == [200] * len(CALLS)
        trade = {"symbol": "BTC/USDT", "side": "buy", "price": 1, "qty": 1}
        app.client.post("/trade", json=trade).raise_for_status()
        for call in CALLS:
            answer = app.client.get(f"/api/{call}")
            assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
                503, "history_missing", "5",
            )  # fmt: skip
        assert app.client.get("/api/health").json()["history"] == {"status": "behind", "behind": 1}
        build_history(app.data_folder)
        assert [app.client.get(f"/api/{call}").status_code for call in CALLS] == [200] * len(CALLS)


def test_a_history_of_a_later_version_is_not_read(alone: RunningApp, history: Path) -> None:
    change(history, "PRAGMA user_version = 99")
    assert refused(alone) == (503, "history_newer")


def test_a_history_of_another_ledger_is_not_shown(alone: RunningApp, history: Path) -> None:
    at = '{"stream":"1d0b7a52-6a4e-4a0c-9a2e-0c8f0c6a7a11","sequence":1,"hash":""}'
    change(history, f"INSERT OR REPLACE INTO position VALUES ('trades', {FOLD}, '{at}')")
    assert refused(alone) == (503, "history_foreign")


def test_a_damaged_history_is_a_problem_and_no_crash(alone: RunningApp, history: Path) -> None:
    history.write_bytes(b"no database" * 1_000)
    assert refused(alone) == (503, "history_unavailable")


def test_a_history_that_another_program_locks_is_a_problem(alone: RunningApp, history: Path) -> None:
    connection = apsw.Connection(str(history))
    connection.pragma("locking_mode", "exclusive")
    connection.execute("BEGIN IMMEDIATE; COMMIT")
    answer = alone.client.get("/api/trades")
    connection.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "history_unavailable")
    assert "another program holds the lock" in answer.json()["detail"]


def change(file: Path, statements: str) -> None:
    with closing(DATABASE.open_to_write(file.parent)) as connection:
        connection.execute(statements)

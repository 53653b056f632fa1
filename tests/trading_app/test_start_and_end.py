"""How the process starts, or says why it does not; and how it ends."""

import json
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import apsw
import httpx
import pytest

from tests.support.http import open_client
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import TRADE, connected, get, post
from tests.trading_app.running import RunningApp, running

JSON = {"Content-Type": "application/json"}


def refused_start(folder: Path, **settings: str) -> tuple[int, str]:
    """The exit code and all that was said."""
    app = RunningApp(folder, **settings)
    try:
        return app.wait(), app.log_text()
    finally:
        app.end()


@pytest.mark.parametrize(
    ("key", "value"),
    [("WEBAPP_HTTP_HOST", "0.0.0.0"), ("WEBAPP_HTTP_PORT", "80000"), ("WEBAPP_ZMQ_ADDR", "tcp://0.0.0.0:5555")],
)
def test_a_setting_that_can_not_be_used_ends_it_with_2(tmp_path: Path, key: str, value: str) -> None:
    code, said = refused_start(tmp_path, **{key: value})
    assert code == 2
    assert said.startswith(f"trading-app: {key}=")
    assert said.count("\n") == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("key", ["WEBAPP_INSTRUMENTS_FILE", "WEBAPP_HOOKS_FILE", "WEBAPP_ACCOUNTS_FILE"])
def test_a_file_that_a_setting_names_has_to_be_there(tmp_path: Path, key: str) -> None:
    """Else a typing error in its name would leave positions without their instruments."""
    code, said = refused_start(tmp_path, **{key: str(tmp_path / "misspelt.yml")})
    assert (code, said) == (2, f"trading-app: {key}: there is no file {tmp_path / 'misspelt.yml'}\n")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("key", ["WEBAPP_HTTP_PORT", "WEBAPP_ZMQ_ADDR", "WEBAPP_REPLAY_ADDR"])
def test_an_address_in_use_ends_it_with_1_and_names_the_setting(tmp_path: Path, key: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = refused_start(tmp_path, **{key: str(port) if "PORT" in key else f"tcp://127.0.0.1:{port}"})
    assert code == 1
    assert key in said
    assert str(port) in said
    assert "Traceback" not in said


def test_the_journal_of_another_process_is_left_alone(web: RunningApp, tmp_path: Path) -> None:
    code, said = refused_start(tmp_path, DATA_DIR=str(web.data_folder))
    assert code == 1
    assert "another process writes the journal" in said
    assert "DATA_DIR" in said
    assert "Traceback" not in said
    assert web.client.get("/readyz").status_code == 200


def other_database(folder: Path) -> None:
    with sqlite3.connect(folder / "journal.sqlite3") as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()


def no_database(folder: Path) -> None:
    (folder / "journal.sqlite3").write_bytes(b"a text of some length, and certainly no database" * 100)


@pytest.mark.parametrize("put", [other_database, no_database])
def test_a_file_that_is_no_journal_is_refused_and_kept(tmp_path: Path, put: object) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    assert callable(put)
    put(folder)
    code, said = refused_start(tmp_path)
    assert code == 1
    assert "DATA_DIR" in said
    assert "Traceback" not in said
    if put is other_database:
        with sqlite3.connect(folder / "journal.sqlite3") as database:
            assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("recipes",)]
        database.close()
    else:
        assert (folder / "journal.sqlite3").read_bytes().startswith(b"a text")


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, said = refused_start(tmp_path, DATA_DIR=str(tmp_path / "file" / "data"))
    assert code == 1
    assert "DATA_DIR" in said
    assert "Traceback" not in said


def send_until_it_ends(app: RunningApp, taken: list[int], others: list[object]) -> None:
    """Trades, one after another; `taken` gets the sequences that were answered."""
    with open_client(app.url) as client:
        while True:
            try:
                answer = client.post("/trade", content=TRADE, headers=JSON)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                return  # closed between two requests, or no longer there
            if answer.status_code == 201:
                taken.append(answer.json()["seq"])
            elif answer.status_code != 503:
                others.append(answer)


def has_more_than(found: list[int], count: int) -> bool:
    return len(found) > count


def test_it_ends_with_0_and_every_answered_trade_is_there_at_the_next_start(tmp_path: Path) -> None:
    taken: list[int] = []
    others: list[object] = []
    for by in (signal.SIGTERM, signal.SIGINT):
        enough = len(taken) + 200
        with running(tmp_path, LOG_LEVEL="INFO") as app:
            senders = [threading.Thread(target=send_until_it_ends, args=(app, taken, others)) for _ in range(8)]
            for sender in senders:
                sender.start()
            eventually(partial(has_more_than, taken, enough))
            assert app.stop(by) == 0
            for sender in senders:
                sender.join()
            assert "Traceback" not in app.log_text()
    assert others == []
    with running(tmp_path) as app:
        text = app.client.get("/trades", headers={"Accept": "application/x-ndjson"}).text
    stored = {json.loads(line)["seq"] for line in text.splitlines()}
    assert len(taken) == len(set(taken))
    assert set(taken) <= stored


def test_after_an_end_the_journal_is_one_file(tmp_path: Path) -> None:
    """Else a copy put back by hand would get the pages of the write-ahead log that is left."""
    with running(tmp_path) as app:
        assert app.client.post("/trade", content=TRADE, headers=JSON).status_code == 201
        assert app.client.get("/events", params={"after": 0}).status_code == 200  # by a reader of its own
        assert app.stop() == 0
    assert [file.name for file in app.data_folder.glob("journal.sqlite3*")] == ["journal.sqlite3"]


def test_a_request_under_way_at_the_end_is_answered(tmp_path: Path) -> None:
    request = post("/trade", TRADE)
    with running(tmp_path) as app, connected(app.port) as connection:
        connection.send(get("/healthz"))
        assert connection.answer().status == 200
        connection.send(request[:-10])
        eventually(
            lambda: app.metric('trading_app_http_requests_total{method="GET",route="/healthz",status="200"}') == 1
        )
        app.process.send_signal(signal.SIGTERM)
        eventually(lambda: "Shutting down" in app.log_text())
        connection.send(request[-10:])
        assert connection.answer().status in (201, 503)
        assert connection.is_closed()
        assert app.wait() == 0


TWO_ROWS_A_COMMIT = """
import threading
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.stores.sqlite import known_events
known_events.ROW_BYTES = known_events.READ_BYTES * 2 // 3

append, stop_waiting, ending = DurableLog.append, DurableLog.stop_waiting, threading.Event()

def append_once_it_ends(log, submissions):
    if any(len(submission.events) == 10_000 for submission in submissions):
        ending.wait(60)
    return append(log, submissions)

def end(log):
    ending.set()
    stop_waiting(log)

DurableLog.append, DurableLog.stop_waiting = append_once_it_ends, end
from trading_app.main import main
raise SystemExit(main())
"""
"""Large requests are still under way when the end comes, however late that is."""


def test_an_end_does_not_wait_for_requests_that_take_long(tmp_path: Path) -> None:
    """Known trades in another order, so many that the writer looks them up in parts."""
    with running(tmp_path, program=TWO_ROWS_A_COMMIT) as app, ExitStack() as opened:
        trades = [{**json.loads(TRADE), "trade_id": f"t-{name}"} for name in range(10_000)]
        for begin in range(0, 10_000, 50):  # a row for each fifty
            assert app.client.post("/trades", json=trades[begin : begin + 50]).status_code == 201
        random.Random(1).shuffle(trades)
        body = json.dumps(trades).encode()
        connections = [opened.enter_context(connected(app.port)) for _ in range(3)]
        for connection in connections:
            connection.send(post("/trades", body))
        eventually(lambda: app.metric("trading_app_pending_trades") == 30_000)
        app.process.send_signal(signal.SIGTERM)
        answers = [connection.answer() for connection in connections]
        assert [(answer.status, answer.headers["retry-after"]) for answer in answers] == [(503, "5")] * 3
        assert app.wait() == 0


SLOW_READERS = """
import os, time
from pathlib import Path
from telemetry_stream.stores.sqlite.reader import JournalReader
from trading_history.reader import HistoryReader

labelled = JournalReader.labelled

def labelled_slowly(self, **wanted):
    if wanted["limit"] == 1:
        Path(os.environ["DATA_DIR"], "asked").touch()
        time.sleep(0.02)
    return labelled(self, **wanted)

def open_slowly(self, folder):
    Path(folder, "asked").touch()
    time.sleep(600)

JournalReader.labelled, HistoryReader.__init__ = labelled_slowly, open_slowly
from trading_app.main import main
raise SystemExit(main())
"""
"""Corrections take minutes to be decided, and questions to the history take longer."""


def test_an_end_does_not_wait_for_corrections_that_are_decided(tmp_path: Path) -> None:
    with running(tmp_path, program=SLOW_READERS) as app, connected(app.port) as connection:
        trades = [{**json.loads(TRADE), "trade_id": f"t-{name}"} for name in range(10_000)]
        assert app.client.post("/trades", json=trades).status_code == 201
        voids = [{"kind": "void", "target": target + 1} for target in range(10_000)]
        connection.send(post("/events", json.dumps(voids).encode()))
        eventually((app.data_folder / "asked").exists)
        app.process.send_signal(signal.SIGTERM)
        answer = connection.answer()
        assert (answer.status, answer.json()["code"], answer.headers["retry-after"]) == (503, "not_ready", "5")
        assert app.wait() == 0


def test_an_end_does_not_wait_for_a_question_to_the_history(tmp_path: Path) -> None:
    with running(tmp_path, program=SLOW_READERS) as app, connected(app.port) as connection:
        connection.send(get("/api/positions"))
        eventually((app.data_folder / "asked").exists)
        app.process.send_signal(signal.SIGTERM)
        assert app.wait() == 0


@pytest.fixture
def small_files(tmp_path: Path) -> Iterator[RunningApp]:
    """An app that may write no file beyond some hundred kilobytes, as on a disk that is full."""
    with running(tmp_path, LOG_LEVEL="INFO") as app:
        resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE, (400_000, 400_000))
        yield app


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits the files of another process")
def test_a_commit_that_fails_is_a_503_and_the_end_of_the_process(small_files: RunningApp) -> None:
    app, taken, failed = small_files, 0, 0
    batch = b"\n".join([TRADE] * 200)

    def send(to: RunningApp, number: int) -> httpx.Response:
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"k{number}"}
        return to.client.post("/trades", content=batch, headers=headers)

    while (answer := send(app, failed)).status_code == 201:
        taken, failed = answer.json()["last_seq"], failed + 1
    assert "Idempotency-Key" in problem(answer, "stream_failed")["detail"]
    assert answer.headers["retry-after"] == "5"
    assert app.wait() == 1
    assert "the stream failed; exiting, the next start recovers" in app.log_text()
    assert taken == failed * 200 > 0
    with running(app.data_folder.parent) as again:
        # What was answered is there; what failed is there whole or not at all, and once after it is sent again.
        assert again.stored_trades() in (taken, taken + 200)
        assert send(again, failed).status_code in (200, 201)
        assert again.stored_trades() == taken + 200


def test_what_was_not_foreseen_is_a_500_with_an_id_that_is_in_the_log(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        app.client.post("/trade", content=TRADE, headers=JSON).raise_for_status()
    with running(tmp_path) as app:  # again, so that the trade is read from the disk and not from memory
        client = app.client
        with closing(apsw.Connection(str(app.data_folder / "journal.sqlite3"))) as other:
            other.execute("ALTER TABLE batch RENAME TO elsewhere")
        answer = client.get("/trades", headers={"X-Request-ID": "unforeseen"})
        document = problem(answer, "internal_error")
        assert document["request_id"] == "unforeseen"
        assert "sqlite" not in answer.text.lower(), "what went wrong is for the log alone"
        [line] = eventually(lambda: [line for line in app.log_lines() if line["event"] == "a request failed"])
        assert (line["request_id"], line["path"]) == ("unforeseen", "/trades")
        assert "Traceback" in line["exception"]
        assert app.metric('trading_app_requests_refused_total{code="internal_error"}') == 1
        assert client.get("/healthz").status_code == 200
        problem(client.get("/trades", headers={"Accept": "application/x-ndjson"}), "internal_error")


def test_it_starts_from_any_folder_and_says_where_it_listens(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    port = free_port()
    with running(elsewhere, DATA_DIR=str(tmp_path / "data"), WEBAPP_HTTP_PORT=str(port)) as app:
        [ready] = eventually(lambda: [line for line in app.log_lines() if line["event"] == "ready"])
        assert ready["urls"] == [f"http://127.0.0.1:{port}"]
        assert (tmp_path / "data" / "journal.sqlite3").exists()
        assert list(elsewhere.glob("*.sqlite3")) == []


def test_a_misspelt_setting_is_named_at_the_start_with_the_one_that_was_meant(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_MAX_CONECTIONS="7") as app:
        [line] = [line for line in app.log_lines() if line["level"] == "warning"]
    assert (line["event"], line["setting"]) == ("unknown setting, ignored", "WEBAPP_MAX_CONECTIONS")
    assert "WEBAPP_MAX_CONNECTIONS" in line["how"]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["doctor", "--help"]])
def test_what_is_asked_about_the_program_imports_no_other_command(arguments: list[str]) -> None:
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr));"
        "from trading_app.main import main; main()"
    )
    shown = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True, text=True)
    commands = ("trading_app.client.", "trading_app.commands.")
    imported = {name for name in shown.stderr.split() if name.startswith(commands)}
    assert imported == ({"trading_app.commands.doctor"} if arguments[0] == "doctor" else set())

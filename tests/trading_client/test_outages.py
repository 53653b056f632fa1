"""Servers that are dead, silent, foreign or refuse: `record` goes on, and no trade is lost."""

import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from service_kit.access.tokens import entry_text, mint, read_scopes
from tests.support.apps import Apps
from tests.support.polling import PATIENCE_SECONDS, eventually
from tests.trading_client.reading import ids_of, trades_of
from tests.trading_client.scripted import Reply, accepted, scripted
from trading_client import SpoolFull, TradingClient, sender

INGEST = read_scopes(["ingest"])
HTML = b"<html>404 Not Found</html>"


def sent_lines(body: bytes) -> list[bytes]:
    return body.splitlines()


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


def test_a_silent_server_stops_neither_record_nor_close(app: Apps, tmp_path: Path) -> None:
    with silent_server() as url:
        client = TradingClient(url, account="silent", spool=tmp_path)
        made = [client.record("BTC/USDT", "buy", 1, 1) for _ in range(50)]
        assert not client.close(0.1)
    eventually(lambda: client.status().state == "closed", what="the sender has ended")
    with TradingClient(app.web_url, spool=tmp_path) as client:
        assert client.flush(), client.status()
    assert ids_of(app, "silent") == made


def test_an_app_that_is_down_is_told_once_and_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def reply(number: int, body: bytes) -> Reply:
        return Reply(503, b"") if number < 4 else accepted(body.count(b"\n"))

    with scripted(reply) as server, TradingClient(server.url, spool=tmp_path) as client:
        client.record("BTC/USDT", "buy", 1, 1)
        assert client.flush(), client.status()
        assert client.status().failed_attempts == 4
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"trades wait in the spool {tmp_path}: the answer is 503, and not the trading app's"
    ]


@pytest.mark.parametrize(
    "reply",
    [Reply(404, HTML), Reply(200, HTML), Reply(400, HTML), Reply(422, b"{}"), Reply(307, b"", {"Location": "/x"})],
    ids=lambda reply: str(reply.status),
)
def test_a_foreign_server_costs_no_trade(app: Apps, tmp_path: Path, reply: Reply) -> None:
    account = f"foreign-{reply.status}"
    with scripted(lambda _number, _body: reply) as server, TradingClient(server.url, spool=tmp_path) as client:
        made = [client.record("BTC/USDT", "buy", 1, 1, account=account) for _ in range(3)]
        eventually(lambda: client.status().failed_attempts >= 2, what="attempts")
        assert client.status().state == "waiting"
        assert not client.close(0)
    with TradingClient(app.web_url, spool=tmp_path) as client:
        assert client.flush(), client.status()
        assert client.status().refused == 0
    assert ids_of(app, account) == made


def test_the_token_follows_no_redirect(tmp_path: Path) -> None:
    with scripted(lambda _number, body: accepted(body.count(b"\n"))) as elsewhere:
        moved = Reply(307, b"", {"Location": f"{elsewhere.url}/trades"})
        with scripted(lambda _number, _body: moved) as server:
            client = TradingClient(server.url, "a-token", spool=tmp_path)
            client.record("BTC/USDT", "buy", 1, 1)
            eventually(lambda: client.status().failed_attempts >= 1, what="an attempt")
            client.close(0)
        assert server.headers[0]["Authorization"] == "Bearer a-token"
        assert elsewhere.bodies == []


def test_an_answer_that_is_lost_is_asked_for_again(tmp_path: Path) -> None:
    def reply(number: int, body: bytes) -> Reply:
        return accepted(body.count(b"\n")) if number else Reply()

    with scripted(reply) as server, TradingClient(server.url, spool=tmp_path) as client:
        client.record("BTC/USDT", "buy", 1, 1)
        assert client.flush()
        assert client.status().failed_attempts == 1
    assert server.bodies[0] == server.bodies[1]


def test_a_connection_that_was_closed_while_idle_is_no_failure(tmp_path: Path) -> None:
    def reply(_number: int, body: bytes) -> Reply:
        return Reply(201, accepted(body.count(b"\n")).body, closes=True)

    with scripted(reply) as server, TradingClient(server.url, spool=tmp_path) as client:
        for _ in range(5):
            client.record("BTC/USDT", "buy", 1, 1)
            assert client.flush()
        assert client.status().failed_attempts == 0
    assert len(server.bodies) == 5


def test_the_app_is_not_asked_before_the_time_it_named(tmp_path: Path) -> None:
    busy = Reply(503, b"", {"Retry-After": "3600"})
    with scripted(lambda _number, _body: busy) as server, TradingClient(server.url, spool=tmp_path) as client:
        client.record("BTC/USDT", "buy", 1, 1)
        eventually(lambda: client.status().failed_attempts, what="an attempt")
        for _ in range(100):
            client.record("BTC/USDT", "buy", 1, 1)
        assert not client.flush(0.5)
        assert not client.close(0)
    assert len(server.bodies) == 1


def test_one_bad_line_of_many_is_found_where_the_server_does_not_say_which(tmp_path: Path) -> None:
    """As with a line that the disk damaged: the app can't read the body, and names no line."""
    document = {"type": "urn:trading-telemetry:problem:not_json", "code": "not_json", "detail": "can't be read"}
    wrong = Reply(400, json.dumps(document).encode())
    taken: list[bytes] = []

    def reply(_number: int, body: bytes) -> Reply:
        lines = sent_lines(body)
        if any(b"bad" in line for line in lines):
            return wrong
        taken.extend(lines)
        return accepted(len(lines))

    with scripted(reply) as server, TradingClient(server.url, spool=tmp_path, account="a") as client:
        for count in range(500):
            client.record("A/B", "buy", 1, 1, trade_id="bad" if count in (0, 250, 251, 499) else f"t{count}")
        assert client.flush(), client.status()
        assert client.status().refused == 4
    assert [json.loads(line)["trade_id"] for line in taken] == [
        f"t{count}" for count in range(500) if count not in (0, 250, 251, 499)
    ]
    assert len(server.bodies) < 100


@contextmanager
def own_app(folder: Path, **settings: str) -> Iterator[Apps]:
    apps = Apps(folder, **settings)
    try:
        apps.start("trading-app")
        apps.wait_for("trading-app")
        yield apps
    finally:
        apps.end()


def test_an_app_with_small_batches_gets_them(tmp_path: Path) -> None:
    with own_app(tmp_path, WEBAPP_MAX_BATCH_TRADES="3") as apps:
        with TradingClient(apps.web_url, account="small", spool=tmp_path / "spool") as client:
            made = [client.record("BTC/USDT", "buy", 1, 1) for _ in range(100)]
            assert client.flush(), client.status()
        assert ids_of(apps, "small") == made


def test_a_wrong_token_drops_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "DENIED_SECONDS", 0.01)
    token, spool = mint(), tmp_path / "spool"
    with own_app(tmp_path, WEBAPP_API_TOKENS=entry_text(token, INGEST)) as apps:
        with TradingClient(apps.web_url, mint(), spool=spool, exit_timeout=0) as client:
            client.record("BTC/USDT", "buy", 1, 1)
            eventually(lambda: client.status().failed_attempts > 2, what="attempts")
            assert client.status().state == "denied"
        with TradingClient(apps.web_url, token, spool=spool) as client:
            assert client.flush(), client.status()
            assert client.status().accepted == 1
            assert token not in repr(client)
    warned = [record.getMessage() for record in caplog.records if record.name == "trading_client"]
    assert len([text for text in warned if "401" in text]) == 1


def test_trades_that_a_token_may_not_send_stop_no_other_of_the_same_client(tmp_path: Path) -> None:
    token = mint()
    with (
        own_app(tmp_path, WEBAPP_API_TOKENS=entry_text(token, INGEST, ["mine"])) as apps,
        TradingClient(apps.web_url, token, account="mine", spool=tmp_path / "spool", exit_timeout=0) as client,
    ):
        for count in range(3):
            client.record("BTC/USDT", "buy", 1, 1, account="theirs", trade_id=f"no-{count}")
            client.record("BTC/USDT", "buy", 1, 1, trade_id=f"yes-{count}")
        eventually(lambda: client.status().accepted == 3, what="the own trades accepted")
        eventually(lambda: client.status().state == "denied", what="the others denied")
        client.record("BTC/USDT", "buy", 1, 1, trade_id="later")
        eventually(lambda: client.status().accepted == 4, what="a later one accepted")
        assert not client.flush(0.1), "the others wait"
        assert client.status().waiting_bytes > 0


def test_a_trade_that_the_app_fails_at_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the stored trade that it repeats is damaged: the app says so each time."""
    monkeypatch.setattr(sender, "FAILED_SECONDS", 0.01)
    taken: list[str] = []
    with (
        scripted(partial(fails_at, "poison", taken)) as server,
        TradingClient(server.url, spool=tmp_path, exit_timeout=0) as client,
    ):
        for count in range(50):
            client.record("A/B", "buy", 1, 1, trade_id="poison" if count == 20 else f"t{count}")
        assert client.flush(), client.status()
        status = client.status()
        (refusal,) = status.last_refusals
        assert (status.refused, refusal.code, refusal.reason) == (1, "damaged_history", "can't be read")
        assert status.failed_attempts >= sender.MAX_FAILURES
    assert sorted(set(taken)) == sorted(f"t{count}" for count in range(50) if count != 20)


def test_a_trade_alone_in_its_segment_that_the_app_fails_at_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "FAILED_SECONDS", 0.01)
    taken: list[str] = []
    with (
        scripted(partial(fails_at, "poison", taken)) as server,
        TradingClient(server.url, spool=tmp_path, exit_timeout=0) as client,
    ):
        client.record("A/B", "buy", 1, 1, account="one", trade_id="poison")
        eventually(lambda: client.status().failed_attempts > 2 * sender.MAX_FAILURES, what="many attempts")
        assert client.status().refused == 0, "perhaps it fails at all"
        client.record("A/B", "buy", 1, 1, account="two", trade_id="other")
        assert client.flush(), client.status()
        assert client.status().refused == 1
    assert taken == ["other"]


def test_an_app_that_fails_at_everything_costs_no_trade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FAILED_SECONDS", 0.01)
    with (
        scripted(partial(fails_at, "t", [])) as server,
        TradingClient(server.url, spool=tmp_path, exit_timeout=0) as client,
    ):
        for count in range(100):
            client.record("A/B", "buy", 1, 1, trade_id=f"t{count}")
        eventually(lambda: client.status().failed_attempts > 2 * sender.MAX_FAILURES, what="many attempts")
        assert client.status().refused == 0
        assert client.status().state == "waiting"


def fails_at(poison: str, taken: list[str], _number: int, body: bytes) -> Reply:
    ids = [json.loads(line)["trade_id"] for line in sent_lines(body)]
    if any(one.startswith(poison) for one in ids):
        code = "damaged_history"
        document = {"type": f"urn:trading-telemetry:problem:{code}", "code": code, "detail": "can't be read"}
        return Reply(500, json.dumps(document).encode())
    taken += ids
    return accepted(len(ids))


def test_trades_that_a_token_may_not_send_stop_only_their_own_segment(tmp_path: Path) -> None:
    token, spool = mint(), tmp_path / "spool"
    with own_app(tmp_path, WEBAPP_API_TOKENS=entry_text(token, INGEST, ["mine"])) as apps:
        with TradingClient("http://127.0.0.1:9", account="theirs", spool=spool, exit_timeout=0) as other:
            other.record("BTC/USDT", "buy", 1, 1)
        with TradingClient(apps.web_url, token, account="mine", spool=spool, exit_timeout=0) as client:
            client.record("BTC/USDT", "buy", 1, 1)
            eventually(lambda: client.status().accepted == 1, what="the own trade accepted")
            eventually(lambda: client.status().state == "denied", what="the other one denied")
            assert client.status().waiting_bytes > 0


def test_a_full_spool_is_counted(tmp_path: Path) -> None:
    with TradingClient("http://127.0.0.1:9", spool=tmp_path, max_spool_bytes=200, exit_timeout=0) as client:
        client.record("BTC/USDT", "buy", 1, 1)
        with pytest.raises(SpoolFull, match=r"maximum of 200 bytes; the app has not taken trades for long"):
            client.record("BTC/USDT", "buy", 1, 1)
        assert (client.status().recorded, client.status().rejected_by_full_spool) == (1, 1)


def test_two_clients_share_a_spool(app: Apps, tmp_path: Path) -> None:
    with (
        TradingClient(app.web_url, account="two", spool=tmp_path, exit_timeout=PATIENCE_SECONDS) as one,
        TradingClient(app.web_url, account="two", spool=tmp_path, exit_timeout=PATIENCE_SECONDS) as two,
    ):
        made = [client.record("BTC/USDT", "buy", 1, 1) for _ in range(50) for client in (one, two)]
    assert sorted(ids_of(app, "two")) == sorted(made)


FORK_WITHOUT_ROOM = """
import os, sys, resource
from trading_client import SpoolError, TradingClient
client = TradingClient(sys.argv[1], account="roomless", spool=sys.argv[2])
client.record("BTC/USDT", "buy", 1, 1)
if os.fork():
    assert os.wait()[1] == 0
    sys.exit()
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
for _ in range(3):
    try:
        client.record("BTC/USDT", "buy", 1, 1)
        os._exit(3)
    except SpoolError:
        pass
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
client.record("BTC/USDT", "buy", 1, 1, trade_id="with room")
os._exit(0 if client.close(60) else 4)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_without_descriptors_says_so_and_records_once_it_has_some(app: Apps, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORK_WITHOUT_ROOM, app.web_url, str(tmp_path)]
    subprocess.run(command, check=True, timeout=PATIENCE_SECONDS * 2)
    assert "with room" in ids_of(app, "roomless")


FORKING = """
import os, sys
from trading_client import TradingClient
client = TradingClient(sys.argv[1], account="fork", spool=sys.argv[2])
client.record("BTC/USDT", "buy", 1, 1, trade_id="before")
child = os.fork()
who = "parent" if child else "child"
for count in range(100):
    client.record("BTC/USDT", "buy", 1, 1, trade_id=f"{who}-{count}")
assert client.close(60)
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_records_too(app: Apps, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FORKING, app.web_url, tmp_path], check=True, timeout=PATIENCE_SECONDS * 2)
    expected = ["before", *(f"{who}-{count}" for who in ("parent", "child") for count in range(100))]
    assert sorted(ids_of(app, "fork")) == sorted(expected)
    assert list(tmp_path.iterdir()) == []


def test_a_spool_is_looked_at_sent_and_retried_by_command(app: Apps, tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "trading_client", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with TradingClient("http://127.0.0.1:9", account="command", spool=tmp_path, exit_timeout=0) as client:
        client.record("BTC/USDT", "buy", 1, 1, trade_id="good")
        client.record("CL", "buy", -1, 1, trade_id="bad")
    status = run("status", str(tmp_path))
    assert status.returncode == 0
    assert "bytes in 1 segments" in status.stdout
    sent = run("send", str(tmp_path), "--url", app.web_url)
    assert (sent.returncode, sent.stdout.splitlines()[0]) == (1, "accepted: 1, duplicates: 0, refused: 1")
    assert [trade["trade_id"] for trade in trades_of(app, "command")] == ["good"]
    again = run("retry", str(tmp_path), "--url", app.web_url)
    assert again.stdout.splitlines()[:2] == ["put back: 1 lines", "accepted: 0, duplicates: 0, refused: 1"]
    assert run("status", str(tmp_path / "missing")).returncode == 2
    assert run("send", str(tmp_path), "--url", "ftp://x").returncode == 2

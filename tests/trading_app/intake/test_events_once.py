"""Exactly once: whatever is killed, and however often events are sent again, each is in the ledger once."""

import random
import signal
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.apps import BIN
from tests.support.http import HTTP
from tests.support.programs import run_command
from tests.trading_app.running import RunningApp, running
from trading_model.kind_members import KINDS

FILLS = 60


def corrections() -> list[dict[str, Any]]:
    """Events for FILLS fills: each is replaced, some are voided. In an order that makes sense."""
    events: list[dict[str, Any]] = []
    for target in range(1, FILLS + 1):
        events.append({"kind": "replace", "target": target, "price": target + 1, "id": f"r{target}"})
        events.append({"kind": "cash", "amount": "-0.01", "currency": "USD", "reason": "funding", "id": f"c{target}"})
        if target % 2:
            events.append({"kind": "void", "target": target, "reason": "odd"})
    return events


def post_fills(client: httpx.Client) -> None:
    trades = [{"symbol": "A", "price": 1, "qty": 1, "side": "buy", "trade_id": f"t{n}"} for n in range(FILLS)]
    assert client.post("/trades", json=trades).json()["first_seq"] == 1


def everything(client: httpx.Client) -> list[dict[str, Any]]:
    page: dict[str, Any] = client.get("/events", params={"limit": 1000}).json()
    assert page["next_after"] is None
    found: list[dict[str, Any]] = page["events"]
    return found


@pytest.mark.long
def test_events_sent_through_kills_are_there_once(tmp_path: Path) -> None:
    """Killed while they are sent, started again, all sent again, killed again: kill -9 at moments of chance."""
    events, chance = corrections(), random.Random(7)
    answered: dict[int, dict[str, Any]] = {}
    for round_ in range(4):
        app = RunningApp(tmp_path)
        app.wait_until_ready()
        if round_ == 0:
            post_fills(app.client)
        until = chance.randrange(len(events) // 4, len(events)) if round_ < 3 else len(events)
        killer = threading.Timer(0, app.process.kill)
        for index, event in enumerate(events):
            if index == until:
                killer.start()  # in the middle of the requests that follow
            try:
                answer = app.client.post("/events", json=event)
            except httpx.TransportError:
                assert round_ < 3
                break
            assert answer.status_code in (200, 201), answer.text
            answered[index] = {**answer.json(), "status": ""}
            assert answered[index]["seq"] > FILLS
        if round_ < 3:
            killer.join()
            app.wait()
            app.client.close()
        else:
            found = everything(app.client)
            app.end()
    assert Counter(f"{one['kind']} {one['id']}" for one in found) == Counter(
        f"{one['kind']} {one.get('id', 'void-' + str(one.get('target')))}" for one in events
    )
    by_sequence = {one["seq"]: one["id"] for one in found}
    assert {one["seq"]: one["id"] for one in answered.values()} == by_sequence
    assert sorted(by_sequence) == list(range(FILLS + 1, FILLS + 1 + len(events)))
    check = run_command("trading-app", "doctor", environment=app.environment)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.long
def test_the_same_events_from_many_at_once_are_there_once(tmp_path: Path) -> None:
    """Each event is sent by eight clients at the same moment, one by one and in batches."""
    with running(tmp_path) as app:
        post_fills(app.client)
        events = corrections()
        bodies: list[Any] = [*events, *(events[start : start + 7] for start in range(0, len(events), 9))]
        random.Random(3).shuffle(bodies)

        def send(body: Any) -> int:
            return HTTP.post(f"{app.url}/events", json=body, timeout=60).status_code

        with ThreadPoolExecutor(8) as senders:
            statuses = set(senders.map(send, [body for body in bodies for _ in range(3)]))
        found = everything(app.client)
        # A replace may come after the void of its fill, which is refused; whatever was accepted is there once.
        assert statuses <= {200, 201, 409, 422}
        assert max(Counter((one["kind"], one["id"]) for one in found).values()) == 1
        assert max(Counter(one["target"] for one in found if one["kind"] == "void").values()) == 1
        assert len(found) == app.metric("trading_app_events_accepted_total")


def test_another_voids_the_same_fill_and_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        post_fills(app.client)

        def send(name: int) -> httpx.Response:
            body = {"kind": "void", "target": 1 + name % 5, "id": f"by {name}"}
            return HTTP.post(f"{app.url}/events", json=body, timeout=60)

        with ThreadPoolExecutor(10) as senders:
            answers = list(senders.map(send, range(50)))
        assert Counter(answer.status_code for answer in answers) == {201: 5, 409: 45}
        taken = {one["target"]: one["seq"] for one in everything(app.client)}
        for name, answer in enumerate(answers):
            if answer.status_code == 409:
                assert f"is voided by event {taken[1 + name % 5]} already" in answer.json()["detail"]


def test_what_was_taken_is_found_after_a_restart_and_a_backup(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        post_fills(app.client)
        for event in corrections():
            app.client.post("/events", json=event).raise_for_status()
        before = everything(app.client)
        stories = [app.client.get(f"/trades/{sequence}").json() for sequence in (1, 2, FILLS)]
        app.client.post("/events", json={"kind": "instrument", "symbol": "OIL", "negative_prices": True})
        assert app.stop(signal.SIGTERM) == 0
    copy = tmp_path / "copy.sqlite3"
    run_command("trading-app", "backup", copy, environment=app.environment).check_returncode()
    fresh = tmp_path / "fresh"
    environment = {**app.environment, "DATA_DIR": str(fresh / "data")}
    run_command("trading-app", "restore", copy, environment=environment).check_returncode()
    with running(fresh) as app:
        assert everything(app.client)[:-1] == before
        assert [app.client.get(f"/trades/{sequence}").json() for sequence in (1, 2, FILLS)] == stories
        oil = {"symbol": "OIL", "price": -1, "qty": 1, "side": "buy"}
        assert app.client.post("/trade", json=oil).status_code == 201
        for number, voided in ((0, {"voided": True}), (1, {})):  # the first fill was voided
            trade = {"symbol": "A", "price": 1, "qty": 1, "side": "buy", "trade_id": f"t{number}"}
            known = {"seq": number + 1, "trade_id": f"t{number}", "status": "duplicate", **voided}
            assert app.client.post("/trade", json=trade).json() == known
        again = app.client.post("/events", json=corrections()[0])
        assert (again.status_code, again.json()["status"]) == (200, "duplicate")


def test_a_subscriber_sees_each_kind_once(tmp_path: Path) -> None:
    """The example subscriber, a stranger's program, gets each event in order, replayed and live."""
    holder = {"symbol": "BTC", "quantity": "1"}
    sent: list[tuple[dict[str, Any], str]] = [
        ({"kind": "void", "target": 1}, "void of 1: it never happened: buy 1 A at 1"),
        ({"kind": "void", "target": 3}, "void of 3: it never happened: void of 1: it never happened: buy 1 A at 1"),
        ({"kind": "replace", "target": 2, "price": "2.50"}, "replace of 2: it was really buy 1 A at 2.50"),
        ({"kind": "cash", "amount": "-0.10", "currency": "USD", "reason": "tax"}, "cash: -0.10 USD for tax"),
        ({"kind": "split", "symbol": "A", "n": 4, "d": 1, "ts": "2026-01-31T12:00:00Z"},
         "split: 4 A for each 1, from 2026-01-31T12:00:00Z on"),
        ({"kind": "opening", "symbol": "A", "quantity": -5, "average": 7, "ts": 1570752011},
         "opening: the position is -5 A at 7 on 2019-10-11T00:00:11Z"),
        ({"kind": "move", "reason": "transfer", "from": holder, "to": {**holder, "account": "b"}},
         "move: 1 BTC of default to 1 BTC of b"),
        ({"kind": "instrument", "symbol": "A", "lot": "0.10"}, "instrument: symbol A, lot 0.10"),
        ({"kind": "price", "symbol": "A", "price": "9"}, "price: A is worth 9"),
        ({"kind": "rate", "base": "EUR", "quote": "USD", "rate": "1.10"}, "rate: 1 EUR is 1.10 USD"),
        ({"kind": "import", "name": "a.csv", "digest": "0f", "taken": 2}, "import: 2 of 0 rows of a.csv"),
        ({"kind": "note", "target": 1, "text": "why"}, "note of 1: why"),
    ]  # fmt: skip
    assert {event["kind"] for event, _ in sent} == set(KINDS)
    with running(tmp_path) as app:
        trades = [{"symbol": "A", "price": 1, "qty": 1, "side": "buy", "trade_id": f"t{n}"} for n in range(2)]
        app.client.post("/trades", json=trades).raise_for_status()
        for event, _ in sent[:6]:
            app.client.post("/events", json=event).raise_for_status()
        addresses = [app.environment["WEBAPP_ZMQ_ADDR"], app.environment["WEBAPP_REPLAY_ADDR"]]
        example = Path(__file__).resolve().parents[3] / "docs" / "examples" / "subscribe.py"
        command = [f"{BIN}/python", str(example), *addresses]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
            output = process.stdout
            assert output is not None
            assert output.readline().endswith("from its beginning\n")
            replayed = [output.readline() for _ in range(8)]
            for event, _ in sent[6:]:
                app.client.post("/events", json=event).raise_for_status()
            live = [output.readline() for _ in range(6)]
            process.terminate()
    expected = ["buy 1 A at 1", "buy 1 A at 1", *(words for _, words in sent)]
    assert [*replayed, *live] == [f"{number} {words}\n" for number, words in enumerate(expected, 1)]

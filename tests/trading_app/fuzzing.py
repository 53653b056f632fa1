"""Sends odd requests to a running app and keeps account of what it said, counted and took."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tests.trading_app.conftest import ORIGIN
from tests.trading_app.odd_requests import OddRequest
from tests.trading_app.raw_http import TRADE, Answer, Connection, connected, get, post
from tests.trading_app.running import RunningApp
from trading_app.problems import TYPES

SETTINGS = {"WEBAPP_CORS_ORIGINS": ORIGIN, "WEBAPP_MAX_BATCH_TRADES": "1000", "WEBAPP_MAX_LIVE_STREAMS": "0"}
"""A shared origin: requests that name it take the way through the app. No live streams: those have no end."""

MAX_NEW_THREADS = 8
"""Two read the journal, others read files, each made when there is the first to do; nothing else starts one."""

MEANT = {200, 201, 303, 304, *(known.status for known in TYPES.values())} - {500}


class Account:
    """What an app was asked and what it said, from when this is made; nobody else may ask it meanwhile."""

    def __init__(self, app: RunningApp) -> None:
        self._app = app
        self._refused: Counter[str] = Counter()
        self._refused_unnamed: Counter[int] = Counter()
        self._taken: dict[int, str] = {}
        self.accepted = 0
        self._refused_before, self._head_before = self._counted()
        self._open = ExitStack()
        self._connection: Connection | None = None
        self.asked = 0

    def ask(self, request: OddRequest) -> Answer:
        """Send it, on the connection of the request before; AssertionError for an answer that is not as documented."""
        self.asked += 1
        try:
            answer = self._exchange(request)
            self.note(request, answer)
        except BaseException:
            self.hang_up()
            raise
        if answer.headers.get("connection") == "close":
            self.hang_up()
        return answer

    def hang_up(self) -> None:
        """Close the connection; the next request makes another."""
        self._open.close()

    def _exchange(self, request: OddRequest) -> Answer:
        if self._connection is not None and self._connection.has_ended():
            self.hang_up()  # it was idle for longer than the app keeps a connection, as on a busy machine
        if self._connection is None:
            self._connection = self._open.enter_context(connected(self._app.port))
            self._open.callback(setattr, self, "_connection", None)
        self._connection.send(request.message())
        answer = self._connection.answer(head_only=request.method == "HEAD")
        return answer if answer.status != 100 else self._connection.answer(head_only=request.method == "HEAD")

    @property
    def refused(self) -> int:
        """So many requests were refused."""
        return self._refused.total() + self._refused_unnamed.total()

    def note(self, request: OddRequest, answer: Answer) -> None:
        """Take an answer into account."""
        assert answer.status in MEANT, (request, answer)
        assert "x-evil" not in answer.headers, (request, answer)
        assert len(answer.headers["x-request-id"]) <= 64
        if answer.status >= 400:
            self._note_refusal(request, answer)
        elif answer.status == 201:
            self._note_acceptance(answer.json())

    def _note_refusal(self, request: OddRequest, answer: Answer) -> None:
        if request.method == "HEAD" or answer.headers["content-type"].startswith("text/html"):
            self._refused_unnamed[answer.status] += 1
            return
        document: dict[str, Any] = answer.json()
        assert answer.headers["content-type"] == "application/problem+json", answer
        assert answer.status == document["status"] == TYPES[document["code"]].status, answer
        assert document["request_id"] == answer.headers["x-request-id"], answer
        self._refused[document["code"]] += 1

    def _note_acceptance(self, said: dict[str, Any]) -> None:
        if "trade_id" in said:
            self._taken[said["seq"]] = said["trade_id"]
        self.accepted += said.get("accepted", 1)

    def settle(self) -> None:
        """Compare with the app's own account and its journal; AssertionError where they differ."""
        refused, head = self._counted()
        refused.subtract(self._refused_before)
        refused.subtract(self._refused)
        unnamed: Counter[int] = Counter()
        for code, count in refused.items():
            assert count >= 0, f"{code}: {-count} refusals were not counted"
            unnamed[TYPES[code].status] += count
        assert +unnamed == self._refused_unnamed
        assert head - self._head_before == self.accepted
        stored = {row["seq"]: row["trade_id"] for row in self._rows(self._head_before)}
        events = {event["seq"] for event in self._events(self._head_before)}
        assert sorted([*stored, *events]) == list(range(self._head_before + 1, head + 1))
        assert self._taken.items() <= stored.items()

    def _events(self, after: int) -> Iterator[dict[str, Any]]:
        """The events that are not trades."""
        place: int | None = after
        while place is not None:
            page = self._app.client.get("/events", params={"after": place, "limit": 1_000}).json()
            yield from page["events"]
            place = page["next_after"]

    def _rows(self, after: int) -> list[dict[str, Any]]:
        answer = self._app.client.get("/trades", params={"after": after}, headers={"Accept": "application/x-ndjson"})
        return [json.loads(line) for line in answer.text.splitlines()]

    def _counted(self) -> tuple[Counter[str], int]:
        """The app's refusals by code, and the head of its stream."""
        text = self._app.client.get("/metrics").text
        refusals = re.findall(r'^trading_app_requests_refused_total\{code="(\w+)"\} (\S+)$', text, re.MULTILINE)
        [head] = re.findall(r"^trading_app_stream_head_sequence\{.*\} (\S+)$", text, re.MULTILINE)
        return Counter({code: round(float(count)) for code, count in refusals}), round(float(head))


def thread_count(app: RunningApp) -> int:
    """How many threads the process has."""
    return len(list(Path(f"/proc/{app.process.pid}/task").iterdir()))


def assert_unharmed(app: RunningApp, threads: int) -> None:
    """It takes and gives trades, has the threads that it had after its start and no heap of new ones, and no request
    failed in it.
    """
    assert app.client.get("/readyz").status_code == 200
    with connected(app.port) as connection:
        connection.send(post("/trade", TRADE) + get("/trades?limit=1"))
        assert (connection.answer().status, connection.answer().status) == (201, 200)
    assert threads <= thread_count(app) <= threads + MAX_NEW_THREADS
    assert "a request failed" not in app.log_text()


def send_broken(port: int, message: bytes) -> list[int]:
    """Send what may be no HTTP at all, and nothing after it: the statuses of what comes until the connection ends."""
    with connected(port) as connection, suppress(ConnectionError):
        connection.send(message)
        connection.end_sending()
        return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d+)", connection.rest(), re.MULTILINE)]
    return []

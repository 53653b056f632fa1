"""A small app on a real port: keeps what arrives, knows trades by account and id, and fails on request."""

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn

_Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer to one request. `stores`: its trades are taken, as if committed; `cut`: the answer is lost."""

    status: int = 201
    stores: bool = True
    cut: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """One POST as it arrived."""

    body: bytes
    headers: dict[str, str]

    @property
    def trades(self) -> list[dict[str, Any]]:
        """Its trades; numbers as decoded by the standard rules."""
        return [msgspec.json.decode(line) for line in self.lines]

    @property
    def lines(self) -> list[bytes]:
        """Its trades as written."""
        return self.body.splitlines()


class FakeApp:
    """The ASGI app. `answers` are used up first; after them all is taken."""

    def __init__(self) -> None:
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.answers: deque[Answer] = deque()
        self.requests: list[Request] = []
        self.trades: dict[tuple[str, str], int] = {}

    async def __call__(self, scope: _Message, receive: Any, send: Any) -> None:
        """Answer one request."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if scope["path"] != "/trades":
            await _answer(send, Answer(200))
            return
        request = Request(body, {name.decode(): value.decode() for name, value in scope["headers"]})
        self.requests.append(request)
        answer = self.answers.popleft() if self.answers else Answer()
        receipt = self._store(request) if answer.stores else b""
        await _answer(send, answer, receipt)

    def _store(self, request: Request) -> bytes:
        keys = [(trade.get("account", "default"), trade["trade_id"]) for trade in request.trades]
        before = len(self.trades)
        for key in keys:
            self.trades.setdefault(key, len(self.trades) + 1)
        accepted, sequences = len(self.trades) - before, [self.trades[key] for key in keys]
        counts = {"accepted": accepted, "duplicates": len(keys) - accepted}
        return msgspec.json.encode({**counts, "first_seq": min(sequences), "last_seq": max(sequences)})


async def _answer(send: Any, answer: Answer, receipt: bytes = b"") -> None:
    body = answer.body or receipt
    length = len(body) + (1 if answer.cut else 0)  # a byte that never comes: the server closes the connection
    headers = {"content-length": str(length), **answer.headers}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if answer.cut else body, "more_body": answer.cut})


@contextmanager
def serving(app: FakeApp) -> Iterator[FakeApp]:
    """Serve the app on a free port of loopback, in a thread."""
    config = uvicorn.Config(app, log_config=None, log_level="critical", lifespan="off", ws="none", loop="asyncio")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it listens already: a request waits until it is served
        app.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield app
        finally:
            server.should_exit = True
            thread.join()

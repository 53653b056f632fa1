"""Shows a browser an error as a page, where it asked for a page and not for a call of the API."""

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.responses import Answer, send_answer
from trading_app.access.call import PAGES, Call
from trading_app.http.request_boundary import OTHER, route_of
from trading_app.page.templates import PAGE_HEADERS, render_text

SHOWN = frozenset(("/", "/sign-in", *PAGES))
PROBLEM = b"application/problem+json"
HEADERS = [(name.lower().encode(), value.encode()) for name, value in PAGE_HEADERS.items()]
OWN = frozenset((b"content-type", b"content-length", *(name for name, _ in HEADERS)))


class _Problem(msgspec.Struct):
    """The members of a problem document that the page shows."""

    title: str
    status: int
    code: str
    detail: str
    request_id: str


class ProblemPages:
    """A layer that shows problems as a page to browsers that asked for one, whichever layer behind it they come from.

    A path of no call counts as that of a page. Calls of the API answer browsers as everybody else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass the lifespan on."""
        if scope["type"] == "http" and scope["method"] == "GET" and _asks_for_page(Call.of(scope)):
            await self._app(scope, receive, _Shower(send))
        else:
            await self._app(scope, receive, send)


class _Shower:
    """Sends an answer on; a problem as a page."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and (b"content-type", PROBLEM) in message["headers"]:
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await send_answer(_page_of(self._body, self._start), self._send)


def _asks_for_page(call: Call) -> bool:
    return call.wants_page and (call.path in SHOWN or route_of(call.path) == OTHER)


def _page_of(document: bytes, start: Message) -> Answer:
    headers = [header for header in start["headers"] if header[0].lower() not in OWN]
    problem = _decode(document)
    wait = dict(headers).get(b"retry-after", b"").decode() if problem.status == 503 else ""
    page = render_text("problem.html", {"problem": problem, "wait": wait})
    return Answer(problem.status, page.encode(), b"text/html; charset=utf-8", [*headers, *HEADERS])


_decode = msgspec.json.Decoder(_Problem).decode

"""Answers 503 until the journal is open: an upgrade, or a rebuild of the key index, may take minutes."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from service_kit.clock import Clock
from service_kit.responses import answer_problem, send_answer
from trading_app.context import Context
from trading_app.problems import TradeProblem

RETRY_SECONDS = 5


class UntilOpen:
    """Refuses every request, health checks too, until the journal is open; passes them on from then on."""

    def __init__(self, app: ASGIApp, context: Context, clock: Clock, needs_none: Callable[[str, str], bool]) -> None:
        """`needs_none` returns whether a call, a method and a path, is answered without a journal."""
        self._app = app
        self._needs_none = needs_none
        self._context = context
        self._clock = clock
        self._began = clock.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        is_open = self._context.opened_stream is not None
        if is_open or scope["type"] != "http" or self._needs_none(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        seconds = self._clock.monotonic() - self._began
        problem = TradeProblem(
            "not_ready",
            f"the journal is being opened, for {seconds:.0f} s by now: after an update it may have to be upgraded"
            " first, or its key index rebuilt",
            retry_after=RETRY_SECONDS,
        )
        self._context.metrics.refusals[problem.code] += 1
        await send_answer(answer_problem(problem, scope["state"]["request_id"]), send)

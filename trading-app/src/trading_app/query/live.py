"""Server-sent events without end, as many streams at a time as WEBAPP_MAX_LIVE_STREAMS allows."""

from collections.abc import AsyncGenerator

from starlette.types import Receive, Scope, Send

from service_kit.capacity import Capacity
from trading_app.context import Context
from trading_app.outgoing import PacedResponse, Piece
from trading_app.problems import TradeProblem


def require_room(context: Context) -> None:
    """Raises TradeProblem (`too_many_streams`, `too_many_answers`) while there is no room for another stream."""
    if context.live_streams.full:
        raise TradeProblem(
            "too_many_streams",
            "the maximum number of live streams is open (WEBAPP_MAX_LIVE_STREAMS); close one",
            retry_after=10,
        )
    context.outgoing.check()


class LiveResponse(PacedResponse):
    """Server-sent events, which hold one unit of a capacity while they are open."""

    def __init__(self, events: AsyncGenerator[Piece, None], capacity: Capacity) -> None:
        super().__init__(events, "text/event-stream", {"Cache-Control": "no-store"})
        self._capacity = capacity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events. The route called `require_room`, and awaited nothing since, so there is still room."""
        self._capacity.take()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._capacity.release()

"""Answers HEAD as GET without the body (RFC 9110, 9.3.2). Plain ASGI."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Passes HEAD on as GET, and ends the answer after its head: the bodies of live streams never end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. The server knows that it is HEAD and sends no body."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})

        await self._app({**scope, "method": "GET"}, receive, send_head)

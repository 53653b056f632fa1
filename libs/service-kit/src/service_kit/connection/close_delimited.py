"""Answers to HTTP/1.0, which does not know chunked bodies.

A body without a length ends with the connection (RFC 9112, 6.3). uvicorn would send chunks regardless of the version.
"""

from typing import Any

from service_kit.connection.response_writer import STATUS_LINES, header_lines
from service_kit.http_types import Message

BODILESS = (204, 304)


class CloseDelimited:
    """Replaces the `send` of a uvicorn cycle whose request is HTTP/1.0."""

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle
        self._send_with_length = cycle.send
        self._without_length = False

    async def __call__(self, message: Message) -> None:
        """Send one ASGI message."""
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            has_body = self._cycle.scope["method"] != "HEAD" and message["status"] not in BODILESS
            self._without_length = has_body and not names & {b"content-length", b"transfer-encoding"}
        if not self._without_length:
            await self._send_with_length(message)
            return
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        if message["type"] == "http.response.start":
            cycle.response_started = True
            fields = [*cycle.default_headers, *message.get("headers", ()), (b"connection", b"close")]
            cycle.transport.write(b"%b%b\r\n" % (STATUS_LINES[message["status"]], header_lines(fields)))
            return
        cycle.transport.write(message.get("body", b""))
        if not message.get("more_body", False):
            cycle.response_complete = True
            cycle.message_event.set()
            cycle.transport.close()
            cycle.on_response()

"""The least that takes a request and answers it: no HTTP, only sockets. `python -m benchmarks.echo PORT`."""

import asyncio
import sys
from typing import cast

import uvloop

BODY = b'{"seq":1234567,"trade_id":"abc-1234567","status":"accepted"}'
ANSWER = (
    b"HTTP/1.1 201 Created\r\ndate: Sat, 31 Jan 2026 12:00:00 GMT\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nx-request-id: 01234567-1234567\r\n\r\n%b"
) % (len(BODY), BODY)
"""As long as the product's."""


class Echo(asyncio.Protocol):
    """Answers whatever comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, _data: bytes) -> None:
        """wrk sends each request in one piece, and the next one when it has its answer."""
        self._transport.write(ANSWER)


async def serve(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

"""The least a uvicorn server can do: answer 202 to everything. `python -m benchmarks.bare PORT`."""

import sys
from typing import Any

import uvicorn


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Read nothing, answer 202."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def serve(application: Any) -> None:
    """Serve on the port given, with the same HTTP parser and event loop as the product."""
    uvicorn.run(
        application, port=int(sys.argv[1]), http="httptools", loop="uvloop", access_log=False, log_level="error"
    )


if __name__ == "__main__":
    serve(app)

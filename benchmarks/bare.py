"""The least a uvicorn server can do: answer 202 to everything. What the intake is compared with."""

import sys
from typing import Any

import uvicorn


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Read nothing, answer 202."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), http="httptools", loop="uvloop", lifespan="off", access_log=False, log_level="error"
    )

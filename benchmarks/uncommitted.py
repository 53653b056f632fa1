"""The web app without its journal, over a stream that only counts: `python -m benchmarks.uncommitted PORT`."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import uvicorn
import uvloop

from benchmarks.baselines import TOKEN
from service_kit.lifecycle.server import spare_the_garbage_collector
from service_kit.settings import Environment
from telemetry_stream.events import Receipt, Submission
from telemetry_stream.group_commit import Outcome
from trading_app.connection.fast_path import fast_connection
from trading_app.environment import read_settings
from trading_app.ui import WebApp
from trading_app.zmq_pub import TradeStream


class Counting:
    """Takes every trade as new, and keeps none."""

    def __init__(self) -> None:
        self._head = 0

    def submit(self, submission: Submission, done: Callable[[Outcome], None]) -> None:
        """Tell at once."""
        first, count = self._head + 1, len(submission.events)
        self._head += count
        done(Receipt(first, self._head, count, 0))


async def serve(port: int, folder: Path) -> None:
    """Serve until killed."""
    app = WebApp(read_settings(Environment({"WEBAPP_API_TOKENS": TOKEN}, folder)), print)
    app.context.open(cast(TradeStream, Counting()))
    config = uvicorn.Config(
        app,
        port=port,
        http=fast_connection(app),
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )
    spare_the_garbage_collector()
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as empty:
        uvloop.run(serve(int(sys.argv[1]), Path(empty)))

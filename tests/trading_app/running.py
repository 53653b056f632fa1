"""The web app as a user runs it: a process of its own, on free ports, with a folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.http import open_client
from tests.support.polling import eventually
from tests.support.ports import free_address, free_port
from tests.support.programs import ForkedProgram, Process

SETTINGS = (
    "WEBAPP_HTTP_HOST",
    "WEBAPP_INSTRUMENTS_FILE",
    "WEBAPP_HOOKS_FILE",
    "WEBAPP_ACCOUNTS_FILE",
    "WEBAPP_CORS_ORIGINS",
    "WEBAPP_API_TOKENS",
    "WEBAPP_OIDC_ISSUER",
    "WEBAPP_OIDC_AUDIENCE",
    "WEBAPP_OIDC_JWKS_URL",
    "WEBAPP_OIDC_USERS",
    "WEBAPP_OIDC_SCOPES",
    "WEBAPP_PUBLIC_URL",
    "SIDECAR_API_TOKENS",
    "ANALYTICS_HTTP_HOST",
    "ANALYTICS_HTTP_PORT",
    "ANALYTICS_API_TOKENS",
    "MONITORING_TOKEN",
    "WEBAPP_MAX_BODY_BYTES",
    "WEBAPP_MAX_BODIES_BYTES",
    "WEBAPP_MAX_IMPORT_BYTES",
    "WEBAPP_MAX_OUTGOING_BYTES",
    "WEBAPP_MAX_BATCH_TRADES",
    "WEBAPP_MAX_PENDING_TRADES",
    "WEBAPP_MAX_LIVE_STREAMS",
    "WEBAPP_MAX_CONNECTIONS",
    "WEBAPP_HEADER_SECONDS",
    "WEBAPP_BODY_SECONDS",
    "WEBAPP_UNREAD_SECONDS",
    "WEBAPP_RATE_LIMIT",
    "WEBAPP_MIN_FREE_BYTES",
    "SIDECAR_HTTP_HOST",
    "LOG_FORMAT",
)
"""Set to nothing, which means the default, so that neither this shell nor a `.env` has a say in the tests."""


def settings_for(folder: Path, **settings: str) -> dict[str, str]:
    """An environment in which an app has ports and a folder to itself."""
    return {
        **os.environ,
        **dict.fromkeys(SETTINGS, ""),
        "WEBAPP_HTTP_PORT": str(free_port()),
        "WEBAPP_ZMQ_ADDR": free_address(),
        "WEBAPP_REPLAY_ADDR": free_address(),
        "SIDECAR_HTTP_PORT": "8001",
        "DATA_DIR": str(folder / "data"),
        "LOG_LEVEL": "DEBUG",
        **settings,
    }


CONSOLE_SCRIPT = "import sys; from trading_app.main import main; sys.exit(main())"
"""A program that starts as the console script does: a new process of this one, with its limits."""


class RunningApp:
    """A process of `trading-app`, with its log in a file."""

    def __init__(self, folder: Path, program: str = "", **settings: str) -> None:
        """Start it, or in its place `program`: the name of another one, CONSOLE_SCRIPT, or Python code for
        ForkedProgram. It may end at once.
        """
        self.environment = settings_for(folder, **settings)
        self.port = int(self.environment["WEBAPP_HTTP_PORT"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = open_client(self.url)
        self.data_folder = Path(self.environment["DATA_DIR"])
        self._log_file = folder / f"trading-app-{self.port}.log"
        self.process: Process
        if program != CONSOLE_SCRIPT:
            self.process = ForkedProgram(program or "trading-app", self.environment, folder, self._log_file)
            return
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program],
                env=self.environment,
                cwd=folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def max_resident_bytes(self) -> int:
        """The most it has held in memory so far. Linux only."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def wait_until_ready(self) -> None:
        """Wait until it answers its readiness check."""
        eventually(self._is_ready, what=f"{self.url}/readyz")

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """End it as a user would; its exit code."""
        self.process.send_signal(by)
        return self.wait()

    def wait(self) -> int:
        """The exit code, once it has ended by itself."""
        return self.process.wait(timeout=60)

    def log_text(self) -> str:
        """All it has written so far."""
        return self._log_file.read_text()

    def log_lines(self) -> list[dict[str, Any]]:
        """Its log so far; every line has to be JSON."""
        *lines, _being_written = self.log_text().split("\n")
        return [json.loads(line) for line in lines]

    def count_errors(self) -> int:
        """Its log lines of level error so far."""
        return sum(line["level"] == "error" for line in self.log_lines())

    def metric(self, sample: str) -> float:
        """The value of one sample of /metrics, named as it stands there; 0 where there is none yet."""
        text = self.client.get("/metrics").text
        found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def stored_trades(self) -> int:
        """How many trades GET /trades gives."""
        return len(self.client.get("/trades", headers={"Accept": "application/x-ndjson"}).text.splitlines())

    def end(self) -> None:
        """End it now, if it has not ended."""
        self.client.close()
        self.process.kill()
        self.process.wait()

    def wait_until_reached(self) -> None:
        """Wait until it answers at all."""
        eventually(lambda: self._status("/healthz") > 0, what=f"{self.url}/healthz")

    def _is_ready(self) -> bool:
        code = self.process.poll()
        assert code is None, f"trading-app ended with {code}:\n{self.log_text()}"
        return self._status("/readyz") == 200

    def _status(self, path: str) -> int:
        """The status of an answer; 0 while nobody listens."""
        try:
            return self.client.get(path).status_code
        except httpx.TransportError:
            return 0


@contextmanager
def running(folder: Path, program: str = "", **settings: str) -> Iterator[RunningApp]:
    """An app that is ready; ended at the end, if it has not."""
    app = RunningApp(folder, program, **settings)
    try:
        app.wait_until_ready()
        yield app
    finally:
        app.end()


@contextmanager
def opening(folder: Path, **settings: str) -> Iterator[RunningApp]:
    """An app that listens and whose journal is not open before `opened`; ended at the end, if it has not.

    The lock file is a named pipe, so that opening it waits until somebody opens the other end.
    """
    (folder / "data").mkdir()
    os.mkfifo(folder / "data" / "journal.lock")
    app = RunningApp(folder, **settings)
    try:
        app.wait_until_reached()
        yield app
    finally:
        app.end()


@contextmanager
def opened(app: RunningApp) -> Iterator[None]:
    """The journal of an `opening` app can be opened."""
    with (app.data_folder / "journal.lock").open("rb"):
        yield


@contextmanager
def stopped(app: RunningApp) -> Iterator[None]:
    """The app stands still: whatever is sent meanwhile is there at once when it goes on."""
    app.process.send_signal(signal.SIGSTOP)
    stat = Path(f"/proc/{app.process.pid}/stat")
    eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", what="the app's standstill")
    try:
        yield
    finally:
        app.process.send_signal(signal.SIGCONT)

"""The servers that the product is compared with, on the server's core unless stated otherwise: answering, or not
installed.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.http_client import Connection
from benchmarks.processes import ENVIRONMENT, ROOT, cores, end, pinned
from benchmarks.wrk import Load, new_run, run_wrk
from tests.support.ports import free_port

PUSHGATEWAY = "prometheus-pushgateway"
START_SECONDS = 20
TOKEN = "0" * 32


@dataclass(frozen=True, slots=True)
class Baseline:
    """A server that takes what a script of wrk sends."""

    port: int
    script: str

    def load(self, connections: int, seconds: float) -> Load:
        """Let wrk send the trades that the product gets, with the same headers."""
        load = run_wrk(self.port, self.script, connections, seconds, (new_run(), "/trade", TOKEN, "0"))
        assert load.errors == 0 < load.answered, load
        return load


@contextmanager
def bare(core: int | None = None) -> Iterator[Baseline]:
    """uvicorn that only answers 202."""
    with _running([sys.executable, "-m", "benchmarks.bare"], core=core) as port:
        yield Baseline(port, "post_trade.lua")


@contextmanager
def empty() -> Iterator[Baseline]:
    """FastAPI and pydantic, and nothing behind them."""
    with _running([sys.executable, "-m", "benchmarks.empty"]) as port:
        yield Baseline(port, "post_trade.lua")


@contextmanager
def naive(folder: Path) -> Iterator[Baseline]:
    """The design that comes to mind first."""
    with _running([sys.executable, "-m", "benchmarks.naive"], folder) as port:
        yield Baseline(port, "post_trade.lua")


@contextmanager
def echo() -> Iterator[Baseline]:
    """Sockets and nothing else."""
    with _running([sys.executable, "-m", "benchmarks.echo"]) as port:
        yield Baseline(port, "post_trade.lua")


@contextmanager
def uncommitted() -> Iterator[Baseline]:
    """The web app without its journal."""
    with _running([sys.executable, "-m", "benchmarks.uncommitted"]) as port:
        yield Baseline(port, "post_trade.lua")


@contextmanager
def pushgateway() -> Iterator[Baseline]:
    """Prometheus' Pushgateway; in memory only, as it is without settings."""
    port = free_port()
    with _started([PUSHGATEWAY, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"], port):
        yield Baseline(port, "push.lua")


def pushgateway_is_installed() -> bool:
    """Whether there is one."""
    return shutil.which(PUSHGATEWAY) is not None


@contextmanager
def _running(command: list[str], *arguments: Path, core: int | None = None) -> Iterator[int]:
    port = free_port()
    with _started([*command, str(port), *map(str, arguments)], port, core):
        yield port


@contextmanager
def _started(command: list[str], port: int, core: int | None = None) -> Iterator[None]:
    process = subprocess.Popen(
        pinned(cores()[0] if core is None else core, command), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert process.poll() is None, f"{command} ended"
            assert time.monotonic() < deadline, f"{command} does not listen"
            time.sleep(0.01)
        yield
    finally:
        end(process)


def _listens(port: int) -> bool:
    try:
        with Connection(port, ""):
            return True
    except OSError:
        return False

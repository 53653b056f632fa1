"""Starts the programs without importing their modules each time, which is nearly all of the CPU time of a start.

A program is forked from a process of its own for each test worker (`multiprocessing`'s fork server), which has imported
what the program imports and done nothing else. The fork then does what the console script does: it calls `main()`, with
an environment, a folder, signals, threads and sockets of its own. Tests of the start itself run the console scripts.
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

MODULES = {
    "trading-app": ("trading_app.main", "trading_app.server"),
    "metrics-sidecar": ("metrics_sidecar.main", "metrics_sidecar.run"),
    "trading-analytics": ("trading_analytics.main", "trading_analytics.run"),
    "market-feed": ("market_feed.main", "market_feed.run"),
    "faulty-app": ("tests.support.faulty_app", "trading_app.server"),
    "dying-sidecar": ("tests.support.dying_sidecar", "metrics_sidecar.run"),
}
"""The module of each program's `main`, and the one that it imports to serve."""

_forks = multiprocessing.get_context("forkserver")
# FastAPI imports pydantic.v1 with the first route.
_forks.set_forkserver_preload(
    [__name__, "uvloop", "pydantic.v1", *(module for pair in MODULES.values() for module in pair)]
)


class Process(Protocol):
    """What tests use of subprocess.Popen."""

    @property
    def pid(self) -> int:
        """The id of the process."""

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once the process has ended. Raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless the process has ended."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""


class ForkedProgram:
    """A Process that runs one of MODULES, or Python code that does something before it runs one."""

    def __init__(self, name: str, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        arguments = (name, dict(environment), folder, log)
        # A daemon is terminated at the end of the tests, where a test has left it.
        self._process: BaseProcess = _forks.Process(target=_run, args=arguments, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_command(
    name: str, *words: object, environment: Mapping[str, str], folder: Path | None = None, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """A command of one of MODULES, run to its end: what subprocess.run gives for its console script. `given` is what it
    reads.
    """
    command = [name, *map(str, words)]
    with tempfile.TemporaryDirectory() as streams:
        files = [Path(streams, stream) for stream in ("given", "output", "errors")]
        files[0].write_text(given)
        arguments = (command, dict(environment), folder or Path.cwd(), files)
        process = _forks.Process(target=_run_command, args=arguments, daemon=True)
        process.start()
        try:
            process.join()  # pytest's own timeout ends one that hangs
        finally:
            process.kill()
        output, errors = (file.read_text() for file in files[1:])
        assert process.exitcode is not None, "it has ended"
        return subprocess.CompletedProcess(command, process.exitcode, output, errors)


def _run(name: str, environment: dict[str, str], folder: Path, log: Path) -> None:
    """What the forked process of a program does."""
    _become([name], environment, folder)
    _point(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 1, 2)
    if name not in MODULES:
        exec(name, {"__name__": "__main__"})
        return
    sys.exit(import_module(MODULES[name][0]).main())


def _run_command(command: list[str], environment: dict[str, str], folder: Path, files: list[Path]) -> None:
    """What the forked process of a command does."""
    _become(command, environment, folder)
    for standard, file in enumerate(files):
        _point(file, os.O_RDWR | os.O_CREAT, standard)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
    sys.exit(import_module(MODULES[command[0]][0]).main())


def _become(arguments: list[str], environment: dict[str, str], folder: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = arguments


def _point(file: Path, flags: int, *standards: int) -> None:
    """Make these standard streams that file."""
    opened = os.open(file, flags)
    for standard in standards:
        os.dup2(opened, standard)
    os.close(opened)

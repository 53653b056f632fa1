"""A program that runs in the background of this machine until it is ended."""

import fcntl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.local.single_run import end_holder, holder

PATIENCE = 60.0  # seconds to become ready; a large database is read first
GRACE = 30.0  # seconds to end after SIGTERM
PAUSE = 0.1  # seconds between looks


class StartError(Exception):
    """The program does not start; the message has the reason, as far as its log shows it."""


@dataclass(frozen=True)
class Program:
    """What to run, and where it says that it is ready."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str]
    ready_url: str
    run_folder: Path

    @property
    def pid_file(self) -> Path:
        return pid_file(self.run_folder, self.name)

    @property
    def log_file(self) -> Path:
        return self.run_folder / f"{self.name}.log"

    def runs(self) -> bool:
        return holder(self.pid_file) is not None

    def start(self) -> int:
        """Start it and wait until it is ready; returns its process id. Raises StartError.

        The process inherits the locked process-id file: the system releases the lock when the process is gone, so a
        number that went to another process since is never taken for it (see infra/local/single_run.py).
        """
        self.run_folder.mkdir(exist_ok=True)
        with self.pid_file.open("a+") as lock, self.log_file.open("wb") as log:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StartError(f"{self.name} runs already") from None
            process = subprocess.Popen(
                self.command, env=dict(self.variables), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[lock.fileno()],
            )  # fmt: skip
            lock.truncate(0)
            lock.write(str(process.pid))
        self._wait_until_ready(process)
        return process.pid

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not answers(self.ready_url):
            if process.poll() is not None:
                raise StartError(f"{self.name} ended with exit code {process.returncode}:\n{self._last_words()}")
            if time.monotonic() > deadline:
                end(self.run_folder, self.name)
                raise StartError(f"{self.name} was not ready within {PATIENCE:.0f} s:\n{self._last_words()}")
            time.sleep(PAUSE)

    def _last_words(self) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-5:])


def end(run_folder: Path, name: str) -> int | None:
    """End the program of that name if it runs; returns the process id it had. Raises TimeoutError."""
    return end_holder(pid_file(run_folder, name), patience=GRACE)


def pid_file(run_folder: Path, name: str) -> Path:
    return run_folder / f"{name}.pid"


def answers(url: str) -> bool:
    """Whether there is a 2xx to be had, now."""
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.TransportError:
        return False

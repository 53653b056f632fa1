"""One app as a process: its log behind a prefix, whether it answers yet, and its end."""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from infra.local.addresses import Address

ROOT = Path(__file__).resolve().parents[2]

GRACE = 10.0  # seconds an app has to end after SIGTERM
HEALTH_PAUSE = 0.1  # seconds between questions to an app that does not answer yet
GOOD_ENDS = (0, -signal.SIGTERM)  # the second: the signal came before the app had got round to handling it
MAX_LINE_CHARACTERS = 65_536  # bytes of a log line that are waited for before they are shown
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl(2)
LIBRARY = ctypes.CDLL(None)  # loaded here: nothing should be loaded between fork and exec


@dataclass(frozen=True)
class App:
    """One of the programs."""

    name: str
    title: str
    colour: int  # of an ANSI terminal
    address: Address
    pages: str


def show(title: str, colour: int, line: str | bytes) -> None:
    """One line on standard output behind a short prefix, coloured on a terminal only."""
    prefix = f"{title} | "
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        prefix = f"\033[{colour}m{prefix}\033[0m"
    text = line.encode() if isinstance(line, str) else line
    try:
        sys.stdout.buffer.write(prefix.encode() + text + b"\n")
        sys.stdout.buffer.flush()
    except OSError:  # nobody reads any more: the terminal is closed, or `| head` has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        os.kill(os.getpid(), signal.SIGTERM)


Say = Callable[[str], None]
"""Shows a line of the command itself, among those of the apps."""


def speaker(command: str) -> Say:
    """What a command says, behind its name."""
    return partial(show, command, 33)


async def show_log(app: App, output: asyncio.StreamReader) -> None:
    """Pass on what an app writes, a line at a time, until it closes its output."""
    rest = b""
    while chunk := await output.read(MAX_LINE_CHARACTERS):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_CHARACTERS:
            lines, rest = [*lines, rest], b""
        for line in lines:
            show(app.title, app.colour, line)
    if rest:
        show(app.title, app.colour, rest)


def end_with_parent() -> None:
    """In a child on Linux: get SIGTERM when the parent is gone, even by kill -9, so that no app is left behind."""
    LIBRARY.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


class RunningApp:
    """An app's process, its log and whether it has answered yet."""

    def __init__(self, app: App, process: Process, say: Say) -> None:
        assert process.stdout is not None
        self.app = app
        self._say = say
        self.healthy = False
        self.exited = asyncio.create_task(process.wait())
        self._process = process
        self._log = asyncio.create_task(show_log(app, process.stdout))
        self._announcement = asyncio.create_task(self._announce())

    @classmethod
    async def start(cls, app: App, variables: dict[str, str], say: Say) -> "RunningApp":
        """Start the app in a process group of its own, which keeps the terminal's Ctrl-C from it: the signal comes from
        here, and only once.
        """
        process = await asyncio.create_subprocess_exec(
            ROOT / ".venv" / "bin" / app.name, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env=variables,
            process_group=0, preexec_fn=end_with_parent if sys.platform == "linux" else None,
        )  # fmt: skip
        return cls(app, process, say)

    async def announced(self) -> None:
        """Wait until the app answers and that was said."""
        await asyncio.wait([self._announcement])

    async def ended(self) -> None:
        """Wait until the process is gone; `exited` then has its exit status."""
        await asyncio.wait([self.exited])

    async def stop(self) -> bool:
        """End the process, by force after GRACE seconds; whether it ended well."""
        self._announcement.cancel()
        if not self.exited.done():
            self._process.terminate()
            await asyncio.wait([self.exited], timeout=GRACE)
            if not self.exited.done():
                self._say(f"{self.app.name} has not ended within {GRACE:.0f} s and is killed")
                self._process.kill()
            elif self.exited.result() not in GOOD_ENDS:
                self._say(f"{self.app.name} ended with {describe(self.exited.result())}")
        await self.exited
        await asyncio.wait([self._log], timeout=1.0)  # a process of the app's own may still hold its output
        self._log.cancel()
        return self.exited.result() in GOOD_ENDS

    async def _announce(self) -> None:
        """Say where the app listens once it answers."""
        async with httpx.AsyncClient(trust_env=False) as client:
            while not self.healthy:
                await asyncio.sleep(HEALTH_PAUSE)
                try:
                    self.healthy = (await client.get(f"{self.app.address.url}/healthz")).is_success
                except httpx.TransportError:
                    continue
        self._say(f"{self.app.title} listens on {self.app.address.url}{self.app.pages}")


def describe(status: int) -> str:
    """An exit code, or the signal that ended a process, in words."""
    return f"exit code {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"

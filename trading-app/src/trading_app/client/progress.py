"""Shows the progress: a bar on a terminal, else a line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trading_app.client.tally import Tally

SECONDS_BETWEEN_LINES = 5.0


class Display(Protocol):
    """What the loop reports its progress to. `done` counts towards the `total` that the display was made with."""

    def show(self, tally: Tally, done: float) -> None: ...
    def note(self, text: str) -> None: ...


@contextmanager
def display(total: float | None, stream: TextIO) -> Iterator[Display]:
    """The display for the stream: a bar on a terminal, else lines. `total` is None if the end is unknown."""
    if not stream.isatty():
        yield Lines(stream, total)
        return
    with Progress(*_columns(total), console=Console(file=stream)) as progress:
        yield Bar(progress, progress.add_task("", total=total, text="", rate=0))


def _columns(total: float | None) -> list[TextColumn | BarColumn | TimeElapsedColumn | TimeRemainingColumn]:
    last = TimeElapsedColumn() if total is None else TimeRemainingColumn()
    return [BarColumn(), TextColumn("{task.fields[text]}"), last]


class Bar:
    """A bar that moves."""

    def __init__(self, progress: Progress, task: TaskID, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._task = task
        self._clock = clock
        self._started = clock()

    def show(self, tally: Tally, done: float) -> None:
        """Update the bar."""
        text = _text(tally, self._clock() - self._started)
        self._progress.update(self._task, completed=done, text=text)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False)


class Lines:
    """Plain lines, one every few seconds."""

    def __init__(self, stream: TextIO, total: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._total = total
        self._clock = clock
        self._started = self._shown = clock()

    def show(self, tally: Tally, done: float) -> None:
        """Print a line if the last one is at least SECONDS_BETWEEN_LINES old."""
        now = self._clock()
        if now - self._shown >= SECONDS_BETWEEN_LINES:
            self._shown = now
            share = f", {done / self._total:.0%}" if self._total else ""
            self.note(_text(tally, now - self._started) + share)

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=self._stream, flush=True)


def _text(tally: Tally, seconds: float) -> str:
    rate = tally.sent / seconds if seconds > 0 else 0
    return f"{tally.sent:,} sent, {rate:,.0f}/s, {tally.accepted:,} accepted, {tally.duplicates:,} duplicates"

"""Shows how far the steps of an import are: a bar on a terminal, else a line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

SECONDS_BETWEEN_LINES = 5.0


class Steps(Protocol):
    """What an import reports its progress to. `total` is how many rows the step has; 0 while that is not known."""

    def show(self, step: str, rows: int, total: int = 0) -> None: ...
    def note(self, text: str) -> None: ...
    def say(self, text: str) -> None: ...
    def ask(self, question: str) -> str: ...


@contextmanager
def steps(stream: TextIO) -> Iterator[Steps]:
    """The display for the stream."""
    if not stream.isatty():
        yield _Lines(stream)
        return
    columns = (TextColumn("{task.description:9}"), BarColumn(), TextColumn("{task.completed:,.0f} rows"))
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield _Bar(progress, progress.add_task("", total=None))


class _Bar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def show(self, step: str, rows: int, total: int = 0) -> None:
        self._progress.update(self._task, description=step, completed=rows, total=total or None)

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def say(self, text: str) -> None:
        self._progress.stop()
        print(text, flush=True)

    def ask(self, question: str) -> str:
        answer = input(question)
        self._progress.start()
        return answer


class _Lines:
    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._shown = clock()

    def show(self, step: str, rows: int, total: int = 0) -> None:
        now = self._clock()
        if now - self._shown >= SECONDS_BETWEEN_LINES:
            self._shown = now
            self.note(f"{step}: {rows:,} rows{f' of {total:,}' if total else ''}")

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def say(self, text: str) -> None:
        print(text, flush=True)

    def ask(self, question: str) -> str:
        return input(question)

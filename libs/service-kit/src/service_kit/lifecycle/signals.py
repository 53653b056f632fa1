"""SIGTERM and SIGINT, from the first line of a program. Imports nothing heavy, so that it can come before what is."""

import signal
from collections.abc import Callable
from types import FrameType

NUMBERS = (signal.SIGTERM, signal.SIGINT)


class EndSignals:
    """Handles both signals from when it is made. Until a program serves they end it at once, with exit code 0."""

    def __init__(self) -> None:
        self._deliver: Callable[[int], object] | None = None
        self._before = {number: signal.signal(number, self._handle) for number in NUMBERS}

    def deliver_to(self, receiver: Callable[[int], object]) -> None:
        """From now on call that with the number of the signal, in the main thread, between any two of its steps."""
        self._deliver = receiver

    def give_back(self) -> None:
        """Restore what was before: for a command that runs to its own end."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ignore(self) -> None:
        """The program has ended, and its exit code stands."""
        for number in NUMBERS:
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._deliver is None:
            raise SystemExit(0)
        self._deliver(number)

"""SIGTERM and SIGINT, from the first line of a program. Imports nothing heavy, so that it can be imported first."""

import os
import signal
from collections.abc import Callable
from types import FrameType

NUMBERS = (signal.SIGTERM, signal.SIGINT)


class EndSignals:
    """Handles both signals as soon as it exists. Before `deliver_to`, a signal ends the process with exit code 0."""

    def __init__(self) -> None:
        self._deliver: Callable[[int], object] | None = None
        self._before = {number: signal.signal(number, self._handle) for number in NUMBERS}

    def deliver_to(self, receiver: Callable[[int], object]) -> None:
        """Call `receiver` with a signal's number from now on: in the main thread, between any two bytecodes."""
        self._deliver = receiver

    def give_back(self) -> None:
        """Restore the previous handlers: for a command that ends without being asked."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ignore(self) -> None:
        """Ignore both signals: the program has ended, and a late signal must not change its exit code."""
        for number in NUMBERS:
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._deliver is None:
            # Nothing is open yet. An exception would come out of any line of a library that is being imported, and
            # pydantic, for one, makes an error of its own of it.
            os._exit(0)
        self._deliver(number)

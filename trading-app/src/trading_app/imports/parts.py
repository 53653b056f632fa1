"""Calls for batches, in parts once the app says that a batch is too large for its settings."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from trading_app.imports.ledger import CallRefused

TOO_LARGE = 413

Item = TypeVar("Item")
Answered = TypeVar("Answered")


class Parts:
    """Remembers how many items of a kind the app takes. For one thread at a time."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum

    def call(
        self, batch: Sequence[Item], post: Callable[[Sequence[Item]], Answered]
    ) -> list[tuple[Sequence[Item], Answered]]:
        """The answers to a batch: each part of it, in order, and what `post` gave for it. Raises what `post` raises."""
        answered: list[tuple[Sequence[Item], Answered]] = []
        start = 0
        while start < len(batch):
            part = batch[start : start + self._maximum]
            try:
                answered.append((part, post(part)))
                start += len(part)
            except CallRefused as refused:
                if refused.status != TOO_LARGE or len(part) == 1:
                    raise
                self._maximum = len(part) // 2
        return answered

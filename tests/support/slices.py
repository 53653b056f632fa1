"""Work in slices, done at once."""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")


def whole(work: Generator[None, None, Result]) -> Result:
    """What it gives in the end."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Result = done.value
            return result

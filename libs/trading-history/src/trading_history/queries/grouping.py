"""Groups that something counts in: by members of its position, and by tags. No I/O."""

from collections.abc import Iterable, Sequence
from typing import Literal

Member = Literal["account", "strategy", "symbol", "position_side", "tag"]

Names = tuple[tuple[str, str], ...]
"""Member and value of a group."""


def groups(one: object, tags: Sequence[str], by: Sequence[Member]) -> Iterable[Names]:
    """The groups of something with the members of a position: one for each of its tags by tag, "" without tags."""
    found: list[Names] = [()]
    for member in by:
        values = (tags or ("",)) if member == "tag" else (getattr(one, member),)
        found = [(*group, (member, value)) for group in found for value in values]
    return found

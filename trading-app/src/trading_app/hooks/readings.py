"""What a message turns out to be. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class Unreadable(Exception):
    """The message can't be read as a trade. The text says what is missing, for the person who set up the sender."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill, in the terms of POST /trade; `trade_id` and `ts` included.

    `timed_by_sender` is false if `ts` was made here, so that the same message at another time is still the same fill.
    """

    members: Mapping[str, str]
    timed_by_sender: bool = True


@dataclass(frozen=True, slots=True)
class Ignored:
    """The message is understood, and says nothing of a fill."""

    reason: str


Readings = Sequence[Fill] | Ignored

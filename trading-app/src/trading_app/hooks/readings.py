"""What a message turns out to be. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class Unreadable(Exception):
    """The message can't be read as a trade. The text says what is missing, for the person who set up the sender."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill, in the terms of POST /trade; `trade_id` and `ts` included.

    `timed_by_sender` is false if `ts` makes no difference: the same message at another time is still the same fill.
    """

    members: Mapping[str, str]
    timed_by_sender: bool = True


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says: fills, and events of other kinds in the terms of POST /events."""

    fills: Sequence[Fill]
    events: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """The message is understood, and says nothing of a trade."""

    reason: str


Reading = Said | Ignored

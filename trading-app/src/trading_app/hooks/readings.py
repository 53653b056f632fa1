"""What a message turns out to be. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class Unreadable(Exception):
    """The message can't be read as a trade. The text says what is missing, for the person who set up the sender."""


@dataclass(frozen=True, slots=True)
class _Told:
    """`assumed` are members that the hook says or the time of arrival, and not the message: a hook that is set up
    otherwise still knows what it took, and so it does at another time.
    """

    members: Mapping[str, str]
    assumed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fill(_Told):
    """One fill, in the terms of POST /trade; `trade_id` and `ts` included."""


@dataclass(frozen=True, slots=True)
class Event(_Told):
    """One event of another kind, in the terms of POST /events; `kind`, `id`, `account` and `ts` included."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says: fills, and events of other kinds."""

    fills: Sequence[Fill]
    events: Sequence[Event] = ()

    @property
    def all(self) -> Sequence[_Told]:
        """The fills, then the events."""
        return [*self.fills, *self.events]


@dataclass(frozen=True, slots=True)
class Ignored:
    """The message is understood, and says nothing of a trade."""

    reason: str


Reading = Said | Ignored

"""Kinds of events in the ledger, as docs/wire-contract.md has them. No I/O.

An event without a kind is a fill. Any other has `kind` as its second member, to the byte: `{"seq":7,"kind":"note",…`;
its content is nested, so that nobody takes it for a fill. A kind that changes no figure bears `"aside":true`.
"""

from typing import Any

import msgspec

FILL = "fill"
ASIDE = "aside"
UNKNOWN = "unknown"
COUNTED = (FILL, ASIDE, UNKNOWN)
"""What events are counted as. A kind's own name comes from the journal, and may be anything."""

_KIND = b'"kind":'


class OtherEvent(msgspec.Struct, frozen=True, gc=False):
    """What every event that is not a fill says of itself."""

    kind: str
    aside: Any = None

    @property
    def is_aside(self) -> bool:
        """Whether it changes no figure, so that a reader that doesn't know the kind passes over it."""
        return self.aside is True


def may_hold_other_kinds(events: bytes) -> bool:
    """Whether numbered events may hold others than fills. False is certain, and takes no time."""
    return b"," + _KIND in events


def is_fill(event: bytes) -> bool:
    """Whether a numbered event as journaled is a fill."""
    return not event.startswith(_KIND, event.find(b",") + 1)

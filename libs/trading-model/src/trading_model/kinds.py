"""Kinds of events in the ledger, as docs/wire-contract.md defines them. No I/O.

An event without a kind is a fill. Any other event has `kind` as its second member, byte for byte:
`{"seq":7,"kind":"note",…`. Its content is nested, so that no reader mistakes it for a fill. An event that changes no
figure has `"aside":true`.
"""

from typing import Any

import msgspec

FILL = "fill"
VOID = "void"
ASIDE = "aside"
UNKNOWN = "unknown"
KNOWN_KINDS = ("void", "replace", "cash", "split", "opening", "move", "instrument", "price", "rate", "import")
"""Kinds that change figures, but for fills."""

COUNTED = (FILL, *KNOWN_KINDS, ASIDE, UNKNOWN)
"""Labels by which events are counted. Other kinds' names come from the journal: as labels they would be unbounded."""

_KIND = b'"kind":'


class OtherEvent(msgspec.Struct, frozen=True, gc=False):
    """The common members of every event that is not a fill."""

    kind: str
    aside: Any = None


def may_hold_other_kinds(events: bytes) -> bool:
    """Whether numbered events may include other kinds than fills. False is certain; the check is one search."""
    return b"," + _KIND in events


def is_fill(event: bytes) -> bool:
    """Whether a numbered, journaled event is a fill."""
    return not event.startswith(_KIND, event.find(b",") + 1)


def key_of(kind: str, id: str, target: int) -> str:  # noqa: A002 -- the member's name
    """The key by which a repeat of an event that is not a fill is recognised.

    An event can be voided once, so a void's key is its target. No fill's key begins with the same control character.
    """
    return f"\x1e{kind}\x1f{target if kind == VOID else id}"

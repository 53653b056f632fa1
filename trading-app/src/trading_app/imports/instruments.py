"""What the ledger says of symbols and rates: what comes before a file's own events in their figures."""

from collections.abc import Iterator

import msgspec

from trading_app.imports.ledger import Ledger


def said_by(ledger: Ledger) -> list[bytes]:
    """The ledger's instruments and rates in force, as journaled but for their sequence."""
    said, voided = dict[int, bytes](), set[int]()
    for kind in ("instrument", "rate"):
        for event in _pages(ledger, kind):
            said[event.seq] = b"{" + bytes(event.raw).partition(b",")[2]
    targets = {event.seq: event.target for event in _pages(ledger, "void")}
    for target in targets.values():
        root = target
        while root in targets:
            root = targets[root]
        voided ^= {root}
    return [said[sequence] for sequence in sorted(said) if sequence not in voided]


class _Event(msgspec.Struct):
    seq: int
    target: int = 0
    raw: msgspec.Raw = msgspec.Raw(b"")


class _Page(msgspec.Struct):
    events: list[msgspec.Raw]
    next_after: int | None


def _pages(ledger: Ledger, kind: str) -> Iterator[_Event]:
    after: int | None = 0
    while after is not None:
        page = msgspec.json.decode(ledger.get(f"/events?kind={kind}&after={after}&limit=1000"), type=_Page)
        for raw in page.events:
            event = msgspec.json.decode(raw, type=_Event)
            event.raw = raw
            yield event
        after = page.next_after

"""A fill with its whole story, and pages of events of other kinds, as JSON. Reads through a LedgerView."""

import msgspec

from telemetry_stream.log import StreamReader
from trading_app.ledger.view import LedgerView, StoredEvent
from trading_app.outgoing import PIECE_BYTES
from trading_app.problems import TradeProblem
from trading_model.field_rules import format_timestamp

MAX_STORY = 1_000
"""Maximum of events in one story. Further notes are left out; corrections are fewer."""


def tell(reader: StreamReader, sequence: int) -> bytes:
    """The fill with this sequence, whether it is in force, what it says now, and what was said of it since.

    Raises TradeProblem (`not_found`), DamagedHistory, StoreBusy.
    """
    view = LedgerView(reader)
    fill = view.event(sequence)
    if fill is None:
        raise TradeProblem("not_found", f"there is no event {sequence}; the last is {view.head()}")
    if not fill.is_fill:
        raise TradeProblem(
            "not_found",
            f"event {sequence} is not a trade but of the kind {fill.kind}: GET /events?after={sequence - 1}",
        )
    now, _ = view.now(fill)
    chapters = b",".join(_chapter(view, event) for event in view.story(sequence, MAX_STORY))
    return b'{"trade":%b,%b,"in_force":%b,"now":{"seq":%d,%b,"story":[%b]}' % (
        fill.body,
        _provenance(view, sequence),
        _boolean(view.in_force(fill)),
        sequence,
        now[1:],
        chapters,
    )


def page(reader: StreamReader, after: int, limit: int, kind: str | None) -> bytes:
    """The events of other kinds after a sequence, as journaled: at most `limit`, and about PIECE_BYTES."""
    view = LedgerView(reader)
    found = reader.labelled(kind=kind, after=after, limit=limit)
    events, size = list[bytes](), 0
    for one in found:
        event = view.event(one.sequence)
        assert event is not None, "its label was stored with it"
        events.append(event.body)
        size += len(event.body)
        if size >= PIECE_BYTES:
            break
    more = len(found) == limit or len(events) < len(found)
    next_after = b"%d" % found[len(events) - 1].sequence if more else b"null"
    return b'{"events":[%b],"next_after":%b}' % (b",".join(events), next_after)


def _chapter(view: LedgerView, event: StoredEvent) -> bytes:
    reason = bytes(event.content.get("reason", msgspec.Raw(b"null")))
    return b'{"seq":%d,"kind":"%b",%b,"reason":%b,"in_force":%b,"event":%b}' % (
        event.sequence,
        event.kind.encode(),
        _provenance(view, event.sequence),
        reason,
        _boolean(len(view.voids(event.sequence)) % 2 == 0),
        event.body,
    )


def _provenance(view: LedgerView, sequence: int) -> bytes:
    """The members that say when an event was committed, who sent it and which way; null where that is not known."""
    found = view.provenance(sequence)
    at = format_timestamp(found.committed_at_ns)
    origin = found.origin
    return _encode({"at": at, "who": origin.caller or None, "way": origin.way or None})[1:-1]


def _boolean(value: bool) -> bytes:
    return b"true" if value else b"false"


_encode = msgspec.json.Encoder().encode

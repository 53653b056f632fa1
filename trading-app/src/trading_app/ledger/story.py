"""A fill with its whole story, and pages of events of other kinds, as JSON. Reads through a LedgerView."""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from telemetry_stream.log import StreamReader
from telemetry_stream.wire import number
from trading_app.ledger.provenance import At, Way, Who, provenance
from trading_app.ledger.view import LedgerView, StoredEvent
from trading_app.outgoing import PIECE_BYTES
from trading_app.problems import TradeProblem
from trading_model.kind_members import KINDS

MAX_STORY = 1_000
"""Maximum of events in one story. Further notes are left out; corrections are fewer."""

StoredTradeJson = Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/StoredTrade"})]
StoredEventJson = Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/StoredEvent"})]


class Chapter(msgspec.Struct):
    """One event of a story."""

    seq: Annotated[int, Meta(ge=1)]
    kind: Annotated[str, Meta(extra_json_schema={"enum": list(KINDS)})]
    at: At
    who: Who
    way: Way
    reason: Annotated[Raw, Meta(extra_json_schema={"type": ["string", "null"]})]
    in_force: bool
    event: StoredEventJson


class Story(msgspec.Struct):
    """A trade as journaled, what it says `now`, and every event that refers to it."""

    trade: StoredTradeJson
    at: At
    who: Who
    way: Way
    in_force: Annotated[bool, Meta(description="Whether it counts: neither it nor its import is voided.")]
    now: StoredTradeJson
    story: list[Chapter]


class EventPage(msgspec.Struct):
    """A page of events of other kinds than trades, ascending by `seq`."""

    events: list[StoredEventJson]
    next_after: Annotated[int | None, Meta(description="`after` of the next page; null on the last.")]


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
    came = provenance(view, sequence)
    now, _ = view.now(fill)
    story = [_chapter(view, event) for event in view.story(sequence, MAX_STORY)]
    return msgspec.json.encode(
        Story(Raw(fill.body), came.at, came.who, came.way, view.in_force(fill), Raw(number(now, sequence)), story)
    )


def page(reader: StreamReader, after: int, limit: int, kind: str | None) -> bytes:
    """The events of other kinds after a sequence, as journaled: at most `limit`, and about PIECE_BYTES."""
    view = LedgerView(reader)
    found = reader.labelled(kind=kind, after=after, limit=limit)
    events, size = list[Raw](), 0
    for one in found:
        event = view.event(one.sequence)
        assert event is not None, "its label was stored with it"
        events.append(Raw(event.body))
        size += len(event.body)
        if size >= PIECE_BYTES:
            break
    more = len(found) == limit or len(events) < len(found)
    return msgspec.json.encode(EventPage(events, found[len(events) - 1].sequence if more else None))


def _chapter(view: LedgerView, event: StoredEvent) -> Chapter:
    came = provenance(view, event.sequence)
    reason = event.content.get("reason", Raw(b"null"))
    in_force = len(view.voids(event.sequence)) % 2 == 0
    return Chapter(event.sequence, event.kind, came.at, came.who, came.way, reason, in_force, Raw(event.body))

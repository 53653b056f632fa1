"""What an answer shows of a stretch of the journal: fills as journaled, or what is in force, ready to be sent again."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

import msgspec

from telemetry_stream.events import Batch
from telemetry_stream.log import StreamReader
from telemetry_stream.wire import split
from trading_app.ledger.in_force import Corrections
from trading_app.query.filter import Filter
from trading_app.zmq_pub import TradeStream
from trading_model.kind_members import AFTER_TRADES, KINDS, WHILE_OPEN
from trading_model.kinds import VOID, is_fill, may_hold_other_kinds

Shown = tuple[int, bytes]
"""An event's sequence, and the JSON object that the answer has of it."""


class View(Protocol):
    """What is shown of a batch, in the order of the sequences."""

    @property
    def may_leave_out(self) -> bool:
        """Whether it may show less than there is, so that more has to be read than is shown."""

    async def of(self, stream: TradeStream, batch: Batch) -> list[Shown]:
        """Raises DamagedHistory, StoreBusy."""


class AsJournaled:
    """Fills with the bytes of the journal, corrections left aside. With `all_events`, every event of the journal."""

    def __init__(self, wanted: Filter, *, all_events: bool = False) -> None:
        self._wanted = wanted
        self._all_events = all_events

    @property
    def may_leave_out(self) -> bool:
        """Whether it has a filter."""
        return bool(self._wanted)

    async def of(self, _stream: TradeStream, batch: Batch) -> list[Shown]:
        """The fills that are wanted, or all events."""
        if self._all_events:
            return list(enumerate(split(batch), batch.first))
        return list(self._wanted.of(batch))


class InForce:
    """Fills that are in force, with the content of their last replace, as a client may send them.

    With `all_events`, events of other kinds that are in force stand between them, as `POST /events` takes them. Voids
    and replaces are not among them, since they are applied; nor are imports, which the app makes itself, and notes
    about an event, whose sequence is another one elsewhere.
    """

    may_leave_out = True

    def __init__(self, wanted: Filter, corrections: Corrections, *, all_events: bool) -> None:
        self._wanted = wanted
        self._corrections = corrections
        self._all_events = all_events

    async def of(self, stream: TradeStream, batch: Batch) -> list[Shown]:
        """The events that are in force and wanted."""
        contents: Mapping[int, bytes] = {}
        if self._corrections.any_replaced(batch.first, batch.last):

            def read(reader: StreamReader) -> Mapping[int, bytes]:
                return self._corrections.contents(reader, batch.first, batch.last)

            contents = await stream.ask(read)
        return list(self._in_force(batch, contents))

    def _in_force(self, batch: Batch, contents: Mapping[int, bytes]) -> Iterator[Shown]:
        voided, taken_back = self._corrections.voided, self._corrections.taken_back
        mixed = may_hold_other_kinds(batch.events)
        for sequence, event in enumerate(split(batch), batch.first):
            if sequence in voided or (taken_back and import_of(event) in taken_back):
                continue
            if mixed and not is_fill(event):
                sent = sendable_event(event, voided) if self._all_events else None
                if sent is not None:
                    yield sequence, sent
                continue
            fill = sendable_fill(contents.get(sequence, event))
            if self._wanted.matches(fill):
                yield sequence, fill


_SENT_AGAIN = frozenset(KINDS) - {VOID, "replace", "import"}
_IMPORT_ID = re.compile(rb',"import_id":"([^"]*)"')
_SEQUENCE = b'{"seq":'


def import_of(fill: bytes) -> bytes:
    """The import that brought a journaled fill; empty if none did."""
    found = _IMPORT_ID.search(fill)
    return found[1] if found else b""


def sendable_fill(fill: bytes) -> bytes:
    """A fill as journaled, or as another event quotes it, in the form that `POST /trades` takes."""
    if fill.startswith(_SEQUENCE):
        fill = b"{" + fill.partition(b",")[2]
    return _IMPORT_ID.sub(b"", fill) if b'"import_id"' in fill else fill


def sendable_event(event: bytes, voided: Collection[int]) -> bytes | None:
    """An event that is not a fill in the form that `POST /events` takes; None if it is not one that is sent again.

    An event that an import brought has the import as its target: it never happened if that is among the `voided`.
    """
    members = _decode_object(event)
    kind: str = msgspec.json.decode(members["kind"])
    if kind not in _SENT_AGAIN:
        return None
    if "target" in members and (KINDS[kind].target != "import" or int(bytes(members["target"])) in voided):
        return None
    content = _decode_object(members[KINDS[kind].journaled_as])
    if kind == "instrument":  # it held while positions were open, so it may be said again while they are
        content[WHILE_OPEN] = msgspec.Raw(b"true")
    elif kind == "opening":  # the same of its trades: they may be sent before it
        content[AFTER_TRADES] = msgspec.Raw(b"true")
    return _encode({"kind": members["kind"], "id": members["id"], **content})


_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

"""What the ledger says of an event: itself, what corrects it, whether it is in force, and what it says now.

Reads through a StreamReader, in the reader's thread. What corrects an event is found by the labels of the store, so it
takes the same time in a ledger of any length.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import msgspec

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Batch, Labelled, Provenance
from telemetry_stream.log import StreamReader
from telemetry_stream.wire import split

MAX_CORRECTIONS = 100
"""Maximum number of replaces of one fill, and of voids of voids: each is read to know what the fill says now."""

_CHUNK_EVENTS = 1_000
"""The longest row: those who look up many events in order read each row once."""


class StoredEvent(msgspec.Struct, frozen=True):
    """One event as journaled. A fill has the kind "fill"."""

    sequence: int
    body: bytes
    kind: str
    id: str
    target: int
    import_id: str

    @property
    def is_fill(self) -> bool:
        """Whether it is a fill."""
        return self.kind == "fill"

    @property
    def content(self) -> Mapping[str, msgspec.Raw]:
        """The members that say what happened: those of a fill, or the nested object of another kind."""
        members = _decode_object(self.body)
        return members if self.is_fill else _decode_object(members["mark" if self.kind == "price" else self.kind])


class _Head(msgspec.Struct, frozen=True):
    kind: str = "fill"
    id: str = ""
    target: int = 0
    import_id: str = ""


class LedgerView:
    """The ledger as one reader sees it now. Not safe for several threads at once."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader
        self._chunk = Batch(reader.stream, 1, 0, b"")
        self._events: list[bytes] = []
        self._held: dict[int, StoredEvent] = {}

    def head(self) -> int:
        """The last durable sequence."""
        return self._reader.head()

    def hold(self, sequences: Iterable[int]) -> None:
        """Read these events in order, so each row once, and keep them for who asks for them in another order.

        What can't be read is left to who asks for it. Raises StoreBusy.
        """
        for sequence in sorted(set(sequences) - self._held.keys()):
            with suppress(DamagedHistory):
                event = self.event(sequence)
                if event is not None:
                    self._held[sequence] = event

    def event(self, sequence: int) -> StoredEvent | None:
        """The event with this sequence; None if there is none yet. Raises DamagedHistory, StoreBusy."""
        held = self._held.get(sequence)
        if held is not None:
            return held
        if not self._chunk.first <= sequence <= self._chunk.last:
            self._chunk = self._reader.read(sequence - 1, _CHUNK_EVENTS, page_bytes=1)
            self._events = split(self._chunk)
        if not self._events:
            return None
        body = self._events[sequence - self._chunk.first]
        head = _decode_head(body)
        return StoredEvent(sequence, body, head.kind, head.id, head.target, head.import_id)

    def provenance(self, sequence: int) -> Provenance:
        """Who sent an event, which way, and when it was committed."""
        found = self._reader.provenance(sequence)
        assert found is not None, "the event is there"
        return found

    def find(self, kind: str, id: str) -> StoredEvent | None:  # noqa: A002 -- the member's name
        """The event of this kind with this id; None if there is none."""
        sequence = self.sequence_of(kind, id)
        return self.event(sequence) if sequence else None

    def sequence_of(self, kind: str, id: str) -> int:  # noqa: A002 -- the member's name
        """The sequence of the event of this kind with this id; 0 if there is none."""
        found = self._reader.labelled(kind=kind, id=id, limit=1)
        return found[0].sequence if found else 0

    def voids(self, sequence: int) -> list[int]:
        """The void of an event, the void of that, and so on: an even number of them leaves it in force."""
        chain = list[int]()
        while found := self._reader.labelled(kind="void", target=chain[-1] if chain else sequence, limit=1):
            chain.append(found[0].sequence)
        return chain

    def in_force(self, event: StoredEvent) -> bool:
        """Whether no void in force names the event, nor the import that brought it."""
        if len(self.voids(event.sequence)) % 2:
            return False
        if not event.import_id:
            return True
        found = self._reader.labelled(kind="import", id=event.import_id, limit=1)
        return not found or len(self.voids(found[0].sequence)) % 2 == 0

    def replaces(self, sequence: int) -> list[Labelled]:
        """The replaces of a fill, in order, in force or not."""
        return self._reader.labelled(kind="replace", target=sequence, limit=MAX_CORRECTIONS)

    def now(self, fill: StoredEvent) -> tuple[bytes, int]:
        """What a fill says now, a JSON object without a sequence; and the sequence of the event that says so."""
        for one in reversed(self.replaces(fill.sequence)):
            if len(self.voids(one.sequence)) % 2 == 0:
                replace = self.event(one.sequence)
                assert replace is not None, "its label was stored with it"
                return bytes(replace.content["fill"]), one.sequence
        return b"{" + fill.body.partition(b",")[2], fill.sequence

    def story(self, sequence: int, limit: int) -> Iterator[StoredEvent]:
        """Every event that refers to this one, or to one of those, at most `limit`, by sequence."""
        found, open_targets = list[Labelled](), [sequence]
        while open_targets and len(found) < limit:
            more = self._reader.labelled(target=open_targets.pop(), limit=limit - len(found))
            found += more
            open_targets += [one.sequence for one in more]
        for one in sorted(found, key=lambda labelled: labelled.sequence):
            event = self.event(one.sequence)
            assert event is not None, "its label was stored with it"
            yield event


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

"""What the web app keeps of the ledger in memory: its instruments, and which events are voided.

Both follow from the labels of the store, so a start takes the same time whatever the number of fills.
"""

from collections.abc import Iterator, Mapping

import msgspec
import structlog

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Labelled
from telemetry_stream.log import StreamReader
from trading_app.ledger.view import LedgerView
from trading_app.problems import TradeProblem
from trading_model.contents import Instrument
from trading_model.instruments import Instruments, Terms
from trading_model.kinds import VOID

log = structlog.get_logger(__name__)

_PAGE = 1_000


class Registry:
    """Read in the event loop, refreshed in one other thread at a time."""

    def __init__(self) -> None:
        self.instruments = Instruments()
        self._voids = dict[int, int]()
        """The void in force of each event that was taken back."""

        self.imports = dict[str, int]()
        """The sequence of each import's event, by its id."""

        self._seen = 0

    def refresh(self, reader: StreamReader) -> None:
        """Take in what came since the last time: instruments, and voids."""
        head = reader.head()
        for one in self._new(reader, "import"):
            self.imports[one.label.id] = one.sequence
        said, voids = list(self._new(reader, "instrument")), list(self._new(reader, VOID))
        if said or voids:
            instruments = self.copy()  # the event loop asks the present one meanwhile
            for one in said:
                _say(instruments, reader, one.sequence)
            targets = {one.sequence: one.label.target for one in voids}
            for one in voids:
                self._toggle(instruments, self._root(reader, one.label.target, targets), one.sequence)
            self.instruments = instruments
        self._seen = head

    def copy(self) -> Instruments:
        """The instruments, for somebody who says more of them."""
        return Instruments(self.instruments.statements)

    def terms_of(self, symbol: str) -> Terms:
        """What the instruments of now say of a symbol."""
        return self.instruments.find(symbol)

    def void_of(self, sequence: int, import_id: str = "") -> int:
        """The void in force that takes back this event, which is not a void itself, or its import; 0 for none."""
        voids = self._voids
        return voids.get(sequence) or (voids.get(self.imports.get(import_id, 0), 0) if import_id else 0)

    def check_import(self, import_id: str) -> None:
        """Raises TradeProblem unless an import with this id is in force."""
        sequence = self.imports.get(import_id)
        if sequence is None:
            detail = "import_id names no import: send its event, of the kind import, first"
            raise TradeProblem("invalid_parameter", detail)
        if void := self._voids.get(sequence):
            detail = f"the import {import_id} is taken back by event {void}; void that event to restore it"
            raise TradeProblem("event_conflict", f"{detail}; nothing of this request was accepted")

    def _new(self, reader: StreamReader, kind: str) -> Iterator[Labelled]:
        after = self._seen
        while found := reader.labelled(kind=kind, after=after, limit=_PAGE):
            yield from found
            after = found[-1].sequence

    def _root(self, reader: StreamReader, sequence: int, targets: Mapping[int, int]) -> int:
        """The event that voids of voids are about in the end. `targets` are those of the new voids."""
        while True:
            if sequence in targets:
                sequence = targets[sequence]
                continue
            before = reader.labelled(kind=VOID, after=sequence - 1, limit=1) if 0 < sequence <= self._seen else []
            if not before or before[0].sequence != sequence:
                return sequence
            sequence = before[0].label.target

    def _toggle(self, instruments: Instruments, root: int, void: int) -> None:
        """Take one more void in the chain of an event. Each event has one void at most, so each void turns its root
        over.
        """
        if self._voids.pop(root, 0):
            instruments.restore(root)
        else:
            self._voids[root] = void
            instruments.take_back(root)


def _say(instruments: Instruments, reader: StreamReader, sequence: int) -> None:
    try:
        event = LedgerView(reader).event(sequence)
    except DamagedHistory as damage:
        log.error("an instrument can't be read", sequence=sequence, reason=str(damage))
        return
    assert event is not None, "its label was stored with it"
    instruments.say(sequence, msgspec.json.decode(_encode(event.content), type=Instrument))


_encode = msgspec.json.Encoder().encode

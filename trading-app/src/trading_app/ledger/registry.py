"""The instruments of the ledger, in the web app's memory: followed by their labels, never by reading fills."""

from collections.abc import Iterator

import msgspec
import structlog

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Labelled
from telemetry_stream.log import StreamReader
from trading_app.ledger.view import LedgerView
from trading_model.contents import Instrument
from trading_model.instruments import Instruments
from trading_model.kinds import VOID

log = structlog.get_logger(__name__)

_PAGE = 1_000


class Registry:
    """What the ledger's `instrument` events in force say. `refresh` runs in one thread at a time."""

    def __init__(self) -> None:
        self.instruments = Instruments()
        self._seen = 0

    def refresh(self, reader: StreamReader) -> None:
        """Take in what came since the last time: instruments, and voids of them."""
        view, head = LedgerView(reader), reader.head()
        found = [one for kind in ("instrument", VOID) for one in self._new(reader, kind)]
        if found:
            # A copy: the event loop asks the present one meanwhile.
            instruments = self.copy()
            for one in found:
                try:
                    _take(instruments, view, one.sequence)
                except DamagedHistory as damage:
                    log.error("an instrument can't be read", sequence=one.sequence, reason=str(damage))
            self.instruments = instruments
        self._seen = head

    def copy(self) -> Instruments:
        """The instruments, for somebody who says more of them."""
        return Instruments(self.instruments.statements)

    def may_be_negative(self, symbol: str) -> bool:
        """Whether an instrument says that prices of this symbol may be negative."""
        return self.instruments.find(symbol).negative_prices

    def _new(self, reader: StreamReader, kind: str) -> Iterator[Labelled]:
        after = self._seen
        while found := reader.labelled(kind=kind, after=after, limit=_PAGE):
            yield from found
            after = found[-1].sequence


def _take(instruments: Instruments, view: LedgerView, sequence: int) -> None:
    event = view.event(sequence)
    while event is not None and event.kind == VOID:
        event = view.event(event.target)
    if event is None or event.kind != "instrument":
        return
    if event.sequence == sequence:
        instruments.say(sequence, msgspec.json.decode(_encode(event.content), type=Instrument))
    elif len(view.voids(event.sequence)) % 2:
        instruments.take_back(event.sequence)
    else:
        instruments.restore(event.sequence)


_encode = msgspec.json.Encoder().encode

"""What events in force say beside fills, and which fills belong to a position: for questions that fold fills."""

from decimal import Decimal
from typing import NamedTuple

import apsw
import msgspec

from trading_history.reader import Snapshot
from trading_model.accounting.adjustments import Adjustments, book_key
from trading_model.accounting.book import BookKey
from trading_model.accounting.fills import LineKey
from trading_model.contents import LedgerEvent, Move
from trading_model.decimals import ZERO
from trading_model.field_rules import format_timestamp
from trading_model.instruments import Instruments, Terms
from trading_model.rates import Rates


class Line(NamedTuple):
    """The fills of a key as sent, the position that they belong to, and the multiplier that they name."""

    number: int
    key: LineKey
    series: int
    multiplier: Decimal | None


class EventsInForce:
    """What events in force say beside fills."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.instruments, self.rates = Instruments(), Rates()
        self.now_ns = 0
        """The time of the present step: fills don't carry theirs as text here."""

        self.adjustments = Adjustments(self.instruments)
        self.moves = list[Move]()
        self.owners = list[LineKey]()
        steps = list[LedgerEvent]()
        for (text,) in connection.execute(_EVENTS):
            try:
                event = _decode_event(text)
            except msgspec.MsgspecError:  # the stored figures leave it out too
                continue
            if event.instrument is not None:
                self.instruments.say(event.seq, event.instrument)
            elif event.rate is not None:
                self.rates.say(event.seq, event.rate)
            elif event.content is not None:
                steps.append(event)
                if event.move is not None:
                    self.moves.append(event.move)
        for event in steps:
            self.adjustments.put(event)
            self.owners += self.adjustments.owners_of(event)

    def convert(self, currency: str, into: str, _ts: str) -> Decimal | None:
        """The rate between two currencies at the time of the present step."""
        return self.rates.at(currency, into, format_timestamp(self.now_ns))

    def canonical(self, symbol: str, currency: str) -> str:
        """What a symbol as sent is called in figures."""
        return self.instruments.terms(symbol, currency).canonical

    def terms_of(self, key: BookKey, lines: list[Line]) -> Terms:
        """The terms of a position: those of the line with the largest multiplier, as in the stored figures."""
        terms = self.instruments.terms
        if lines:
            largest = max(sorted(lines), key=lambda line: line.multiplier or ZERO)
            return terms(largest.key.symbol, largest.key.currency, largest.multiplier)
        owned = (owner for owner in self.owners if book_key(owner, terms(owner.symbol, owner.currency)) == key)
        owner = next(owned, None)
        return terms(key.symbol, key.currency) if owner is None else terms(owner.symbol, owner.currency)


_EVENTS = """
SELECT event FROM events WHERE in_force AND kind IN ('opening', 'split', 'move', 'instrument', 'rate') ORDER BY seq
"""
_LINES = """
SELECT key.id, account, strategy, symbol, position_side, currency, lines.series, lines.multiplier
FROM lines JOIN key ON key.id = lines.key WHERE lines.series IN (SELECT value FROM json_each(?)) ORDER BY key.id
"""
_decode_event = msgspec.json.Decoder(LedgerEvent).decode


def lines_of(snapshot: Snapshot, series: set[int]) -> list[Line]:
    """The keys as sent whose fills belong to some positions, by the numbers of their series."""
    rows = snapshot.connection.execute(_LINES, (msgspec.json.encode(sorted(series)).decode(),))
    return [
        Line(number, LineKey(*names), book, None if text is None else Decimal(text))
        for number, *names, book, text in rows
    ]

"""The events of the market stream, as docs/market-data.md describes them. No I/O."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Literal, overload

import msgspec

from market_feed.decisions.rows import Rows
from market_feed.market import (
    CANDLE_INTERVAL,
    Candle,
    Gap,
    GapFilled,
    Instrument,
    InstrumentStatus,
    Quote,
    Trade,
    TradeRun,
)
from market_feed.schedule.calendar import Interval
from market_feed.times import Unit, as_text
from telemetry_stream.events import ConsecutiveEvents, Event, Label

COUNTED = "feed"
"""The id space of events without an id of the venue's: they are numbered here."""

GAP, STATUS = "gap", "status"
"""The kinds of events that are looked for after a restart, and the kinds of their labels."""

_encode = msgspec.json.Encoder().encode
_TAKER_SOLD, _TAKER_BOUGHT = '","side":"sell","ts":"', '","side":"buy","ts":"'


class ListedEvent(Event):
    """An event that is found again by its kind and its market's id space."""

    __slots__ = ("label",)

    def __init__(self, key: str, payload: bytes, label: Label) -> None:
        super().__init__(key, payload)
        self.label = label


ANEW = "~"


def numbered_anew(space: str) -> str:
    """The id space that follows one: the venue has begun to number its trades anew, as test networks do each month."""
    name, _, count = space.partition(ANEW)
    return f"{name}{ANEW}{int(count or 1) + 1}"


def candle_space(space: str) -> str:
    """The id space of the candles of the market whose trades have the space `space`: they are numbered by time."""
    return f"{space.partition(ANEW)[0]}:candle:{CANDLE_INTERVAL}"


class Writer:
    """Makes the events of one instrument."""

    def __init__(self, instrument: Instrument, id_space: str, numbers: Iterator[int]) -> None:
        """`numbers` are those of the space COUNTED, shared by all instruments."""
        self.instrument = instrument
        self.space = id_space
        self._numbers = numbers
        venue, symbol = (_encode(text).decode() for text in (instrument.venue, instrument.symbol))
        self._market = f'"venue":{venue},"symbol":{symbol},'
        self.trade_after_seq = f',"kind":"trade",{self._market}"trade_id":"'
        """What every trade's event has in front of its id, behind its sequence."""

        self._trade = f"{{{self.trade_after_seq[1:]}"

    def trade(self, trade: Trade) -> Event:
        """A trade."""
        sent = f'"event_ts":"{trade.event_ts}",' if trade.event_ts else ""
        late = '"late":true,' if trade.late else ""
        first, last = trade.first_id, trade.last_id
        ids = f',"first_trade_id":"{first}","last_trade_id":"{last}"}}' if first else "}"
        text = (
            f'{self._trade}{trade.id}","price":"{trade.price}","qty":"{trade.qty}","side":"{trade.side}",'
            f'"ts":"{trade.ts}",{sent}{late}"received_at_ns":{trade.received_at_ns},"origin":"{trade.origin}"{ids}'
        )
        return Event(f"{self.space}#{trade.id}", text.encode())

    def run(self, run: TradeRun) -> Sequence[Event]:
        """Trades that were passed on as they came."""
        return RunEvents(self, run)

    def quote(self, quote: Quote, received_at_ns: int) -> Event:
        """A quote."""
        return self._counted(
            f'{{"kind":"quote",{self._market}"bid":"{quote.bid}","bid_qty":"{quote.bid_qty}","ask":"{quote.ask}",'
            f'"ask_qty":"{quote.ask_qty}","update_id":"{quote.update_id}","received_at_ns":{received_at_ns}}}'
        )

    def candle(self, candle: Candle, received_at_ns: int) -> Event:
        """A closed candle."""
        text = (
            f'{{"kind":"candle",{self._market}"interval":"{candle.interval}","ts":"{candle.ts}","open":"{candle.open}",'
            f'"high":"{candle.high}","low":"{candle.low}","close":"{candle.close}","volume":"{candle.volume}",'
            f'"trades":{candle.trades},"received_at_ns":{received_at_ns}}}'
        )
        return Event(f"{candle_space(self.space)}#{candle.number}", text.encode())

    def gap(self, gap: Gap, noticed_at_ns: int) -> Event:
        """Trades that are missing."""
        text = f'{{"kind":"gap",{self._market}{_range(gap)},"reason":"{gap.reason}","received_at_ns":{noticed_at_ns}}}'
        return self._listed(GAP, text)

    def status(self, status: InstrumentStatus, received_at_ns: int) -> Event:
        """The venue trades the instrument, or does not."""
        detail = _encode(status.detail).decode()
        text = (
            f'{{"kind":"status",{self._market}"status":"{status.status}","detail":{detail},'
            f'"received_at_ns":{received_at_ns}}}'
        )
        return self._listed(STATUS, text)

    def gap_filled(self, gap: GapFilled, noticed_at_ns: int) -> Event:
        """Trades that were missing, and have come."""
        return self._counted(f'{{"kind":"gap_filled",{self._market}{_range(gap)},"received_at_ns":{noticed_at_ns}}}')

    def session(self, session: Literal["open", "close"], opening: Interval) -> Event:
        """An opening of the schedule begins or ends. Its key is its time: it is journaled once, over restarts too."""
        time_us = opening.start_us if session == "open" else opening.end_us
        ts = as_text(time_us // 1_000_000, Unit.SECOND)
        window = _encode(opening.name).decode()
        text = f'{{"kind":"session",{self._market}"session":"{session}","window":{window},"ts":"{ts}"}}'
        return Event(f"{self.space}:session#{time_us // 1_000_000 * 2 + (session == 'open')}", text.encode())

    def _counted(self, text: str) -> Event:
        return Event(f"{COUNTED}#{next(self._numbers)}", text.encode())

    def _listed(self, kind: str, text: str) -> Event:
        return ListedEvent(f"{COUNTED}#{next(self._numbers)}", text.encode(), Label(kind, self.space))


class RunEvents(ConsecutiveEvents[Event]):
    """The events of a run, made together when they are numbered."""

    def __init__(self, writer: Writer, run: TradeRun) -> None:
        self.space = writer.space
        self.first_id = run.first
        self._writer = writer
        self._run = run

    def __len__(self) -> int:
        return len(self._run)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        """The events one by one, where some are known already."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._writer.trade(self._run.trade(index))

    def numbered(self, first: int, start: int, stop: int) -> bytes:
        """The events of a part of the run as journaled, numbered from `first` on."""
        run, part = self._run, slice(start, stop)
        first_ids = run.first_ids[part]
        rows = Rows(len(first_ids))
        rows.same('{"seq":')
        rows.consecutive(first)
        rows.same(self._writer.trade_after_seq)
        rows.consecutive(run.first + start)
        rows.same('","price":"')
        rows.each(run.prices[part])
        rows.same('","qty":"')
        rows.each(run.qtys[part])
        rows.each([_TAKER_SOLD if sold else _TAKER_BOUGHT for sold in run.taker_sold[part]])
        rows.times(run.times[part], run.unit)
        rows.same('","event_ts":"')
        rows.times(run.sent[part], run.unit)
        rows.same(f'","received_at_ns":{run.received_at_ns},"origin":"live","first_trade_id":"')
        rows.numbers(first_ids)
        rows.same('","last_trade_id":"')
        rows.numbers(run.last_ids[part])
        rows.same('"}')
        return rows.joined().encode()


def numbers_after(last: int) -> Iterator[int]:
    """The numbers of the space COUNTED, after the last one in the journal."""
    return count(last + 1)


def _range(gap: Gap | GapFilled) -> str:
    return f'"from_id":"{gap.first}","to_id":"{gap.last}","count":{gap.last - gap.first + 1}'

"""One instrument: its trades in order, what is missing, and whether it is current. No I/O."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from market_feed.decisions.candles import Candles
from market_feed.decisions.conflation import Conflation
from market_feed.decisions.continuity import MIN_ANEW, Continuity
from market_feed.decisions.event import Writer, numbered_anew
from market_feed.decisions.freshness import Freshness
from market_feed.decisions.limits import FeedLimits
from market_feed.decisions.patience import Patience
from market_feed.market import (
    Candle,
    Gap,
    GapFilled,
    Instrument,
    InstrumentStatus,
    MarketStatus,
    Quote,
    Trade,
    TradeRun,
)
from market_feed.schedule.calendar import Calendar
from market_feed.schedule.session import Session
from telemetry_stream.events import Event
from telemetry_stream.id_spaces import IdSpace

OTHER_LINK_SECONDS = 0.25
"""While two connections are open, the other one may bring what this one has not; so long is waited."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal has of a market: the ids of its trades and candles, its gap events, its last status; and the
    name of the trades' id space, if it is another than the first.
    """

    trades: IdSpace | None = None
    gaps: Sequence[Gap] = ()
    candles: IdSpace | None = None
    status: MarketStatus = "trading"
    space: str = ""


NOTHING = Known()


class Market:
    """One instrument's state."""

    def __init__(
        self,
        instrument: Instrument,
        id_space: str,
        known: Known,
        limits: FeedLimits,
        calendar: Calendar,
        numbers: Iterator[int],
        now: float,
        *,
        follows_trades: bool = True,
        latest_us: int = 0,
    ) -> None:
        """Without `follows_trades` its quotes and candles are its signs of life, and no trade is fetched. No trade that
        is known is later than `latest_us`, by the venue's time.
        """
        self.instrument = instrument
        self.follows_trades = follows_trades
        self.continuity = Continuity(limits.continuity, known.trades, known.gaps, latest_us=latest_us)
        self._limits = limits
        self.candles = Candles(known.candles)
        self.freshness = Freshness(limits.stale_seconds, now)
        self.freshness.is_closed = not calendar.is_always_open
        self.status = known.status
        self.freshness.is_halted = known.status != "trading"
        self.session = Session(calendar)
        self.outside = 0
        """Trades that belong to no opening, since the start."""

        self.awaits_start: Patience | None = None
        """The opening has begun before now: its first trade is looked for."""

        self._early: list[Trade] = []
        self._numbers = numbers
        self.writer = Writer(instrument, known.space or id_space, numbers)
        self.last_trade_us = 0
        """The venue's time of the last trade; 0 before the first."""

        self.arrival_delay_us: int | None = None
        """From the venue's time of the last live trade to its arrival; None before the first."""

        self.last_price = ""
        self.trades = 0
        """Passed on, since the start."""

        self.update_id = 0
        """Update id of the last quote."""

        self._conflation = Conflation(limits.quote_seconds)

        self.looks_for_tail = True
        """A connection is new: what was missed before it shows with the venue's next word of its last trade."""

        self.asks_status = False
        """The venue says that the market is halted, but it trades."""

        self.begins_anew = False
        """The venue numbers its trades anew: to be told."""

        self.asks_for_tail = False
        """The venue has trades after the last one here, but the stream does not bring them."""

    def note_head(self, head: int, now: float) -> None:
        """The venue named its last trade. After a new connection it shows whether trades were missed before that."""
        if not self.follows_trades:
            self.freshness.note_head(head, 0, now)
            return
        self.freshness.note_head(head, self.continuity.last_single_id, now)
        if self.looks_for_tail and head > 0:
            self.looks_for_tail = False
            self.asks_for_tail = self.is_behind and self.continuity.last is not None

    def note_page(self, trades: list[Trade]) -> None:
        """A page of missing trades was taken; the tail may go on behind it."""
        if not trades and self.asks_for_tail:
            self.continuity.note_last_single_id(self.freshness.head)
        self.asks_for_tail = bool(trades) and self.asks_for_tail and self.is_behind

    @property
    def is_behind(self) -> bool:
        """Whether the venue has named a trade after the last one here."""
        return self.freshness.head > self.continuity.last_single_id

    @property
    def is_settled(self) -> bool:
        """Whether nothing that came waits for what is missing."""
        return self.awaits_start is None and self.continuity.hole is None

    def trade_events(self, trades: list[Trade], now: float, received_at_ns: int) -> list[Event]:
        """The events of trades that came live."""
        self._note_arrival(trades[-1].time_us, now, received_at_ns)
        if self.awaits_start is not None:
            self._early += trades
            return []
        events = self.events(self.continuity.take(trades, now), received_at_ns)
        return events + self._anew(now, received_at_ns) if self.continuity.anew else events

    def _anew(self, now: float, received_at_ns: int) -> list[Event]:
        """The events of trades that the venue numbers anew, once its own word of its last trade agrees."""
        old, head = self.continuity, self.freshness.head
        if len(old.anew) < MIN_ANEW or not head or 0 < old.last_single_id <= head:
            return []
        events = self.events(old.end(now), received_at_ns)
        self.begins_anew = True
        self.writer = Writer(self.instrument, numbered_anew(self.writer.space), self._numbers)
        self.continuity = Continuity(self._limits.continuity, counters=old.counters)
        return events + self.events(self.continuity.take(old.anew, now), received_at_ns)

    def run_events(self, run: TradeRun, now: float, received_at_ns: int) -> Sequence[Event]:
        """The events of trades that came live together: as a whole where nothing is decided for one alone."""
        run.received_at_ns = received_at_ns
        unit_us = run.unit.value
        is_inside = self.session.calendar.is_always_open or (
            self.session.is_open and self.session.admits_all(min(run.times) * unit_us, max(run.times) * unit_us)
        )
        if self.awaits_start is not None or not is_inside or not self.continuity.take_run(run):
            return self.trade_events(list(run), now, received_at_ns)
        last_us = run.times[-1] * unit_us
        self._note_arrival(last_us, now, received_at_ns)
        self.last_trade_us, self.last_price = last_us, run.prices[-1]
        self.trades += len(run)
        return self.writer.run(run)

    def _note_arrival(self, time_us: int, now: float, received_at_ns: int) -> None:
        self.freshness.note_trade(now)
        self.asks_status = self.asks_status or self.freshness.is_halted
        self.session.note_trade(time_us)
        self.arrival_delay_us = received_at_ns // 1_000 - time_us

    def quote_events(self, quote: Quote, now: float, received_at_ns: int, *, is_alone: bool = True) -> list[Event]:
        """The event of a quote; none if it is the last one again, or if it has to wait. Only its connection is open
        (`is_alone`), or another one may have brought newer ones: else what comes later is newer, whatever its number.
        """
        if quote.update_id == self.update_id or (quote.update_id < self.update_id and not is_alone):
            return []
        self._note_other(now)
        self.update_id = quote.update_id
        return self._passed_quote(self._conflation.take(quote, now), received_at_ns)

    def due_quote_events(self, now: float, received_at_ns: int) -> list[Event]:
        """The event of a quote that had to wait, once it may be passed on."""
        return self._passed_quote(self._conflation.due(now), received_at_ns)

    def _passed_quote(self, quote: Quote | None, received_at_ns: int) -> list[Event]:
        """Venues give quotes no time, so that of the receipt says whether one belongs to an opening."""
        if quote is None or not (self.session.is_followed and self.session.admits(received_at_ns // 1_000)):
            return []
        return [*self.opening_events(), self.writer.quote(quote, received_at_ns)]

    def live_candle_events(self, candle: Candle, now: float, received_at_ns: int) -> list[Event]:
        """The events of a candle that came live."""
        self._note_other(now)
        return self.candle_events(self.candles.take(candle), received_at_ns)

    def _note_other(self, now: float) -> None:
        """Something else than a trade came: of a market whose trades are followed it says nothing about them."""
        if not self.follows_trades:
            self.freshness.note_trade(now)

    def candle_events(self, candles: Iterable[Candle], received_at_ns: int) -> list[Event]:
        """The events of candles that are new and belong to an opening."""
        return [self.writer.candle(one, received_at_ns) for one in candles if self.session.admits(one.start_us)]

    def status_events(self, status: InstrumentStatus, received_at_ns: int) -> list[Event]:
        """The event of a status that is another than the last one."""
        if status.status == self.status:
            return []
        self.status = status.status
        self.freshness.is_halted = status.status != "trading"
        return [self.writer.status(status, received_at_ns)]

    def events(self, passed: list[Trade | Gap | GapFilled], received_at_ns: int) -> list[Event]:
        """The events of what the continuity passed on."""
        events = []
        for one in passed:
            if type(one) is Trade:
                if not self.session.admits(one.time_us):
                    self.outside += 1
                    continue
                events += self.opening_events()
                if not one.late:
                    self.last_trade_us, self.last_price = one.time_us, one.price
                events.append(self.writer.trade(one))
                self.trades += 1
            elif not (self.session.calendar.is_always_open or self.session.is_open):
                continue  # nothing of an opening is missing
            elif type(one) is Gap:
                events.append(self.writer.gap(one, received_at_ns))
            elif type(one) is GapFilled:
                events.append(self.writer.gap_filled(one, received_at_ns))
        return events

    def begin(self, now: float, now_us: int) -> None:
        """An opening begins, or has begun: from here on the market is followed."""
        opening = self.session.current
        assert opening is not None
        self.freshness.is_closed = False
        self.freshness.begin(now)
        self.candles.begin_at(opening.start_us)
        if now_us < opening.start_us:
            self.continuity.begin_anywhere()
        else:
            self.awaits_start = Patience(now)

    def start_came(self, first: int | None, now: float, received_at_ns: int) -> list[Event]:
        """The opening's first trade has this id; None if it can't be found, or there was none yet.

        An id above that of a trade which came live meanwhile can't be right.
        """
        self.awaits_start = None
        if first is None or (self._early and first > self._early[0].id):
            self.continuity.begin_anywhere()
        else:
            self.continuity.begin_at(first)
            self.asks_for_tail = True
        early, self._early = self._early, []
        return self.events(self.continuity.take(early, now), received_at_ns)

    def opening_events(self) -> list[Event]:
        """The event of an opening that has begun, once."""
        session = self.session
        if session.is_open or session.current is None:
            return []
        session.is_open = True
        return [self.writer.session("open", session.current)]

    def closing_events(self) -> list[Event]:
        """End the opening; its event."""
        opening, was_open = self.session.current, self.session.is_open
        self.session.end()
        self.freshness.is_closed = True
        self.awaits_start = None
        return [self.writer.session("close", opening)] if opening is not None and was_open else []

    def need(self, now: float, links: int) -> int | None:
        """The id from which on trades are to be fetched now; None if none are."""
        continuity = self.continuity
        hole, last = continuity.hole, continuity.last
        if self.awaits_start is not None or not self.follows_trades:
            return None
        if hole is not None:
            return hole.first if links < 2 or now - hole.noticed_at >= OTHER_LINK_SECONDS else None
        if self.asks_for_tail and last is not None:
            return last + 1
        return continuity.owed[0][0] if continuity.owed else None

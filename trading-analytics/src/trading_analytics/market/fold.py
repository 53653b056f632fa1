"""What the events of the market stream do to candles and windows. No I/O."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telemetry_stream.events import Batch
from telemetry_stream.id_spaces import IdSpace
from trading_analytics.market.clocks import VenueClocks
from trading_analytics.market.decode import AHEAD, REASONS, Break, MarketTrade, Rejected, read_batch
from trading_analytics.windows.markets import Markets
from trading_analytics.windows.observations import Quote, Trade
from trading_history.candles.candle import Candle, CandleFold, CandleKey, Market
from trading_history.candles.known_trades import KnownTrades
from trading_history.candles.store import TradeIds
from trading_model.decimals import exactly

MAX_AHEAD_NS = 60 * 1_000_000_000
"""How far a trade's time may be ahead of its receipt in a window: a wrong one would close those of all markets."""

WRONG_AHEAD_NS = 300 * 1_000_000_000
"""No event is received so long before the time of one that is in windows already, unless that time was wrong."""


@dataclass(frozen=True)
class Increment:
    """What the store does not have yet."""

    candles: Mapping[CandleKey, Candle]
    known_trades: Mapping[TradeIds, KnownTrades]


class MarketFold:
    """Candles since the last drain, and windows."""

    def __init__(self, windows_ns: Sequence[int], stored: int, known: Mapping[TradeIds, KnownTrades]) -> None:
        """The store has the events up to `stored`, and the trades that are `known`."""
        self.windows = Markets(windows_ns)
        self.rejected = Counter(dict.fromkeys(REASONS, 0))
        self.pending = 0
        """Trades that are in no commit yet."""

        self._stored = stored
        self._known: dict[tuple[Market, str], KnownTrades] = {
            (of.market, of.kind): trades.copy() for of, trades in known.items()
        }
        self._changed: set[tuple[Market, str]] = set()
        self._candles = CandleFold()
        self._clocks = VenueClocks()

    def start_over(self) -> None:
        """Another journal follows, from its first event. Its trades may be those of before: their ids tell."""
        self._stored = 0
        self._begin_windows()

    def _begin_windows(self) -> None:
        """Begin without what is known: times to come, by a clock that was wrong, would make late all that follows."""
        late, self.windows = self.windows.late, Markets(self.windows.windows_ns)
        self.windows.late = late

    @exactly
    def apply(self, batch: Batch, skip: int) -> None:
        """Apply the events of a batch after its first `skip`. Those that the store has are for the windows only."""
        waiting: list[tuple[Market, Trade | Quote]] = []
        clocks, venue_ns = self._clocks, 0
        for seen in read_batch(batch, skip):
            if isinstance(seen, MarketTrade):
                venue, ts_ns, received_at_ns = seen.market.venue, seen.trade.ts_ns, seen.received_at_ns
                venue_ns = clocks.at(venue, received_at_ns)
                if seen.is_live:
                    clocks.note(venue, ts_ns, received_at_ns)
                if ts_ns > venue_ns + MAX_AHEAD_NS:
                    self.rejected[AHEAD] += 1
                else:
                    waiting.append((seen.market, seen.trade))
                if seen.trade.seq > self._stored:
                    self._add(seen)
            elif isinstance(seen, Break):
                self.windows.take(waiting)
                waiting = []
                self.windows.interrupt(seen.market)
            elif isinstance(seen, Rejected):
                self.rejected[seen.reason] += 1
            else:
                venue_ns = clocks.at(seen.market.venue, seen.received_at_ns)
                waiting.append((seen.market, seen.quote._replace(ts_ns=venue_ns)))
        self.windows.take(waiting)
        if venue_ns and self.windows.newest_ns > venue_ns + WRONG_AHEAD_NS:
            self._begin_windows()

    def _add(self, seen: MarketTrade) -> None:
        market, (ts_ns, _, price, qty), number, kind, late, *_ = seen
        ids = (market, kind)
        known = self._known.get(ids)
        if known is None:
            known = self._known[ids] = KnownTrades(IdSpace(number - 1))
        if not known.claim(number, ts_ns):
            return  # an earlier journal had it
        self._changed.add(ids)
        self.pending += 1
        self._candles.add(market, ts_ns, price, qty, late=late)

    def drain(self) -> Increment:
        """What came since the last drain."""
        changed = {TradeIds(*ids): self._known[ids].copy() for ids in self._changed}
        self._changed.clear()
        self.pending = 0
        return Increment(self._candles.drain(), changed)

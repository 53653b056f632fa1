"""What the events of the market stream do to candles and windows. No I/O."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telemetry_stream.events import Batch
from trading_analytics.market.decode import REASONS, Break, MarketTrade, Rejected, read_batch
from trading_analytics.windows.markets import Markets
from trading_analytics.windows.observations import Quote, Trade
from trading_history.candles.candle import Candle, CandleFold, CandleKey, Market
from trading_history.candles.store import TradeIds
from trading_model.decimals import exactly


@dataclass(frozen=True)
class Increment:
    """What the store does not have yet."""

    candles: Mapping[CandleKey, Candle]
    last_ids: Mapping[TradeIds, int]


class MarketFold:
    """Candles since the last drain, and windows."""

    def __init__(self, windows_ns: Sequence[int], stored: int, last_ids: Mapping[TradeIds, int]) -> None:
        """The store has the events up to `stored`, and the trades up to `last_ids`."""
        self.windows = Markets(windows_ns)
        self.rejected = Counter(dict.fromkeys(REASONS, 0))
        self.pending = 0
        """Trades that are in no commit yet."""

        self._stored = stored
        self._last_ids: dict[tuple[Market, str], int] = {(of.market, of.kind): last for of, last in last_ids.items()}
        self._changed: set[tuple[Market, str]] = set()
        self._candles = CandleFold()

    def start_over(self) -> None:
        """Another journal follows, from its first event. Its trades may be those of before: their ids tell."""
        self._stored = 0
        self.windows = Markets(self.windows.windows_ns)

    @exactly
    def apply(self, batch: Batch, skip: int) -> None:
        """Apply the events of a batch after its first `skip`. Those that the store has are for the windows only."""
        waiting: list[tuple[Market, Trade | Quote]] = []
        for seen in read_batch(batch, skip):
            if isinstance(seen, MarketTrade):
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
                waiting.append((seen.market, seen.quote))
        self.windows.take(waiting)

    def _add(self, seen: MarketTrade) -> None:
        market, (ts_ns, _, price, qty), number, kind, late = seen
        ids = (market, kind)
        if number > self._last_ids.get(ids, -1):
            self._last_ids[ids] = number
            self._changed.add(ids)
        elif not late:
            return  # a trade of an earlier journal
        self.pending += 1
        self._candles.add(market, ts_ns, price, qty, late=late)

    def drain(self) -> Increment:
        """What came since the last drain."""
        changed = {TradeIds(*ids): self._last_ids[ids] for ids in self._changed}
        self._changed.clear()
        self.pending = 0
        return Increment(self._candles.drain(), changed)

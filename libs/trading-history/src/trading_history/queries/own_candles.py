"""Candles made of a symbol's own fills, where no market data is there."""

from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from trading_history.candles.candle import SECOND_NS, Candle, CandleFold, Market
from trading_history.queries.keys import Wanted, keys
from trading_history.reader import Snapshot
from trading_model.decimals import exactly

MAX_FILLS = 200_000
"""Fills that are read for one answer."""


class OwnCandles(NamedTuple):
    """Candles by their start in Unix seconds, ascending. `is_whole` is false where there were more fills than are read:
    then they end early.
    """

    candles: Sequence[tuple[int, Candle]]
    is_whole: bool


_LAST_NS = 2**63 - 1
_FILLS = """
SELECT ts_ns, price, qty FROM trades WHERE key IN (SELECT value FROM json_each(?)) AND ts_ns >= ? AND ts_ns < ?
AND in_force AND (import_id IS NULL OR import_id NOT IN (SELECT id FROM imports WHERE NOT in_force))
ORDER BY ts_ns, ordinal, seq LIMIT ?
"""


@exactly
def own_candles(snapshot: Snapshot, symbol: str, span: int, start_ns: int, end_ns: int) -> OwnCandles:
    """The candles of `span` seconds that begin in a range, of all fills in force of a symbol, as they were sent under
    it.
    """
    width = span * SECOND_NS
    start_ns, end_ns = (min(-(-time_ns // width) * width, _LAST_NS) for time_ns in (start_ns, end_ns))
    numbers = f"[{','.join(map(str, keys(snapshot, Wanted(symbol=symbol))))}]"
    market, fold, count = Market("", symbol), CandleFold(), 0
    for ts_ns, price, qty in snapshot.connection.execute(_FILLS, (numbers, start_ns, end_ns, MAX_FILLS)):
        fold.add(market, ts_ns, Decimal(price), Decimal(qty), late=False)
        count += 1
    found = {key.start: candle for key, candle in fold.drain().items() if key.span == span}
    return OwnCandles(sorted(found.items(), key=itemgetter(0)), count < MAX_FILLS)

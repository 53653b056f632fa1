"""Writes docs/metrics.md from the catalogue of metrics.

`python -m metrics_sidecar.exposition.metrics_document > docs/metrics.md`
"""

from metrics_sidecar import metrics
from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric
from service_kit.metrics.document import document

INTRODUCTION = """\
# Metrics

The sidecar serves these metrics at `GET /metrics`, as Prometheus text 0.0.4 or OpenMetrics 1.0, by the request's
`Accept`, and compressed with gzip if the client accepts it. This page is made from
`metrics-sidecar/src/metrics_sidecar/metrics.py` by
`.venv/bin/python -m metrics_sidecar.exposition.metrics_document > docs/metrics.md`; a test compares both.

Until the sidecar has caught up with the stream after its start, `/metrics` and `/readyz` answer 503 (`code`
`not_caught_up`) and say what is missing. So no scrape ever shows a lower total than an earlier one. All figures of
one scrape are of one moment.

## How the figures are made
- **Exact.** Sums and products of decimals are never rounded. They are shown with all their digits, without exponent
  and without trailing zeros after the point.
- **The order of trading.** Positions, averages, P&L and last prices follow the time of the trades, not their arrival.
  At the same time: openings, splits, moves, then trades by the number that the trade id is, those without one last;
  then by sequence. A trade that arrives late, is voided or replaced gives the figures as if it had always been so.
  If it is recent, figures are right at once; else the position is recomputed from the store of fills. Until then the
  key has its earlier figures and `trading_position_recomputing`.
- **Counters follow the arrival** and never fall: what was accepted, as sent, under the symbol as sent, `|price| ×
  quantity` without a multiplier. `trading_corrected_trades_total`, `_volume_total` and `_notional_total` stand beside
  them: right = accepted − removed + added. A replaced trade is removed and added.
- **Average cost.** A trade in the direction of the position moves the average entry price. A trade against it
  realises `closed × (price − average) × sign × multiplier` and does not change the average. A trade that crosses zero
  opens the rest at its own price.
- **Multiplier and points.** A symbol's instrument, the trade, or what is known about the symbol's form says how many
  units one unit as sent is ([instruments.md](instruments.md)). A contract whose multiplier nobody says counts as 1:
  its P&L is in points, not in a currency, and `trading_symbol_info` has `unit="points"`. An inverse contract is worth
  `−multiplier × quantity / price`, so its average is harmonic.
- `trading_realized_pnl + trading_unrealized_pnl = cash flow + position × multiplier × mark`, exactly, as shown.
  The cash flow is what was sold minus what was bought, moves and openings at their cost.
- **Divisions.** The remaining cost after a partial close may not be a finite decimal, nor the worth of an inverse
  contract, nor a split's quantity. They are kept to 200 digits. If one is part of a figure, both P&Ls are rounded,
  half to even, to 34 decimals more than the exact figures they are made from; `/state` says `rounded`. The average
  entry price has 50 significant digits. Without an inverse contract or such a split, `trading_net_pnl` involves no
  division and is always exact.
- **Currencies.** `trading_symbol_info` shows the currency of a symbol's P&L, by one rule: the instrument, the trade's
  `currency`, what is known about the form, the form itself: `XRP/ETH` ETH, `BTCUSDT`, `BTC-USDT` and `BTC-USDT-SWAP`
  USDT, `EURUSD` USD. Where venues use one form for different things, the currency is empty: `BTCUSD` and `XBTUSD`
  (spot, or an inverse contract settled in BTC), `BTC-PERP`, `ETH-27DEC26-4000-C`, `KRW-BTC`, `AAPL`, `BRK-B`. Amounts
  in different or unknown currencies are never added: join the series by `symbol`. Series of positions whose trades
  name the currency have it as `pnl_currency`; those of separate long and short positions have `position_side`.
- **Fees.** A fee without a currency has `currency="quote"`. These, and fees in the currency of the P&L, are
  subtracted in `trading_net_pnl`. A fee in the base of a spot comes off the position and is valued at the trade's
  price. Any other is valued at the last `rate` event at or before the trade that is not too old. Without one it is not
  in the net: `trading_fees_outside_net` has it. `trading_fees` has all fees, as sent.
- **Cash.** `trading_cash` has money without a trade by reason, received minus paid. Income of a key in the currency of
  its P&L (funding, interest, dividends) is in its `trading_net_pnl`, never in the realised P&L. Deposits and
  withdrawals are never P&L. `net = realised + unrealised − fees + cash`.
- **Marks.** The unrealised P&L is marked at the symbol's last price by time, of a trade in any account or by hand
  (`price` event); in its own account only, where the instrument says so: then `trading_last_price` has an `account`.
  A price from before a split counts as if traded after it. A position without any price has no unrealised and no net
  P&L.
- **Marks of the market.** Where the instrument says `mark: market`, the mark is the last price of the spot market with
  the same base and quote, from the stream of market-feed ([market-data.md](market-data.md#marks)): `trading_mark_price`
  says the price and its source. The ledger's figures never wait for it. While it is missing or older than
  `SIDECAR_MARK_SECONDS`, `trading_mark_stale` is 1, `/state` and the page flag the position, and the mark is the later
  one of the market's last price and the ledger's own (`source="last"`). No such mark is saved: after a start it is
  missing until the first market data has come, and stays so while market-feed is down.
- **Aliases** of an instrument share one position and its gauges, under the instrument's symbol. Counters do not.
- **Counters start at 0.** With the first trade of a key both its sides appear, the other side at 0. PromQL's
  `increase()` needs two scrapes, so it misses a key's first trade; the counter's value includes it.
- **A limit.** Each key (account, strategy, symbol; also position side and currency, where trades name them) has 11
  series, one or two for each fee currency, and up to 12 for corrections. Beyond
  `SIDECAR_MAX_POSITIONS` keys, further keys are counted together as
  `account="__other__",strategy="__other__",symbol="__other__"`: trades, volume, notional and fees, but no position.
  `sum(trading_trades_total)` is still the number of all trades. Beyond 8 fee currencies of one key, further
  currencies that do not count in the net P&L are added up as `currency="__other__"`.
- **Shares of the limit.** A key whose account, strategy and symbol together have more than 128 bytes counts once
  for each 128 bytes begun. Beyond the limit there is a reserve of a quarter, for accounts that have at most a
  hundredth of the limit: an account with thousands of made-up keys can't keep others out. Which keys get series
  depends on the journal alone. A scrape has at most `trading_exposition_bytes_limit` bytes.

`GET /state` shows the same as JSON, with every amount as a string, even before the sidecar has caught up.
"""


def page() -> str:
    """The page."""
    return document(INTRODUCTION, metrics.ALL, _section)


def _section(metric: Metric) -> str:
    if metric in process.ALL:
        return "The process"
    return "What was traded" if {"symbol", "account"} & set(metric.labels) else "The pipeline"


if __name__ == "__main__":
    print(page(), end="")

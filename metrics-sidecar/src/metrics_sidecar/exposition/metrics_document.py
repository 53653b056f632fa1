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
- **Average cost.** A trade in the direction of the position moves the average entry price. A trade against it
  realises `closed × (price − average) × sign` and does not change the average. A trade that crosses zero opens the
  rest at its own price.
- `trading_realized_pnl + trading_unrealized_pnl = cash flow + position × last price`, exactly, as shown. The cash
  flow is the notional sold minus the notional bought.
- **The one division.** The remaining cost after a partial close may not be a finite decimal. It is kept to 200 digits.
  If it is part of a figure, both P&Ls are rounded, half to even, to 34 decimals more than the exact figures they are
  made from. The average entry price has 50 significant digits. `trading_net_pnl` involves no division and is always
  exact.
- **Currencies.** `trading_symbol_info` shows the currency of a symbol's P&L, by one rule that reads the symbol's form:
  `XRP/ETH` ETH, `BTCUSDT`, `BTC-USDT` and `BTC-USDT-SWAP` USDT, `EURUSD` USD. Where venues use one form for
  different things, the currency is empty: `BTCUSD` and `XBTUSD` (spot, or an inverse contract settled in BTC),
  `BTC-PERP`, `ETH-27DEC26-4000-C`, `KRW-BTC`, `AAPL`, `BRK-B`. Amounts in different or unknown currencies are never
  added: join the series by `symbol`.
- **Fees.** A fee without a currency has `currency="quote"`. These, and fees in the currency of the symbol's P&L, are
  subtracted in `trading_net_pnl`. All other fees are in `trading_fees` only; so are all fees with a currency if the
  currency of the symbol's P&L is unknown.
- **Marks.** The unrealised P&L is marked at the symbol's last price, in any account.
- **Counters start at 0.** With the first trade of a key both its sides appear, the other side at 0. PromQL's
  `increase()` needs two scrapes, so it misses a key's first trade; the counter's value includes it.
- **A limit.** Each key (account, strategy, symbol) has 11 series and one for each fee currency. Beyond
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

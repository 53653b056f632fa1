"""Writes docs/metrics.md from the file of metric names.

`python -m metrics_sidecar.exposition.metrics_document > docs/metrics.md`
"""

from metrics_sidecar import metrics
from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric
from service_kit.metrics.document import document

INTRODUCTION = """\
# Metrics

What the sidecar serves at `GET /metrics`, as Prometheus text 0.0.4 or OpenMetrics 1.0, by the request's `Accept`;
with gzip for those who take it. This page is made from `metrics-sidecar/src/metrics_sidecar/metrics.py` by
`.venv/bin/python -m metrics_sidecar.exposition.metrics_document > docs/metrics.md`; a test holds both equal.

Until the sidecar has caught up with the stream after its start, `/metrics` and `/readyz` answer 503 (`code`
`not_caught_up`) and say what is waited for: no scrape ever shows a total lower than one before. All figures of one
scrape are of one moment.

## How the figures are made
- **Exact.** Sums and products of decimals are never rounded, and are shown with all their digits, without exponent.
  Zeros at the end of the decimals are left out; what is nothing is `0`.
- **Average cost.** A trade in the direction of the position moves the average entry price. One against it realises
  `closed × (price − average) × sign` and leaves the average. Through zero, the rest opens at the trade's price.
- `trading_realized_pnl + trading_unrealized_pnl = cash flow + position × last price`, exactly, as shown. The cash
  flow is the notional sold less the notional bought.
- **The one division.** What is left of a cost after a partial close need not come out even. It is kept to 200 digits,
  and where it is in a figure, both P&Ls are rounded, half to even, to 34 decimals more than the exact figures they
  are made from. The average entry price has 50 significant digits. `trading_net_pnl` has no division in it and is
  always exact.
- **Currencies.** `trading_symbol_info` says what currency a symbol's P&L is in, by one rule that reads the symbol's
  form: `XRP/ETH` ETH, `BTCUSDT`, `BTC-USDT` and `BTC-USDT-SWAP` USDT, `EURUSD` USD. What venues write alike for
  different things has an empty currency: `BTCUSD` and `XBTUSD` (spot, or an inverse contract settled in BTC),
  `BTC-PERP`, `ETH-27DEC26-4000-C`, `KRW-BTC`, `AAPL`, `BRK-B`. Amounts in different or unknown currencies are never
  added: join the series by `symbol`.
- **Fees.** A fee without a currency has `currency="quote"`. These, and fees in the currency of the symbol's P&L, are
  taken off in `trading_net_pnl`. Fees in other currencies, and in any where that currency is unknown, are only in
  `trading_fees`.
- **Marks.** The unrealised P&L is marked at the symbol's last price, in whatever account that was traded.
- **Counters start at 0.** With the first trade of a key both its sides appear, the other one at 0. `increase()` needs
  two scrapes, so it does not see a key's very first trade; the counter's value does.
- **A limit.** Each key (account, strategy, symbol) has 11 series and one for each fee currency. Past
  `SIDECAR_MAX_POSITIONS` keys, further ones are counted together as
  `account="__other__",strategy="__other__",symbol="__other__"`: trades, volume, notional and fees, but no position.
  `sum(trading_trades_total)` is still the number of all trades. Past 8 fee currencies of one key, further ones that
  do not count in the net P&L are added up as `currency="__other__"`.
- **Shares of the limit.** A key whose account, strategy and symbol together have more than 128 bytes takes the limit
  once for each 128 bytes begun. Past the limit there is a reserve of a quarter, for accounts that have at most a
  hundredth of the limit: who makes up thousands of keys keeps no other account out. Which keys get series depends on
  the journal alone. A scrape is at most `trading_exposition_bytes_limit` long.

`GET /state` shows the same as JSON, every amount a string, also before the sidecar has caught up.
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

"""The dashboard "Trading overview": what was earned, what is held, what is being traded."""

from infra.grafana.panels import SIGNED, Json, Query, stat, table, time_series, up_to

UID = "trading-telemetry-overview"
TITLE = "Trading overview"
DESCRIPTION = "Profit and loss, positions, prices, activity and fees, by account, strategy and symbol."

KEY = 'account=~"$account", strategy=~"$strategy", symbol=~"$symbol"'
SYMBOL = 'symbol=~"$symbol"'


# Each symbol with its currency. Where that is unknown the symbol takes its place, so that it is added to no other.
CURRENCY = (
    'trading_symbol_info{currency!=""}'
    ' or label_replace(trading_symbol_info{currency=""}, "currency", "unknown, $1", "symbol", "(.*)")'
)


def in_currency(expression: str) -> str:
    """The same with the currency of its symbol as a label."""
    return f"({expression}) * on (job, instance, symbol) group_left (currency) ({CURRENCY})"


def by_currency(expression: str, *also: str) -> str:
    """A sum for each currency that P&L is in: amounts in different or unknown ones are not added."""
    return f"sum by ({', '.join([*also, 'currency'])}) ({in_currency(expression)})"


def fees_by(*labels: str) -> str:
    """Sums of fees by currency; those sent without one are in the currency of their symbol's P&L."""
    named = f'trading_fees{{{KEY}, currency!="quote"}}'
    unnamed = in_currency(f'trading_fees{{{KEY}, currency="quote"}}')
    both = f'label_replace({named}, "sent", "named", "", "") or label_replace({unnamed}, "sent", "unnamed", "", "")'
    return f"sum by ({', '.join([*labels, 'currency'])}) ({both})"


def rate(counter: str) -> str:
    return f"rate({counter}{{{KEY}}}[$__rate_interval])"


# What a position is worth at the last price; negative when short.
EXPOSURE = f"trading_position{{{KEY}}} * on (job, instance, symbol) group_left () trading_last_price{{{SYMBOL}}}"

AT_A_GLANCE = [
    stat(
        "Net P&L",
        "Realised and unrealised P&L less the fees paid in its currency, for each currency.",
        "locale",
        Query(by_currency(f"trading_net_pnl{{{KEY}}}"), "{{currency}}"),
        width=6,
        steps=SIGNED,
    ),
    stat(
        "Realised P&L",
        "Gross profit of what was closed, at average cost, for each currency.",
        "locale",
        Query(by_currency(f"trading_realized_pnl{{{KEY}}}"), "{{currency}}"),
        width=5,
        steps=SIGNED,
    ),
    stat(
        "Unrealised P&L",
        "Profit of what is held, marked at each symbol's last price, for each currency.",
        "locale",
        Query(by_currency(f"trading_unrealized_pnl{{{KEY}}}"), "{{currency}}"),
        width=5,
        steps=SIGNED,
    ),
    stat(
        "Trades per second",
        "Trades that reached the metrics, all sides and symbols chosen above.",
        "cps",
        Query(f"sum({rate('trading_trades_total')})", "trades"),
    ),
    stat(
        "Time since the last trade",
        "By the time its sender gave. Orange: nothing was traded for an hour.",
        "s",
        Query(f"time() - max(trading_last_trade_timestamp_seconds{{{SYMBOL}}})", "last trade"),
        steps=up_to(300, 3600),
    ),
]

PROFIT_AND_LOSS = [
    time_series(
        "Net P&L by strategy",
        "Net P&L of each account's strategies, for each currency.",
        "locale",
        Query(
            by_currency(f"trading_net_pnl{{{KEY}}}", "account", "strategy"),
            "{{account}} {{strategy}} {{currency}}",
        ),
        width=12,
    ),
    time_series(
        "Realised and unrealised P&L",
        "Before fees. Together they are cash flow plus position times mark.",
        "locale",
        Query(by_currency(f"trading_realized_pnl{{{KEY}}}"), "realised {{currency}}"),
        Query(by_currency(f"trading_unrealized_pnl{{{KEY}}}"), "unrealised {{currency}}"),
        width=12,
    ),
]

POSITIONS = [
    table(
        "Positions",
        "One row for each account, strategy and symbol; money in the currency of the symbol's P&L. "
        "The average entry price is 0 while flat.",
        "locale",
        {
            "account": "Account",
            "strategy": "Strategy",
            "symbol": "Symbol",
            "Value #A": "Position",
            "Value #B": "Average entry",
            "Value #C": "Exposure",
            "Value #D": "Realised",
            "Value #E": "Unrealised",
            "Value #F": "Net",
        },
        *(
            Query(f"sum by (account, strategy, symbol) ({figure})", instant=True, layout="table")
            for figure in (
                f"trading_position{{{KEY}}}",
                f"trading_average_entry_price{{{KEY}}}",
                EXPOSURE,
                f"trading_realized_pnl{{{KEY}}}",
                f"trading_unrealized_pnl{{{KEY}}}",
                f"trading_net_pnl{{{KEY}}}",
            )
        ),
    ),
    time_series(
        "Position",
        "What is held, in base units; negative when short.",
        "locale",
        Query(f"trading_position{{{KEY}}}", "{{account}} {{strategy}} {{symbol}}"),
    ),
    time_series(
        "Exposure by symbol",
        "Position times last price, in the symbol's currency; long and short of several strategies cancel out.",
        "locale",
        Query(f"sum by (symbol) ({EXPOSURE})", "{{symbol}}"),
    ),
    time_series(
        "Exposure by currency",
        "Net: longs less shorts. Gross: both added, what is at risk if all prices move.",
        "locale",
        Query(by_currency(EXPOSURE), "net {{currency}}"),
        Query(by_currency(f"abs({EXPOSURE})"), "gross {{currency}}"),
    ),
]

PRICES = [
    time_series(
        "Average entry against last price",
        "Where the position was opened, and where the market is. Choose one symbol to read it well: the scale is "
        "logarithmic so that all fit. No average entry while flat.",
        "locale",
        Query(f"trading_last_price{{{SYMBOL}}}", "last {{symbol}}"),
        Query(
            f"trading_average_entry_price{{{KEY}}} and trading_position{{{KEY}}} != 0",
            "entry {{account}} {{strategy}} {{symbol}}",
        ),
        width=12,
        logarithmic=True,
    ),
    time_series(
        "Return on what is held",
        "Last price against average entry, in the direction of the position: above 0 the position is in profit.",
        "percentunit",
        Query(
            f"trading_unrealized_pnl{{{KEY}}}"
            f" / (abs(trading_position{{{KEY}}}) * trading_average_entry_price{{{KEY}}} != 0)",
            "{{account}} {{strategy}} {{symbol}}",
        ),
        width=12,
        steps=SIGNED,
    ),
]

ACTIVITY = [
    time_series(
        "Trades per second by side and symbol",
        "How often is traded. Trades past the positions limit are those of __other__.",
        "cps",
        Query(f"sum by (side, symbol) ({rate('trading_trades_total')})", "{{side}} {{symbol}}"),
        minimum=0,
    ),
    time_series(
        "Volume per second by side and symbol",
        "Quantity traded, in base units of each symbol.",
        "locale",
        Query(f"sum by (side, symbol) ({rate('trading_volume_total')})", "{{side}} {{symbol}}"),
        minimum=0,
    ),
    time_series(
        "Notional per second by side and currency",
        "Price times quantity traded, for each currency.",
        "locale",
        Query(by_currency(rate("trading_notional_total"), "side"), "{{side}} {{currency}}"),
        sides=True,
        minimum=0,
    ),
]

FEES = [
    time_series(
        "Fees by currency",
        "Fees paid since the journal began, rebates negative; one sent without a currency is in that of its symbol.",
        "locale",
        Query(fees_by(), "{{currency}}"),
        width=12,
    ),
    time_series(
        "Fees by strategy and currency",
        "The same for each account's strategies: who pays, and who earns rebates.",
        "locale",
        Query(fees_by("account", "strategy"), "{{account}} {{strategy}} {{currency}}"),
        width=12,
    ),
]

ROWS: dict[str, list[Json]] = {
    "At a glance": AT_A_GLANCE,
    "Profit and loss": PROFIT_AND_LOSS,
    "Positions and exposure": POSITIONS,
    "Prices": PRICES,
    "Activity": ACTIVITY,
    "Fees": FEES,
}

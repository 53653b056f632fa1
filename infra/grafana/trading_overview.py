"""The dashboard "Trading overview": P&L, positions, prices, activity and fees."""

from infra.grafana.panels import SIGNED, Json, Query, increase, rate, stat, table, time_series, up_to

UID = "trading-telemetry-overview"
TITLE = "Trading overview"
DESCRIPTION = "Profit and loss, positions, prices, activity and fees, by account, strategy and symbol."

LEDGER = 'job=~"$job"'  # the sidecar of a ledger: that of the demonstration is another one
KEY = f'{LEDGER}, account=~"$account", strategy=~"$strategy", symbol=~"$symbol"'
SYMBOL = f'{LEDGER}, symbol=~"$symbol"'


# Each symbol with its currency. Where that is unknown, or P&L is in points, the symbol takes its place, so that it is
# added to no other.
CURRENCY = (
    'trading_symbol_info{currency!="", unit=""}'
    ' or label_replace(trading_symbol_info{currency!="", unit="points"}, "currency", "points, $1", "symbol", "(.*)")'
    ' or label_replace(trading_symbol_info{currency=""}, "currency", "unknown, $1", "symbol", "(.*)")'
)


def in_currency(expression: str) -> str:
    """The expression with the currency of the P&L as a label: what the fills say, else that of the symbol."""
    by_symbol = f"({expression}) * on (job, instance, symbol) group_left (currency) ({CURRENCY})"
    both = f'label_join({by_symbol}, "both", "|", "currency", "pnl_currency")'
    return f'label_replace({both}, "currency", "$1", "both", "[^p].*[|](.+)")'  # but not in place of "points, SYMBOL"


def by_currency(expression: str, *also: str) -> str:
    """The sum per currency of the P&L: amounts in different or unknown currencies are never added."""
    return f"sum by ({', '.join([*also, 'currency'])}) ({in_currency(expression)})"


def fees_by(*labels: str) -> str:
    """Sums of fees per currency; a fee sent without a currency is in that of its symbol's P&L."""
    named = f'trading_fees{{{KEY}, currency!="quote"}}'
    unnamed = in_currency(f'trading_fees{{{KEY}, currency="quote"}}')
    both = f'label_replace({named}, "sent", "named", "", "") or label_replace({unnamed}, "sent", "unnamed", "", "")'
    return f"sum by ({', '.join([*labels, 'currency'])}) ({both})"


def keyed_rate(counter: str) -> str:
    return rate(f"{counter}{{{KEY}}}")


# What a position is worth, negative when short: of a contract as the sidecar says, else the quantity times the last
# price. Where an instrument says so, the price is that of the market or of the account.
EXPOSURE = (
    f"(trading_contract_exposure{{{KEY}}} or trading_position{{{KEY}}}"
    f" * on (job, instance, symbol) group_left () (trading_mark_price{{{SYMBOL}}}"
    f' or on (job, instance, symbol) trading_last_price{{{SYMBOL}, account=""}})'
    f" or trading_position{{{KEY}}}"
    f' * on (job, instance, symbol, account) group_left () trading_last_price{{{SYMBOL}, account!=""}})'
)
AT_A_GLANCE = [
    stat(
        "Net P&L",
        "Realised and unrealised P&L minus fees plus income of each key, per currency. Not in it: fees without a rate, "
        "and cash of no key.",
        "locale",
        Query(by_currency(f"trading_net_pnl{{{KEY}}}"), "{{currency}}"),
        width=6,
        steps=SIGNED,
    ),
    stat(
        "Realised P&L",
        "Gross profit of closed quantities, at average cost, per currency.",
        "locale",
        Query(by_currency(f"trading_realized_pnl{{{KEY}}}"), "{{currency}}"),
        width=5,
        steps=SIGNED,
    ),
    stat(
        "Unrealised P&L",
        "Profit of open positions at the last price of their symbol, per currency.",
        "locale",
        Query(by_currency(f"trading_unrealized_pnl{{{KEY}}}"), "{{currency}}"),
        width=5,
        steps=SIGNED,
    ),
    stat(
        "Trades per second",
        "Trades that reached the metrics, both sides, of the symbols chosen above.",
        "cps",
        Query(f"sum({keyed_rate('trading_trades_total')})", "trades"),
    ),
    stat(
        "Time since the last trade",
        "By the time that its sender gave. Orange: no trade for an hour.",
        "s",
        Query(f"time() - max(trading_last_trade_timestamp_seconds{{{SYMBOL}}})", "last trade"),
        steps=up_to(300, 3600),
    ),
]

PROFIT_AND_LOSS = [
    time_series(
        "Net P&L by strategy",
        "Net P&L of each account and strategy, per currency.",
        "locale",
        Query(
            by_currency(f"trading_net_pnl{{{KEY}}}", "account", "strategy"),
            "{{account}} {{strategy}} {{currency}}",
        ),
        width=12,
    ),
    time_series(
        "Realised and unrealised P&L",
        "Before fees. Their sum is cash flow plus position times last price.",
        "locale",
        Query(by_currency(f"trading_realized_pnl{{{KEY}}}"), "realised {{currency}}"),
        Query(by_currency(f"trading_unrealized_pnl{{{KEY}}}"), "unrealised {{currency}}"),
        width=12,
    ),
    time_series(
        "Net P&L in the base currency",
        "Of all accounts. Dated: each amount at the rate of its time. Without BASE_CURRENCY this panel is empty.",
        "locale",
        Query(f'trading_base_currency_pnl{{{LEDGER}, part="net_pnl"}}', "{{view}} {{currency}}"),
        width=12,
    ),
    time_series(
        "Not in the base currency",
        "Amounts that no rate converts: the net P&L in the base currency is without them.",
        "locale",
        Query(f"trading_base_currency_missing{{{LEDGER}}}", "{{view}} {{part}} {{currency}}"),
        width=12,
    ),
]

POSITIONS = [
    table(
        "Positions",
        "One row per account, strategy, symbol, side of a hedge and P&L currency; money in that currency. Without a "
        "price there is no unrealised and no net. The average entry price is 0 while flat.",
        "locale",
        {
            "account": "Account",
            "strategy": "Strategy",
            "symbol": "Symbol",
            "position_side": "Side",
            "Value #A": "Position",
            "Value #B": "Average entry",
            "Value #C": "Exposure",
            "Value #D": "Realised",
            "Value #E": "Unrealised",
            "Value #F": "Net",
            "currency": "Currency",
        },
        *(
            Query(
                f"sum by (account, strategy, symbol, position_side, currency) ({in_currency(figure)})",
                instant=True,
                layout="table",
            )
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
        "Open quantity, in base units; negative when short.",
        "locale",
        Query(f"trading_position{{{KEY}}}", "{{account}} {{strategy}} {{symbol}} {{position_side}}"),
    ),
    time_series(
        "Exposure by symbol",
        "Worth of open positions at the last price, with the contract's multiplier; negative when short. Longs and "
        "shorts of several strategies offset each other.",
        "locale",
        Query(f"sum by (symbol) ({EXPOSURE})", "{{symbol}}"),
    ),
    time_series(
        "Exposure by currency",
        "Worth of open positions at the last price, with the contract's multiplier. Net: longs minus shorts; gross: "
        "plus shorts.",
        "locale",
        Query(by_currency(EXPOSURE), "net {{currency}}"),
        Query(by_currency(f"abs({EXPOSURE})"), "gross {{currency}}"),
    ),
]

PRICES = [
    time_series(
        "Average entry against last price",
        "Average price of the open position, last price, and the market's where it marks the position. The scale is "
        "logarithmic so that all symbols fit: choose one symbol for detail. No average entry while flat.",
        "locale",
        Query(f"trading_last_price{{{SYMBOL}}}", "last {{symbol}} {{account}}"),
        Query(f"trading_mark_price{{{SYMBOL}}}", "mark {{symbol}} {{source}}"),
        Query(
            f"trading_average_entry_price{{{KEY}}} and trading_position{{{KEY}}} != 0",
            "entry {{account}} {{strategy}} {{symbol}} {{position_side}}",
        ),
        width=12,
        logarithmic=True,
    ),
    time_series(
        "Return on open positions",
        "Unrealised P&L divided by the cost of the position: above 0 the position is in profit.",
        "percentunit",
        Query(
            f"trading_unrealized_pnl{{{KEY}}}"
            f" / (abs(trading_position{{{KEY}}}) * trading_average_entry_price{{{KEY}}} != 0)",
            "{{account}} {{strategy}} {{symbol}} {{position_side}}",
        ),
        width=12,
        steps=SIGNED,
    ),
]

ACTIVITY = [
    time_series(
        "Trades per second by side and symbol",
        "Trades beyond the positions limit count as symbol __other__.",
        "cps",
        Query(f"sum by (side, symbol) ({keyed_rate('trading_trades_total')})", "{{side}} {{symbol}}"),
        minimum=0,
    ),
    time_series(
        "Volume per second by side and symbol",
        "Quantity traded, in base units of each symbol.",
        "locale",
        Query(f"sum by (side, symbol) ({keyed_rate('trading_volume_total')})", "{{side}} {{symbol}}"),
        minimum=0,
    ),
    time_series(
        "Notional per second by side and currency",
        "Price times quantity traded, per currency.",
        "locale",
        Query(by_currency(keyed_rate("trading_notional_total"), "side"), "{{side}} {{currency}}"),
        sides=True,
        minimum=0,
    ),
    time_series(
        "Corrected trades",
        "Trades that voids and replaces removed or added, and late trades. Right number = accepted - removed + added.",
        "none",
        Query(f"sum by (change) ({increase(f'trading_corrected_trades_total{{{KEY}}}')})", "{{change}}"),
        Query(increase(f"trading_trades_late_total{{{LEDGER}}}"), "late"),
        Query(f"trading_positions_recomputing{{{LEDGER}}}", "positions being recomputed"),
        width=24,
        minimum=0,
    ),
]

FEES_AND_CASH = [
    time_series(
        "Fees by currency",
        "Fees since the journal began, rebates negative. A fee sent without a currency is in that of its symbol.",
        "locale",
        Query(fees_by(), "{{currency}}"),
        width=12,
    ),
    time_series(
        "Fees by strategy and currency",
        "Fees of each account and strategy since the journal began, rebates negative.",
        "locale",
        Query(fees_by("account", "strategy"), "{{account}} {{strategy}} {{currency}}"),
        width=12,
    ),
    time_series(
        "Fees that are not in the net P&L",
        "In a third currency, without a rate at the time of the trade.",
        "locale",
        Query(f"sum by (currency) (trading_fees_outside_net{{{KEY}}})", "{{currency}}"),
        width=12,
    ),
    time_series(
        "Cash by reason and currency",
        "Money without a trade, received minus paid. Deposits and withdrawals are never P&L.",
        "locale",
        Query(f'sum by (reason, currency) (trading_cash{{{LEDGER}, account=~"$account"}})', "{{reason}} {{currency}}"),
        width=12,
    ),
]

ROWS: dict[str, list[Json]] = {
    "At a glance": AT_A_GLANCE,
    "Profit and loss": PROFIT_AND_LOSS,
    "Positions and exposure": POSITIONS,
    "Prices": PRICES,
    "Activity": ACTIVITY,
    "Fees and cash": FEES_AND_CASH,
}

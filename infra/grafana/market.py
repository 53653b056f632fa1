"""The dashboard "Market": prices, volatility, drawdown, volume and spread over windows, and what they are made of."""

from infra.grafana.panels import NONE_IS_GOOD, Json, Query, increase, stat, table, time_series, up_to

UID = "trading-telemetry-market"
TITLE = "Market"
DESCRIPTION = "Markets of the feed over windows: change, volatility, drawdown, volume, spread; coverage and age beside."

MARKET, WINDOW = "{{venue}} {{symbol}}", "{{venue}} {{symbol}} {{window}}"


def cells(metric: str) -> Query:
    return Query(metric, layout="table", instant=True)


AT_A_GLANCE = [
    stat(
        "Markets",
        "Markets that have windows. Nothing is shown where FEED_SYMBOLS names nothing.",
        "none",
        Query("count(trading_market_price)", "markets"),
    ),
    stat(
        "Lowest coverage",
        "Share of a window of which prices are known. Below one half a window has no values.",
        "percentunit",
        Query("min(trading_market_coverage_ratio)", "coverage"),
        steps=((None, "orange"), (0.5, "yellow"), (0.9, "blue")),
    ),
    stat(
        "Oldest price",
        "Time since the last trade of the market that is quiet longest, by the venue's time.",
        "s",
        Query("max(trading_market_age_seconds)", "age"),
        steps=up_to(60, 3600),
    ),
    stat(
        "Events behind the feed",
        "Events of the market stream that are in no candle yet. Candles are committed once a second.",
        "none",
        Query("trading_market_head_sequence - trading_market_applied_sequence", "behind"),
        steps=up_to(10_000, 100_000),
    ),
    stat(
        "Late and rejected",
        "Trades and quotes of the last minutes that came too late for the windows, and events that can't be used.",
        "none",
        Query(f"sum({increase('trading_market_late_events_total')})", "late"),
        Query(f"sum({increase('trading_market_rejected_events_total')})", "rejected"),
        steps=NONE_IS_GOOD,
        width=8,
    ),
]

NOW = [
    table(
        "Markets now",
        "Each window of each market. Empty: coverage is below one half, or nothing happened of which it could be made.",
        "percentunit",
        {
            "venue": "Venue",
            "symbol": "Symbol",
            "window": "Window",
            "Value #A": "Change",
            "Value #B": "Volatility",
            "Value #C": "Maximum drawdown",
            "Value #D": "Drawdown",
            "Value #E": "Volume",
            "Value #F": "VWAP",
            "Value #G": "Coverage",
        },
        cells("trading_market_price_change_ratio"),
        cells("trading_market_volatility_ratio"),
        cells("trading_market_max_drawdown_ratio"),
        cells("trading_market_drawdown_ratio"),
        cells("trading_market_volume"),
        cells("trading_market_vwap"),
        cells("trading_market_coverage_ratio"),
        units={"Volume": "locale", "VWAP": "locale"},
    ),
]

PRICES = [
    time_series(
        "Price",
        "Price of the last trade in the windows, in the quote currency.",
        "locale",
        Query("trading_market_price", MARKET),
        width=12,
    ),
    time_series(
        "Price change",
        "Last price against the last one before the window.",
        "percentunit",
        Query("trading_market_price_change_ratio", WINDOW),
        width=12,
    ),
    time_series(
        "Drawdown",
        "From the highest price of the window to the last; 0 or negative.",
        "percentunit",
        Query("trading_market_drawdown_ratio", WINDOW),
        width=12,
    ),
    time_series(
        "Maximum drawdown",
        "Largest fall from a peak to a later trough in the window, over every trade; 0 or negative.",
        "percentunit",
        Query("trading_market_max_drawdown_ratio", WINDOW),
        width=12,
    ),
]

VOLATILITY = [
    time_series(
        "Realised volatility",
        "Root of the sum of squared returns of 500 ms, over the window, not annualised.",
        "percentunit",
        Query("trading_market_volatility_ratio", WINDOW),
        minimum=0,
    ),
    time_series(
        "Weighted volatility",
        "The same with weights that fall by half within half the window.",
        "percentunit",
        Query("trading_market_volatility_ewma_ratio", WINDOW),
        minimum=0,
    ),
    time_series(
        "Annualised volatility",
        "Standard deviation of the returns, for a year of 365 days. Without quotes it has bounces between bid and ask.",
        "percentunit",
        Query("trading_market_volatility_annualized_ratio", WINDOW),
        minimum=0,
    ),
]

ACTIVITY = [
    time_series(
        "Volume",
        "Quantity traded in the window, in the base currency.",
        "locale",
        Query("trading_market_volume", WINDOW),
        minimum=0,
    ),
    time_series(
        "Average price",
        "By volume, of the window (VWAP), in the quote currency.",
        "locale",
        Query("trading_market_vwap", WINDOW),
    ),
    time_series(
        "Spread",
        "Mean of ask less bid in the window, as a share of the middle. Only with FEED_KINDS=trade,quote.",
        "percentunit",
        Query("trading_market_spread_ratio", WINDOW),
    ),
]

BASIS = [
    time_series(
        "Coverage",
        "Share of each window of which prices are known.",
        "percentunit",
        Query("trading_market_coverage_ratio", WINDOW),
        minimum=0,
    ),
    time_series(
        "Age of the price",
        "Time since the last trade in the windows, by the venue's time; two seconds at least.",
        "s",
        Query("trading_market_age_seconds", MARKET),
    ),
    time_series(
        "Events not used, and errors",
        "Late: only in the candles. Rejected: in neither. Errors of the store of candles are tried again.",
        "none",
        Query(increase("trading_market_late_events_total"), "late"),
        Query(f"sum by (reason) ({increase('trading_market_rejected_events_total')})", "{{reason}}"),
        Query(increase("trading_market_failures_total"), "errors"),
        minimum=0,
    ),
]

ROWS: dict[str, list[Json]] = {
    "At a glance": AT_A_GLANCE,
    "Markets": NOW,
    "Prices": PRICES,
    "Volatility": VOLATILITY,
    "Activity": ACTIVITY,
    "Basis": BASIS,
}

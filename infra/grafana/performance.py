"""The dashboard "Performance": P&L by day, net P&L over time, drawdown and round trips, by account and strategy."""

from infra.grafana.panels import SIGNED, Json, Query, stat, table, time_series

UID = "trading-telemetry-performance"
TITLE = "Performance"
DESCRIPTION = "P&L by day, net P&L and its drawdown, win rate, by account and strategy; from the history."

TOTAL, ACCOUNT, STRATEGY = 'by="total"', 'by="account"', 'by="strategy"'


def win_rate(group: str, *labels: str) -> str:
    """Wins divided by wins and losses; break-evens are in neither. Nothing where no round trip was decided."""
    by = f"sum by ({', '.join([*labels, 'currency'])})"
    wins = f'{by} (trading_performance_round_trips{{{group}, result="win"}})'
    return f'{wins} / ({by} (trading_performance_round_trips{{{group}, result!="break_even"}}) > 0)'


def cells(metric: str, group: str) -> Query:
    return Query(f"{metric}{{{group}}}", layout="table", instant=True)


def of_each(group: str, label: str, heading: str) -> Json:
    return table(
        f"By {label}",
        f"Figures of each {label} and currency, since the ledger began. Win rate: wins of all that were decided.",
        "locale",
        {
            label: heading,
            "currency": "Currency",
            "Value #A": "Net P&L",
            "Value #B": "Today",
            "Value #C": "Drawdown",
            "Value #D": "Maximum drawdown",
            "Value #E": "Round trips",
            "Value #F": "Win rate",
        },
        cells("trading_performance_net_pnl", group),
        cells("trading_performance_pnl_today", group),
        cells("trading_performance_drawdown", group),
        cells("trading_performance_max_drawdown", group),
        Query(f"sum by ({label}, currency) (trading_performance_round_trips{{{group}}})", layout="table", instant=True),
        Query(win_rate(group, label), layout="table", instant=True),
        units={"Win rate": "percentunit"},
    )


AT_A_GLANCE = [
    stat(
        "P&L today",
        "Change of the net P&L since the day began by DAY_BOUNDARY, per currency.",
        "locale",
        Query(f"trading_performance_pnl_today{{{TOTAL}}}", "{{currency}}"),
        width=5,
        steps=SIGNED,
    ),
    stat(
        "Net P&L",
        "Since the ledger began, marked to market, per currency.",
        "locale",
        Query(f"trading_performance_net_pnl{{{TOTAL}}}", "{{currency}}"),
        width=5,
        steps=SIGNED,
    ),
    stat(
        "Drawdown",
        "Fall of the net P&L from its highest value to now; a first loss counts.",
        "locale",
        Query(f"trading_performance_drawdown{{{TOTAL}}}", "{{currency}}"),
        width=5,
    ),
    stat(
        "Win rate",
        "Round trips won, of those won or lost, since the ledger began.",
        "percentunit",
        Query(win_rate(TOTAL), "{{currency}}"),
        width=5,
    ),
    stat(
        "Events behind the history",
        "Events of the history that are not in these figures yet. They are read every 2 seconds or less often.",
        "none",
        Query("sum(trading_history_applied_sequence) - sum(trading_performance_applied_sequence)", "behind"),
    ),
]

OVER_TIME = [
    time_series(
        "P&L by day",
        "Change of the net P&L on each of the last 31 days by DAY_BOUNDARY; the day of now grows.",
        "locale",
        Query("sum by (date, currency) (trading_performance_day_pnl)", "{{date}} {{currency}}"),
        width=12,
    ),
    table(
        "Days",
        "The same as a table: the present value of each day. Late trades and corrections restate past days.",
        "locale",
        {"date": "Day", "currency": "Currency", "Value": "P&L"},
        Query("trading_performance_day_pnl", layout="table", instant=True),
        width=12,
    ),
    time_series(
        "Net P&L over time",
        "Of all positions, as it was known at each time. A correction shows from when it came.",
        "locale",
        Query(f"trading_performance_net_pnl{{{TOTAL}}}", "{{currency}}"),
        width=12,
    ),
    time_series(
        "Drawdown over time",
        "Fall of the net P&L from its highest value, 0 or more, and the largest so far.",
        "locale",
        Query(f"trading_performance_drawdown{{{TOTAL}}}", "{{currency}}"),
        Query(f"trading_performance_max_drawdown{{{TOTAL}}}", "maximum {{currency}}"),
        width=12,
        minimum=0,
    ),
]

GROUPS = [
    of_each(STRATEGY, "strategy", "Strategy"),
    time_series(
        "Strategies over time",
        "Net P&L of each strategy, per currency.",
        "locale",
        Query(f"trading_performance_net_pnl{{{STRATEGY}}}", "{{strategy}} {{currency}}"),
        width=12,
    ),
    time_series(
        "Win rate of strategies",
        "Round trips won, of those won or lost, since the ledger began.",
        "percentunit",
        Query(win_rate(STRATEGY, "strategy"), "{{strategy}} {{currency}}"),
        width=12,
        minimum=0,
    ),
    of_each(ACCOUNT, "account", "Account"),
    time_series(
        "Round trips by result",
        "Closed round trips, from flat to flat, by the sign of their net.",
        "none",
        Query(f"sum by (result) (trading_performance_round_trips{{{TOTAL}}})", "{{result}}"),
        width=12,
        minimum=0,
    ),
    time_series(
        "Reading the figures",
        "Time that reading took last. Groups beyond 200 have no figures here.",
        "s",
        Query("trading_performance_refresh_seconds", "seconds"),
        Query("trading_performance_omitted_groups", "groups left out"),
        width=12,
        minimum=0,
    ),
]

ROWS: dict[str, list[Json]] = {
    "At a glance": AT_A_GLANCE,
    "Over time": OVER_TIME,
    "By strategy and account": GROUPS,
}

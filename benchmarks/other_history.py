"""What pandas and DuckDB need for P&L by day of a file of fills, for comparison.

A program of its own, for another interpreter that has them and nothing of ours:
`PYTHON benchmarks/other_history.py LIBRARY FILE` reads the CSV file, in the order of time, works the figures out, and
prints them as JSON with the time that each took from the file on, in seconds. They keep nothing, and know no late
trade, no correction and no split.

    net       the change of the net P&L at the last price of each symbol, by day in UTC: sums and joins by day
    realized  realised P&L at average cost, by day: a fold, so a loop in Python over the rows; SQL has none
"""

# The libraries are not installed where types are checked.
# mypy: ignore-errors
# ruff: noqa: PLC0415 -- only the library that is measured is imported; none of them is installed here

import json
import sys
import time

KEY = ["account", "strategy", "symbol"]


def pandas_net(file):
    """The change of the net P&L by day, in binary floats."""
    import pandas as pd

    fills = pd.read_csv(file)
    fills["day"] = pd.to_datetime(fills["ts"], format="ISO8601").dt.floor("D")
    fills["held"] = fills["qty"].where(fills["side"] == "buy", -fills["qty"])
    fills["paid"] = -fills["held"] * fills["price"] - fills["fee"]
    sums = fills.groupby([*KEY, "day"])[["held", "paid"]].sum().groupby(KEY).cumsum()
    held, paid = (sums[name].unstack(KEY).ffill().fillna(0.0) for name in ("held", "paid"))
    last = fills.groupby(["symbol", "day"])["price"].last().unstack("symbol").ffill().fillna(0.0)
    prices = last[held.columns.get_level_values("symbol")].to_numpy()
    levels = (held * prices + paid).sum(axis=1)
    changes = levels.diff().fillna(levels)
    return {f"{day:%Y-%m-%d}": float(change) for day, change in changes.items()}


def pandas_realized(file):
    """The realised P&L by day, in binary floats."""
    import pandas as pd

    fills = pd.read_csv(file)
    states, days = {}, {}
    columns = (fills[name].tolist() for name in (*KEY, "side", "price", "qty", "ts"))
    for account, strategy, symbol, side, price, qty, ts in zip(*columns, strict=True):
        key = account, strategy, symbol
        held, average = states.get(key, (0.0, 0.0))
        signed = qty if side == "buy" else -qty
        after = held + signed
        if abs(after) < 1e-9:
            after = 0.0
        if held * signed < 0:
            closed = min(abs(held), qty)
            day = ts[:10]
            days[day] = days.get(day, 0.0) + closed * (price - average if held > 0 else average - price)
            average = price if held * after < 0 else average
        else:
            average = (abs(held) * average + qty * price) / (abs(held) + qty)
        states[key] = after, average
    return days


def duckdb_net(file):
    """The change of the net P&L by day, in DuckDB's exact decimals of up to 38 digits."""
    import duckdb

    rows = duckdb.execute(
        """
        WITH fills AS (
            SELECT *, ts::DATE AS day, CASE side WHEN 'buy' THEN qty ELSE -qty END AS signed
            FROM read_csv(?, columns = {
                'ts': 'TIMESTAMP', 'account': 'VARCHAR', 'strategy': 'VARCHAR', 'symbol': 'VARCHAR', 'side': 'VARCHAR',
                'price': 'DECIMAL(12, 2)', 'qty': 'DECIMAL(12, 3)', 'fee': 'DECIMAL(12, 3)'
            }, header = true)
        ),
        by_day AS (
            SELECT account, strategy, symbol, day, sum(signed) AS held, sum(-signed * price - fee) AS paid
            FROM fills GROUP BY ALL
        ),
        running AS (
            SELECT account, strategy, symbol, day, sum(held) OVER key AS held, sum(paid) OVER key AS paid
            FROM by_day WINDOW key AS (PARTITION BY account, strategy, symbol ORDER BY day)
        ),
        prices AS (SELECT symbol, day, arg_max(price, ts) AS price FROM fills GROUP BY ALL),
        places AS (
            SELECT * FROM (SELECT DISTINCT account, strategy, symbol FROM by_day), (SELECT DISTINCT day FROM by_day)
        ),
        levels AS (
            SELECT places.day, sum(held * price + paid) AS level
            FROM places
            ASOF JOIN running ON places.account = running.account AND places.strategy = running.strategy
                AND places.symbol = running.symbol AND places.day >= running.day
            ASOF JOIN prices ON places.symbol = prices.symbol AND places.day >= prices.day
            GROUP BY places.day
        )
        SELECT day::VARCHAR, level - coalesce(lag(level) OVER (ORDER BY day), 0) FROM levels ORDER BY day
        """,
        [file],
    ).fetchall()
    return {day: float(change) for day, change in rows}


FIGURES = {
    "pandas": {"net": pandas_net, "realized": pandas_realized},
    "duckdb": {"net": duckdb_net},
}


def main():
    """Measure. Any failure of the library is its traceback and exit code 1."""
    library, file = sys.argv[1:]
    __import__(library)
    found = {}
    for name, work in FIGURES[library].items():
        began = time.perf_counter()
        days = work(file)
        found[name] = {"seconds": time.perf_counter() - began, "days": days}
    print(json.dumps(found))


if __name__ == "__main__":
    main()

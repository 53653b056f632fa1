"""Random trades in files of random dialects, imported by the command; the app is killed meanwhile. Each row is in the
ledger once, with its numbers exactly, and the file again brings nothing.
"""

import csv
import gzip
import io
import json
import os
import random
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.apps import BIN
from tests.support.polling import eventually
from tests.torture.figures import Figures
from tests.trading_app.running import RunningApp

SYMBOLS = ("BTC/USDT", "eth-eur", "0700.HK", "AAPL", "XRP/ETH")
ADDRESSES = ("WEBAPP_HTTP_PORT", "WEBAPP_ZMQ_ADDR", "WEBAPP_REPLAY_ADDR")
FEW_ROWS, MANY_ROWS = 400, 4_500
"""Rows of a file, and of one during which the app is killed: these need several requests."""

COMMAND_SECONDS = 120

Trade = dict[str, str]
Told = tuple[str, str, Decimal, Decimal, datetime, Decimal]


def files(folder: Path, seed: int, count: int) -> Figures:
    """So many files; the app is killed during every second one, and the same command goes on with the app after it."""
    app = _started(folder)
    rows = kills = 0
    try:
        for number in range(count):
            chance = random.Random(seed * 1_000 + number)
            account, is_killed = f"files-{number}", number % 2 == 0
            trades = _trades(chance, MANY_ROWS if is_killed else chance.randint(1, FEW_ROWS))
            file = folder / f"trades-{number}"
            file.write_bytes(_written(chance, trades))
            running = _import(app, account, file)
            if is_killed:
                _wait_for_rows(app, account, running)
                app.end()
                kills += 1
                app = _started(folder, **{name: app.environment[name] for name in ADDRESSES})
            report = _report(running)
            assert report["state"] == "taken", report
            assert Counter(map(_told, _stored(app, account))) == Counter(map(_told, trades)), f"file {number}"
            again = _report(_import(app, account, file))
            assert (again["state"], again["compared"]["known"]) == ("nothing_new", len(trades)), again
            rows += len(trades)
    finally:
        app.end()
    return Figures(
        f"{count:,} files of random trades in random dialects, {rows:,} rows, imported by the command; the app killed"
        f" during {kills:,} of them",
        "each row once, equal to the digit; each file again brought nothing",
        {"kills": kills, "rows": rows},
    )


def _started(folder: Path, **settings: str) -> RunningApp:
    app = RunningApp(folder, LOG_LEVEL="WARNING", **settings)
    app.wait_until_ready()
    return app


def _wait_for_rows(app: RunningApp, account: str, running: "subprocess.Popen[str]") -> None:
    """Wait for the first rows in the ledger, or the end of the command."""
    eventually(lambda: bool(_stored(app, account, 1)) or running.poll() is not None, what="the first rows")


def _import(app: RunningApp, account: str, file: Path) -> "subprocess.Popen[str]":
    command: list[str | Path] = [
        BIN / "trading-app",
        "import",
        "--yes",
        "--json",
        "--account",
        account,
        "--url",
        app.url,
        file,
    ]
    environment = {**os.environ, **app.environment}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _report(running: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = running.communicate(timeout=COMMAND_SECONDS)
    assert running.returncode == 0, f"{running.returncode}: {out[-2_000:]} {err[-2_000:]}"
    assert "Traceback" not in err, err
    report: dict[str, Any] = json.loads(out)
    return report


def _stored(app: RunningApp, account: str, limit: int | None = None) -> list[Trade]:
    query: dict[str, str | int] = {"account": account} | ({"limit": limit} if limit else {})
    answer = app.client.get("/trades", params=query, headers={"Accept": "application/x-ndjson"}).raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]


def _told(trade: Trade) -> Told:
    """What a trade says, by value."""
    return (
        trade["symbol"].upper(),
        trade["side"],
        Decimal(trade["qty"]),
        Decimal(trade["price"]),
        datetime.fromisoformat(trade["ts"]),
        Decimal(trade.get("fee", "0")),
    )


def _trades(chance: random.Random, count: int) -> list[Trade]:
    """Trades in the order of time, newest first, or in none; with ids, or with some that equal each other."""
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(10**6))
    has_ids, trades = chance.random() < 0.6, list[Trade]()
    for number in range(count):
        moment += timedelta(microseconds=chance.choice((0, 1, 1_000, 1_500_000, 86_400_000_000)))
        trade = {
            "ts": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "symbol": chance.choice(SYMBOLS),
            "side": chance.choice(("buy", "sell")),
            "qty": _digits(chance),
            "price": _digits(chance),
        }
        if has_ids:
            trade["trade_id"] = f"{chance.choice(('x', 'A:'))}{number}"
        if chance.random() < 0.7:
            trade |= {"fee": f"-{_digits(chance)}" if chance.random() < 0.2 else _digits(chance)}
        trades.append(trade)
        if not has_ids and chance.random() < 0.05:
            trades.append(dict(trade))
    if (order := chance.random()) < 0.3:
        trades.reverse()
    elif order < 0.5:
        chance.shuffle(trades)
    return trades[:count]


def _digits(chance: random.Random) -> str:
    whole = chance.randrange(1, 10 ** chance.randint(1, 12))
    return f"{Decimal(whole).scaleb(-chance.randint(0, 10)):f}" + chance.choice(("", "", "0"))[: chance.randint(0, 1)]


def _written(chance: random.Random, trades: list[Trade]) -> bytes:
    """A file with these trades: CSV, JSON or NDJSON in any dialect, perhaps packed."""
    hours = chance.choice((0, 0, 0, 2, -5))
    rows = [trade | {"ts": _time(chance, trade["ts"], hours)} for trade in trades]
    kind = chance.choice(("csv", "csv", "csv", "json", "ndjson"))
    if kind == "csv":
        content = _csv(chance, rows)
    elif kind == "json":
        content = json.dumps(rows, indent=chance.choice((None, 2))).encode()
    else:
        content = "\n".join(map(json.dumps, rows)).encode()
    return gzip.compress(content) if chance.random() < 0.3 else content


def _time(chance: random.Random, ts: str, hours: int) -> str:
    """An instant, written in another zone."""
    if not hours:
        return ts if chance.random() < 0.9 else ts.replace("T", " ")
    return datetime.fromisoformat(ts).astimezone(timezone(timedelta(hours=hours))).isoformat()


def _csv(chance: random.Random, rows: list[Trade]) -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    chance.shuffle(columns)
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=chance.choice(",;\t|"),
        lineterminator=chance.choice(("\n", "\r\n", "\r")),
        quoting=csv.QUOTE_ALL if chance.random() < 0.3 else csv.QUOTE_MINIMAL,
    )
    casing = chance.choice((str, str.upper, str.title))
    writer.writerow([casing(name) for name in columns])
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return text.getvalue().encode(chance.choice(("utf-8", "utf-8-sig", "utf-16")))

"""GET /trades with all it can be asked, against plain bookkeeping; and out and in again, with the same figures."""

import asyncio
import csv
import io
import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import pytest

from telemetry_stream.events import Batch
from tests.support import ledger_figures, ledger_oracle
from tests.support.examples import some_of
from tests.support.exported_ledger import figures_of, is_event, lines, send_on
from tests.support.ledger_builder import Event, LedgerBuilder
from tests.support.ledger_figures import Figures
from tests.support.programs import run_command
from tests.support.random_ledger import random_ledger
from tests.support.stored_ledger import store
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import CONSOLE_SCRIPT, RunningApp, running
from trading_app.query.csv_table import unmarked
from trading_app.query.filter import Filter
from trading_app.query.pages import SCAN_LIMIT, Course, nobody_waits
from trading_app.query.views import AsJournaled
from trading_app.zmq_pub import TradeStream
from trading_model.field_rules import format_timestamp

COUNT = 600
RAW = {"format": "ndjson", "corrected": "false", "all_events": "true"}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningApp, list[Event]]]:
    """An app on a random ledger with imports, voids, replaces and all other kinds."""
    folder = tmp_path_factory.mktemp("ledger")
    events = store(random_ledger(7, COUNT), folder / "data")
    with running(folder) as app:
        yield app, events


def in_force(events: Sequence[Event]) -> list[Event]:
    """The fills that count, as one would send them, by the oracle's rule of what is voided."""
    gone = ledger_oracle.voided_sequences(events)
    imports = {event["id"] for event in events if event.get("kind") == "import" and event["seq"] in gone}
    replaced = {
        event["target"]: event["replace"]["fill"]
        for event in events
        if event.get("kind") == "replace" and event["seq"] not in gone
    }
    return [
        {name: value for name, value in replaced.get(fill["seq"], fill).items() if name not in ("seq", "import_id")}
        for fill in events
        if "kind" not in fill and fill["seq"] not in gone and fill.get("import_id") not in imports
    ]


def fills(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if "kind" not in event]


def test_trades_are_as_journaled_or_in_force(ledger: tuple[RunningApp, list[Event]]) -> None:
    app, events = ledger
    assert lines(app.client) == fills(events)
    expected = in_force(events)
    assert lines(app.client, corrected="true") == expected
    assert len(expected) < len(fills(events))
    assert {json.dumps(one) for one in expected} - {json.dumps(one) for one in lines(app.client)}


@pytest.mark.parametrize("corrected", ["false", "true"])
@pytest.mark.parametrize("seed", range(12))
def test_any_question_gives_what_plain_bookkeeping_gives(
    ledger: tuple[RunningApp, list[Event]], seed: int, corrected: str
) -> None:
    app, events = ledger
    chance = random.Random(seed)
    known = in_force(events) if corrected == "true" else fills(events)
    times = sorted(fill["ts"].rstrip("Z") for fill in known)
    asked: dict[str, str] = {}
    for name in ("symbol", "account", "strategy", "side"):
        if chance.random() < 0.4:
            asked[name] = chance.choice(known)[name]
    expected = [fill for fill in known if all(fill[name] == value for name, value in asked.items())]
    since, until = sorted(chance.sample(times, 2))
    if chance.random() < 0.6:
        asked["since"] = f"{since}Z"
        expected = [fill for fill in expected if fill["ts"].rstrip("Z") >= since]
    if chance.random() < 0.6:
        asked["until"] = f"{until}Z"
        expected = [fill for fill in expected if fill["ts"].rstrip("Z") < until]
    assert lines(app.client, corrected=corrected, **asked) == expected
    assert lines(app.client, corrected=corrected, order="desc", **asked) == expected[::-1]
    limit = chance.randint(1, 50)
    assert lines(app.client, corrected=corrected, limit=limit, **asked) == expected[:limit]
    for order, whole in (("asc", expected), ("desc", expected[::-1])):
        assert list(paged(app.client, order=order, corrected=corrected, limit=limit, **asked)) == whole


def paged(client: httpx.Client, **parameters: Any) -> Iterator[Event]:
    """All pages of JSON, one after another."""
    after: dict[str, int] = {}
    while True:
        answer = client.get("/trades", params=parameters | after).raise_for_status().json()
        assert len(answer["trades"]) <= parameters["limit"]
        yield from answer["trades"]
        if answer["next_after"] is None:
            return
        after = {"after": answer["next_after"]}


def test_what_a_voided_import_brought_is_left_out(tmp_path: Path) -> None:
    """Fills name their import by its id, other events by their target."""
    ledger = LedgerBuilder()
    brought, kept = (ledger.say("import", id=name, name=name, digest="00") for name in ("one", "two"))
    for name, target in (("one", brought), ("two", kept)):
        ledger.buy("1", "10", import_id=name)
        ledger.say("cash", currency="USDT", amount="1", reason="funding", account=name)
        ledger.events[-1] = {"seq": len(ledger.events), "kind": "cash", "target": target} | ledger.events[-1]
    ledger.void(brought)
    store(ledger.events, tmp_path / "data")
    with running(tmp_path) as app:
        fill, cash = lines(app.client, corrected="true", all_events="true")
    assert fill["trade_id"] == "t-5"
    assert (cash["kind"], cash["account"]) == ("cash", "two")
    assert "target" not in cash


def test_times_may_be_unix_time_or_have_a_zone(ledger: tuple[RunningApp, list[Event]]) -> None:
    app, events = ledger
    at = "2026-01-20T12:00:00"
    expected = [fill for fill in fills(events) if fill["ts"] >= f"{at}Z"]
    assert expected
    for written in (f"{at}Z", "2026-01-20T13:00:00+01:00", "2026-01-20T13:00:00 01:00", "1768910400", "1768910400000"):
        assert lines(app.client, since=written) == expected
    assert lines(app.client, since="1970-01-01T00:00:00Z", until="2999-01-01T00:00:00Z") == fills(events)


class Journal:
    """Fifty thousand trades of the first minutes of 2026, all committed as they happened. Counts what is read."""

    head = 50_000

    def __init__(self) -> None:
        self.read_events = 0

    async def read(self, after: int, limit: int) -> Batch:
        count = min(limit, self.head - after)
        self.read_events += count
        events = b",".join(
            b'{"seq":%d,"symbol":"LONG","ts":"%b"}' % (number, format_timestamp(NEW_YEAR_NS + number * 10**9).encode())
            for number in range(after + 1, after + 1 + count)
        )
        return Batch("stream", after + 1, after + count, events)


NEW_YEAR_NS = 1_767_225_600 * 10**9


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_an_answer_reads_only_its_part_of_the_journal_and_no_more_than_it_may(order: Literal["asc", "desc"]) -> None:
    async def scanned(wanted: Filter, course: Course, limit: int) -> tuple[int, int, bool]:
        journal = Journal()
        page, left = await course.read(cast(TradeStream, journal), limit, AsJournaled(wanted), nobody_waits)
        return journal.read_events, len(page.events), page.more and not left.is_done

    start = 0 if order == "asc" else Journal.head + 1
    nothing = Filter(symbol="NOPE")
    whole = Course(start, Journal.head, order=order)
    assert asyncio.run(scanned(nothing, whole, 10)) == (50_000, 0, False)
    assert asyncio.run(scanned(nothing, replace(whole, oldest=40_001), 10)) == (10_000, 0, False)
    read, _, _ = asyncio.run(scanned(nothing, replace(whole, max_scanned=7_500), 10))
    assert 7_500 <= read <= 7_500 + SCAN_LIMIT
    since = Filter(since_ns=NEW_YEAR_NS + 49_991 * 10**9)
    assert asyncio.run(scanned(since, replace(whole, oldest=40_001), 10))[1] == 10
    earlier = Course(0 if order == "asc" else 60_001, 30_000, order=order)
    assert asyncio.run(scanned(nothing, earlier, 10)) == (30_000, 0, False), "the others came after it began"
    assert asyncio.run(scanned(Filter(), replace(earlier, oldest=29_995), 100)) == (6, 6, False)


def test_all_events_as_journaled_are_the_journal(ledger: tuple[RunningApp, list[Event]]) -> None:
    app, events = ledger
    assert lines(app.client, all_events="true") == events
    assert lines(app.client, all_events="true", order="desc") == events[::-1]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-01-20"}, "until"),
        ({"since": "2026-01-20T12:00:00"}, "since"),
        ({"side": "hold"}, "side"),
        ({"order": "newest"}, "order"),
        ({"format": "xlsx"}, "format"),
        ({"corrected": "perhaps"}, "corrected"),
        ({"all_events": "true"}, "all_events"),
        ({"all_events": "true", "format": "ndjson", "symbol": "AAPL"}, "all_events"),
        ({"local_time": "Europe/Berlin"}, "local_time"),
        ({"local_time": "Mars/Phobos", "format": "csv"}, "local_time"),
        ({"local_time": "../../../etc/passwd", "format": "csv"}, "local_time"),
        ({"local_time": "Europe", "format": "csv"}, "local_time"),
    ],
)
def test_what_can_not_be_asked_is_named(client: httpx.Client, asked: dict[str, str], named: str) -> None:
    document = problem(client.get("/trades", params=asked), "invalid_parameter")
    assert [error["pointer"] for error in document["errors"]] == [f"query/{named}"]


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV of ours, as its import reads them: without empty cells and the signs of texts."""
    assert text.startswith("\ufeff")
    read = csv.DictReader(io.StringIO(text[1:], newline=""))
    return [{name: unmarked(cell) for name, cell in row.items() if cell} for row in read]


def test_csv_has_the_same_content(ledger: tuple[RunningApp, list[Event]]) -> None:
    app, events = ledger
    answer = app.client.get("/trades", params={"format": "csv"}).raise_for_status()
    assert answer.headers["content-type"].startswith("text/csv")
    assert rows(answer.text) == [as_row(fill) for fill in fills(events)]
    answer = app.client.get("/trades", params={"corrected": "true"}, headers={"Accept": "text/csv"})
    assert rows(answer.text) == [as_row(fill) for fill in in_force(events)]
    assert "seq" not in answer.text.splitlines()[0]


def as_row(fill: Event) -> dict[str, str]:
    return {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in fill.items()}


def test_a_spreadsheet_finds_no_formula_and_no_number_in_a_text(client: httpx.Client, account: str) -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "13519807123456789012", "1E5", "'quoted", "MAR1", "true", "0012", "1-2"]
    trade = {"symbol": "AAPL", "side": "buy", "price": "1", "qty": "1", "account": account}
    sent = [{**trade, "trade_id": text, "strategy": text, "tags": [text, "b"]} for text in (*texts, "plain-1")]
    client.post("/trades", json=sent).raise_for_status()
    text = client.get("/trades", params={"format": "csv", "account": account}).text
    cells = list(csv.DictReader(io.StringIO(text[1:], newline="")))
    for name in ("trade_id", "strategy"):
        assert all(row[name].startswith("'") for row in cells[:-1]), name
    assert all(row["tags"].startswith("'") for row in cells[:4])
    assert cells[-1]["trade_id"] == "plain-1"
    assert [row["trade_id"] for row in rows(text)] == [*texts, "plain-1"]
    assert [row["tags"] for row in rows(text)] == [f"{text},b" for text in (*texts, "plain-1")]


def test_local_time_is_a_column_of_its_own(client: httpx.Client, account: str) -> None:
    trade = {"symbol": "AAPL", "side": "buy", "price": "1", "qty": "1", "account": account}
    times = ["2026-03-29T00:59:59.250Z", "2026-03-29T01:00:00Z", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"]
    client.post("/trades", json=[{**trade, "ts": ts} for ts in times]).raise_for_status()
    asked = {"format": "csv", "account": account, "local_time": "Europe/Berlin"}
    found = rows(client.get("/trades", params=asked).text)
    assert [(row["local_time"], row["ts"]) for row in found] == [
        ("2026-03-29 01:59:59.250", times[0]),
        ("2026-03-29 03:00:00", times[1]),
        ("2025-10-26 02:30:00", times[2]),
        ("2025-10-26 02:30:00", times[3]),
    ]


def export(app: RunningApp, *words: object) -> subprocess.CompletedProcess[str]:
    return run_command("trading-app", "export", *words, environment=app.environment)


def test_the_command_writes_what_is_in_force(ledger: tuple[RunningApp, list[Event]], tmp_path: Path) -> None:
    app, events = ledger
    expected = in_force(events)
    for name in ("t.csv", "t.ndjson", "t.json"):
        file = tmp_path / name
        done = export(app, file)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"written: {file}, {file.stat().st_size:,} bytes\n"
    assert rows((tmp_path / "t.csv").read_text()) == [as_row(fill) for fill in expected]
    assert [json.loads(line) for line in (tmp_path / "t.ndjson").read_text().splitlines()] == expected
    assert json.loads((tmp_path / "t.json").read_text()) == expected
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["t.csv", "t.json", "t.ndjson"]
    done = export(app, "--symbol", "aapl", "--order", "desc", "--as-journaled", "--limit", 3)
    wanted = [fill for fill in fills(events)[::-1] if fill["symbol"] == "AAPL"][:3]
    assert [json.loads(line) for line in done.stdout.splitlines()] == wanted
    assert json.loads(export(app, "--format", "json", "--symbol", "NOPE").stdout) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["trades.xlsx"], 2, "the ending names none of the formats"),
        (["--since", "yesterday"], 1, "since must be"),
        (["--url", "http://127.0.0.1:1"], 1, "no complete answer from http://127.0.0.1:1"),
        (["/nowhere/trades.csv"], 2, "can't be written"),
    ],
)
def test_the_command_says_what_is_wrong(web: RunningApp, words: list[str], code: int, said: str) -> None:
    done = export(web, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8, 8 + some_of(5)))
def test_what_goes_out_goes_in_again_with_the_same_figures(tmp_path: Path, seed: int) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    store(random_ledger(seed, COUNT), tmp_path / "from" / "data")
    with running(tmp_path / "from") as source, running(tmp_path / "to") as sink:
        text = export(source, "--all-events").stdout
        send_on(text.splitlines(), sink.client)
        expected, found = figures_of(source.client), figures_of(sink.client)
        assert expected.positions
        assert ledger_figures.differences(expected, found) == []
        again = export(sink, "--all-events").stdout
        assert [json.loads(line) for line in again.splitlines()] == [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def exported(ledger: tuple[RunningApp, list[Event]]) -> tuple[RunningApp, list[str], Figures]:
    """That app, the lines of its export with all events, and its figures."""
    source, _ = ledger
    return source, export(source, "--all-events").stdout.splitlines(), figures_of(source.client)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("trades.ndjson", ["--all-events"]),
        ("trades.json", []),
        ("trades.csv", []),
        ("trades.csv", ["--order", "desc", "--local-time", "America/New_York"]),
    ],
)
def test_the_import_takes_an_export_with_the_same_figures(
    exported: tuple[RunningApp, list[str], Figures], tmp_path: Path, name: str, options: list[str]
) -> None:
    """The other app has the instruments, and what is not in the file."""
    source, everything, expected = exported
    others = [line for line in everything if is_event(line)]
    file = tmp_path / name
    assert export(source, file, *options).returncode == 0
    if "--all-events" in options:
        others = [line for line in others if '"kind":"instrument"' in line]
        file.write_text("\n".join(line for line in everything if line not in others))
    with running(tmp_path) as sink:
        send_on(others, sink.client)
        done = run_command("trading-app", "import", file, "--yes", environment=sink.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ledger_figures.differences(expected, figures_of(sink.client)) == []


def test_parquet_has_the_same_content(ledger: tuple[RunningApp, list[Event]], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    app, events = ledger
    done = export(app, tmp_path / "t.parquet")
    assert (done.returncode, done.stderr) == (0, "")
    table = parquet.read_table(tmp_path / "t.parquet")
    assert from_parquet(table) == in_force(events)
    types = {field.name: str(field.type) for field in table.schema}
    assert types["price"] == types["qty"] == types["fee"] == "decimal128(38, 18)"
    assert types["ts"] == "timestamp[ns, tz=UTC]"
    body = app.client.get("/trades", headers={"Accept": "application/vnd.apache.parquet"}).raise_for_status().content
    assert from_parquet(parquet.read_table(io.BytesIO(body))) == fills(events)


def from_parquet(table: Any) -> list[Event]:
    """The trades as they were exported. The exact texts stand for amounts; a number beside one is equal to it."""
    table = table.set_column(table.schema.get_field_index("ts"), "ts", table["ts"].cast("int64"))
    found = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    for row in found:
        row["ts"] = format_timestamp(row["ts"])
        for name in ("price", "qty", "fee", "multiplier"):
            text = row.pop(f"{name}_text", None)
            assert row.pop(name, None) == (None if text is None else Decimal(text))
            if text is not None:
                row[name] = text
    return found


def test_an_amount_that_parquet_does_not_hold_is_there_as_text(client: httpx.Client, account: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    trade = {"symbol": "AAPL", "side": "buy", "qty": "1", "account": account}
    prices = ["0.1234567890123456789", "123456789012345678901", "0.123456789012345678", "12345678901234567890"]
    client.post("/trades", json=[{**trade, "price": price} for price in prices]).raise_for_status()
    body = client.get("/trades", params={"format": "parquet", "account": account}).raise_for_status().content
    table = parquet.read_table(io.BytesIO(body))
    assert table["price_text"].to_pylist() == prices
    assert table["price"].to_pylist() == [None, None, Decimal(prices[2]), Decimal(prices[3])]


def test_without_pyarrow_it_is_said(tmp_path: Path) -> None:
    """An app that can't import it, as after a default installation."""
    program = f"import sys; sys.modules['pyarrow'] = None; {CONSOLE_SCRIPT}"
    with running(tmp_path, program) as app:
        document = problem(app.client.get("/trades?format=parquet"), "invalid_parameter")
        assert "pyarrow is not installed" in document["detail"]

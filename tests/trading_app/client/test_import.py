"""`trading-app import` against the app itself: dry run, taking, repeating, overlaps, undoing, reviving, questions."""

import argparse
import json
import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.trading_app.client.command import Settings, run_send
from tests.trading_app.running import RunningApp
from trading_app.client import import_files, imports
from trading_app.imports.row_ids import earlier_event_content, row_digest, row_id

HEADER = "ts,symbol,side,qty,price\n"
FIRST = HEADER + "2025-02-10T14:30:00Z,BTC/USDT,buy,10,605.2699\n2025-03-20T14:30:00Z,BTC/USDT,sell,10,610.0000\n"
SECOND = (
    "ts,symbol,side,qty,price,fee\n"
    "2025-02-10T14:30:00.000Z,btc/usdt,BUY,10.00,605.2699,0.00\n"
    "2025-03-20T15:30:00+01:00,BTC/USDT,SELL,010.00,610.00,0\n"
)
_numbers = count(1)


class Desk:
    """Runs the commands for an account of its own."""

    def __init__(self, app: RunningApp, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.account = f"import-{next(_numbers)}"
        self.client = app.client
        self._url = app.url
        self._folder = folder
        self._capsys = capsys

    def file(self, text: str | bytes, name: str = "fills.csv") -> Path:
        path = self._folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def run(self, *arguments: object) -> tuple[int, str]:
        """`trading-app import …`: the exit code and what was printed."""
        parser = argparse.ArgumentParser()
        import_files.add_arguments(parser)
        words = ["--account", self.account, "--url", self._url, "--max-wait", "20", *map(str, arguments)]
        code = import_files.run(parser.parse_args(words), Settings())
        out, err = self._capsys.readouterr()
        return code, out + err

    def report(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """`trading-app import … --json`: the exit code and the report."""
        code, text = self.run(*arguments, "--json")
        return code, json.loads(text.splitlines()[0])  # what a slow step says of its progress stands below

    def imports(self, *arguments: object) -> tuple[int, str]:
        """`trading-app imports …`."""
        parser = argparse.ArgumentParser()
        imports.add_arguments(parser)
        code = imports.run(parser.parse_args([*map(str, arguments), "--url", self._url]), Settings())
        out, err = self._capsys.readouterr()
        return code, out + err

    def stored(self, *, corrected: bool = True) -> list[dict[str, Any]]:
        """The account's fills: those in force, or all as journaled."""
        params: dict[str, str | int] = {"account": self.account, "limit": 1000, "corrected": str(corrected).lower()}
        found: list[dict[str, Any]] = self.client.get("/trades", params=params).raise_for_status().json()["trades"]
        return found


@pytest.fixture
def desk(web: RunningApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(web, tmp_path, capsys)


def test_a_dry_run_shows_all_and_takes_nothing(desk: Desk) -> None:
    code, report = desk.report("--dry-run", desk.file(FIRST))
    assert code == 0
    assert (report["state"], report["rows"]["fills"], report["compared"]["new"]) == ("ready", 2, 2)
    assert report["span"] == {"first": "2025-02-10T14:30:00Z", "last": "2025-03-20T14:30:00Z"}
    assert report["positions"][0]["realized_pnl"] == "47.301"
    assert report["totals"][0]["net_pnl"] == "47.301"
    assert report["result"] is None
    assert desk.stored() == []


def test_nothing_is_taken_without_a_yes(desk: Desk) -> None:
    code, text = desk.run(desk.file(FIRST))
    assert code == 3
    assert "--yes" in text
    assert desk.stored() == []


def test_a_file_is_taken_once_however_it_is_written(desk: Desk) -> None:
    code, report = desk.report("--yes", desk.file(FIRST))
    assert (code, report["state"], report["result"]["accepted"]) == (0, "taken", 2)
    assert {fill["import_id"] for fill in desk.stored(corrected=False)} == {report["import_id"]}
    for text in (FIRST, SECOND):
        code, report = desk.report("--yes", desk.file(text))
        assert (code, report["state"], report["compared"]["known"]) == (0, "nothing_new", 2)
    assert len(desk.stored()) == 2


def test_a_longer_export_adds_what_is_new(desk: Desk) -> None:
    desk.report("--yes", desk.file(FIRST))
    more = FIRST + "2025-04-01T00:00:00Z,BTC/USDT,buy,1,700\n"
    _, report = desk.report("--yes", desk.file(more))
    assert (report["compared"]["known"], report["result"]["accepted"]) == (2, 1)
    assert len(desk.stored()) == 3


def test_equal_rows_are_fills_of_their_own(desk: Desk) -> None:
    row = "2025-02-10T14:30:00Z,BTC/USDT,buy,1,600\n"
    _, report = desk.report("--yes", desk.file(HEADER + row * 3))
    assert report["result"]["accepted"] == 3
    assert [warning["code"] for warning in report["warnings"]] == ["equal_rows"]
    _, report = desk.report("--yes", desk.file(HEADER + row * 5))
    assert (report["compared"]["known"], report["result"]["accepted"]) == (3, 2)


def test_one_id_twice_in_a_file_is_one_fill_or_an_error(desk: Desk) -> None:
    header = "trade_id,ts,symbol,side,qty,price\n"
    row = "7,2025-02-10T14:30:00Z,BTC/USDT,buy,1,600\n"
    _, report = desk.report("--yes", desk.file(header + row + row.replace("600", "600.0")))
    assert (report["rows"]["twice"], report["result"]["accepted"]) == (1, 1)
    code, report = desk.report("--dry-run", desk.file(header + row + row.replace("600", "601")))
    assert (code, report["state"]) == (1, "refused")
    assert report["errors"][0]["place"] == 3


def test_an_undone_import_is_asked_about_and_revived(desk: Desk) -> None:
    _, report = desk.report("--yes", desk.file(FIRST))
    import_id = report["import_id"]
    code, text = desk.imports("undo", import_id)
    assert code == 0
    assert desk.stored() == []
    assert f"taken back by event {re.findall(r'event ([0-9]+)', text)[0]}" in desk.imports("list")[1]

    longer = desk.file(FIRST + "2025-04-01T00:00:00Z,BTC/USDT,buy,1,700\n")
    code, report = desk.report("--yes", longer)
    assert (code, report["compared"]["taken_back"]) == (3, 2)
    assert report["compared"]["voids"][0]["import_id"] == import_id
    assert report["questions"][0]["option"] == "--revive"
    code, report = desk.report("--yes", "--no-revive", longer)
    assert (code, report["result"]["accepted"], len(desk.stored())) == (0, 1, 1)
    code, report = desk.report("--yes", "--revive", longer)
    assert (code, report["result"]["revived"], len(desk.stored())) == (0, 2, 3)
    assert desk.imports("undo", import_id)[0] == 0, "a second time"
    assert len(desk.stored()) == 1
    assert desk.imports("undo", "none")[0] == 1


def test_rows_that_send_brought_are_known(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    text = HEADER + "2025-02-10T14:30:00Z,BTC/USDT,buy,1,600.10\n" * 2 + "1738000000,BTC/USDT,sell,2,601\n"
    assert run_send(desk.file(text), "--account", desk.account, "--url", str(desk.client.base_url).rstrip("/")) == 0
    capsys.readouterr()
    _, report = desk.report("--dry-run", desk.file(text))
    assert (report["compared"]["known"], report["compared"]["new"]) == (3, 0)
    as_json = [dict(zip(HEADER.strip().split(","), line.split(","), strict=True)) for line in text.splitlines()[1:]]
    _, report = desk.report("--dry-run", desk.file(json.dumps(as_json), "fills.json"))
    assert report["compared"]["known"] == 3


def test_a_fill_with_other_content_is_asked_about(desk: Desk) -> None:
    header = "trade_id,ts,symbol,side,qty,price\n"
    desk.report("--yes", desk.file(header + "7,2025-02-10T14:30:00Z,BTC/USDT,buy,1,600\n"))
    rows = "7,2025-02-10T14:30:00Z,BTC/USDT,buy,1,601\n8,2025-02-10T14:30:00Z,BTC/USDT,buy,1,602\n"
    code, report = desk.report("--yes", desk.file(header + rows))
    assert code == 3
    assert report["compared"]["differences"][0]["fields"]["price"]["yours"] == "601"
    code, report = desk.report("--yes", "--different", "skip", desk.file(header + rows))
    assert (code, report["result"]["accepted"]) == (0, 1)


STATEMENT = (
    "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n"
    "7,2021-01-05 02:37:59,Spot,Buy,BNB,2,\n"
    "7,2021-01-05 02:37:59,Spot,Transaction Related,EUR,-60,\n"
    "7,2021-01-05 02:38:07,Spot,Buy,BNB,1,\n"
    "7,2021-01-05 02:38:07,Spot,Transaction Related,EUR,-30,\n"
)


def test_a_trade_of_several_rows_that_an_export_cuts_is_not_counted_twice(desk: Desk) -> None:
    whole = (
        STATEMENT + "7,2021-01-05 02:38:07,Spot,Buy,BNB,4,\n7,2021-01-05 02:38:07,Spot,Transaction Related,EUR,-128,\n"
    )
    _, report = desk.report("--yes", desk.file(STATEMENT))
    assert report["result"]["accepted"] == 2
    code, report = desk.report("--yes", desk.file(whole))
    assert (code, report["compared"]["known"], report["compared"]["new"]) == (3, 1, 0)
    (difference,) = report["compared"]["differences"]
    assert difference["fields"]["qty"] == {"yours": "5", "stored": "1"}
    newer = STATEMENT.replace("UTC_Time", "Time").replace(",2021-", ",21-")
    code, report = desk.report("--yes", "--timezone", "UTC", desk.file(newer))
    assert (code, report["state"]) == (0, "nothing_new"), "the same trades, in the layout of 2025"
    assert len(desk.stored()) == 2


def test_the_newest_row_first_keeps_the_order_of_ties(desk: Desk) -> None:
    newest_first = ((2, 604), (1, 603), (1, 602), (0, 601))
    rows = [f"2025-02-10T14:30:0{second}Z,BTC/USDT,buy,1,{price}\n" for second, price in newest_first]
    _, report = desk.report("--yes", desk.file(HEADER + "".join(rows)))
    assert report["order"] == "newest_first"
    assert [fill["price"] for fill in desk.stored()] == ["601", "602", "603", "604"]


def test_undone_cash_and_openings_are_asked_about_and_revived(desk: Desk) -> None:
    rows = "kind,id,ts,currency,amount,reason,symbol,side,qty,price\n" + "".join(
        (
            f"cash,{desk.account}-1,2025-02-10T15:00:00Z,USD,1.50,dividend,SPY,,,\n",
            ",,2025-02-10T14:30:00Z,,,,XMRUSDT,sell,0.022,600\n",
        )
    )
    arguments = ("--yes", "--opening", "XMRUSDT=0.022@400", desk.file(rows))
    code, report = desk.report(*arguments)
    assert (code, report["result"]["accepted"], report["result"]["events"]) == (0, 1, 2)
    code, report = desk.report(*arguments)
    assert (code, report["state"], report["compared"]["known_events"]) == (0, "nothing_new", 2)
    assert desk.imports("undo", report["import_id"])[0] == 0
    code, report = desk.report(*arguments)
    compared = report["compared"]
    assert (code, compared["taken_back"], compared["new_events"]) == (3, 3, 0)
    code, report = desk.report("--revive", *arguments)
    assert (code, report["result"]["revived"], report["result"]["events"]) == (0, 3, 0)
    code, report = desk.report(*arguments)
    assert (code, report["compared"]["known"], report["compared"]["known_events"]) == (0, 1, 2)


MONEY = "kind,id,ts,currency,amount,reason,symbol\n"


def _cash(desk: Desk) -> list[dict[str, Any]]:
    events = desk.client.get("/events?kind=cash&limit=1000").raise_for_status().json()["events"]
    return [event for event in events if event["cash"]["account"] == desk.account]


def test_equal_rows_of_money_each_count(desk: Desk) -> None:
    row = "cash,,2025-02-10T00:00:00Z,USD,-0.65,commission,\n"
    code, report = desk.report("--yes", desk.file(MONEY + row * 3))
    assert (code, report["rows"]["events"], report["result"]["events"]) == (0, 3, 3)
    assert [warning["code"] for warning in report["warnings"]] == ["equal_events"]
    code, report = desk.report("--yes", desk.file(MONEY + row * 5))
    assert (report["compared"]["known_events"], report["result"]["events"]) == (3, 2)
    assert report["totals"][0]["cash"] == "-3.25"
    assert [event["cash"]["amount"] for event in _cash(desk)] == ["-0.65"] * 5


def test_one_id_twice_is_one_payment_or_an_error(desk: Desk) -> None:
    row = f"cash,pay-{desk.account}-1,2025-02-10T00:00:00Z,USD,1.5,dividend,SPY\n"
    code, report = desk.report("--yes", desk.file(MONEY + row + row.replace("1.5", "1.50")))
    assert (code, report["result"]["events"]) == (0, 1)
    code, report = desk.report("--dry-run", desk.file(MONEY + row + row.replace("1.5", "1.6")))
    assert (code, report["state"], report["errors"][0]["place"]) == (1, "refused", 3)


def test_the_account_that_is_said_is_that_of_all_rows(desk: Desk) -> None:
    header = "kind,id,ts,reason,from.symbol,from.quantity,from.account,to.symbol,to.quantity,to.account,to.strategy\n"
    row = f"move,m-{desk.account},2025-02-10T00:00:00Z,reassignment,BTC,1,default,BTC,1,default,grid\n"
    code, report = desk.report("--yes", desk.file(header + row))
    assert (code, report["result"]["events"]) == (0, 1)
    moves = desk.client.get("/events?kind=move&limit=1000").json()["events"]
    (moved,) = [move["move"] for move in moves if move["id"] == f"m-{desk.account}"]
    assert (moved["from"]["account"], moved["to"]["account"]) == (desk.account, desk.account)
    code, report = desk.report("--yes", desk.file(header + row.replace("1,default,grid", "1,other,grid")))
    assert (code, report["errors"][0]["column"]) == (1, "from.account")


def test_payments_of_two_accounts_with_the_same_ids_are_two(desk: Desk) -> None:
    file = desk.file(MONEY + f"cash,pay-{desk.account}-7,2025-02-10T00:00:00Z,USD,1.5,interest,\n")
    assert desk.report("--yes", file)[1]["result"]["events"] == 1
    desk.account = f"{desk.account}-other"
    assert desk.report("--yes", file)[1]["result"]["events"] == 1
    assert [event["cash"]["amount"] for event in _cash(desk)] == ["1.5"]
    code, report = desk.report("--yes", file)
    assert (code, report["state"], report["compared"]["known_events"]) == (0, "nothing_new", 1)


def test_a_payment_whose_id_has_another_one_is_asked_about(desk: Desk) -> None:
    row = f"cash,pay-{desk.account}-7,2025-02-10T00:00:00Z,USD,1.5,interest,\n"
    desk.report("--yes", desk.file(MONEY + row))
    other = desk.file(MONEY + row.replace("1.5", "2.5"))
    code, report = desk.report("--yes", other)
    assert (code, report["compared"]["different"]) == (3, 1)
    assert report["compared"]["differences"][0]["fields"] == {"amount": {"yours": "2.5", "stored": "1.5"}}
    code, report = desk.report("--yes", "--different", "skip", other)
    assert (code, report["state"], len(_cash(desk))) == (0, "nothing_new", 1)


def test_money_is_known_whatever_strategy_it_is_given(desk: Desk) -> None:
    file = desk.file(MONEY + "cash,,2025-02-10T00:00:00Z,USD,-0.01,funding,BTC/USDT\n")
    desk.report("--yes", file)
    code, report = desk.report("--yes", "--strategy", "grid", file)
    assert (code, report["compared"]["new_events"], report["compared"]["different"]) == (3, 0, 1)
    assert len(_cash(desk)) == 1


def test_money_is_known_whether_the_default_account_is_named_or_not(desk: Desk) -> None:
    name, desk.account = desk.account, "default"
    given = f"cash,pay-{name},2025-02-10T00:00:00Z,USD,1.5,interest,\n"
    made = f"cash,,2025-02-10T00:00:00Z,USD,0.0{name.rpartition('-')[2]}1,interest,\n"
    named = desk.file(MONEY.replace("id", "id,account") + (given + made).replace(",2025", ",default,2025"), "named.csv")
    unnamed = desk.file(MONEY + given + made, "unnamed.csv")
    assert desk.report("--yes", named)[1]["result"]["events"] == 2
    for file in (unnamed, named):
        code, report = desk.report("--yes", file)
        assert (code, report["state"], report["compared"]["known_events"]) == (0, "nothing_new", 2)


def test_money_under_an_id_of_an_earlier_version_is_known(desk: Desk) -> None:
    said = {"ts": "2025-02-10T00:00:00Z", "currency": "USD", "amount": "-0.01", "reason": "funding"}
    said["account"] = desk.account
    earlier = row_id(row_digest(earlier_event_content("cash", said)))
    desk.client.post("/events", json={"kind": "cash", "id": earlier, **said}).raise_for_status()
    row = "cash,,2025-02-10T00:00:00Z,USD,-0.010,funding,\n"
    code, report = desk.report("--yes", desk.file(MONEY + row))
    assert (code, report["state"], report["compared"]["known_events"]) == (0, "nothing_new", 1)
    code, report = desk.report("--yes", desk.file(MONEY + row * 2))
    assert (code, report["compared"]["known_events"], report["result"]["events"]) == (0, 1, 1)


def test_history_that_begins_in_the_middle_gets_its_opening(desk: Desk) -> None:
    file = desk.file(HEADER + "2021-05-09T20:39:01Z,XMRUSDT,sell,0.022,473.74\n")
    _, report = desk.report("--dry-run", file)
    assert report["begins_in_the_middle"][0]["option"] == "--opening XMRUSDT=0.022@AVERAGE"
    code, report = desk.report("--yes", "--opening", "XMRUSDT=0.022@400", file)
    assert (code, report["result"]["events"]) == (0, 1)
    assert (report["positions"][0]["position"], report["positions"][0]["realized_pnl"]) == ("0", "1.62228")
    assert desk.imports("undo", report["import_id"])[0] == 0
    kinds = [event["target"] for event in desk.client.get("/events?kind=void&limit=1000").json()["events"][-2:]]
    assert len(kinds) == 2, "the opening and the import"


def test_times_with_and_without_decimals_are_compared_as_times(desk: Desk) -> None:
    file = desk.file(HEADER + "2021-05-09T20:39:01Z,XMRUSDT,sell,1,10\n2021-05-09T20:39:01.500Z,XMRUSDT,sell,1,11\n")
    _, report = desk.report("--dry-run", "--opening", "XMRUSDT=2@5", file)
    assert report["span"] == {"first": "2021-05-09T20:39:01Z", "last": "2021-05-09T20:39:01.500Z"}
    position = report["positions"][0]
    assert (position["position"], position["realized_pnl"]) == ("0", "11"), "the opening came after the first sale"


def test_several_files_are_several_imports(desk: Desk) -> None:
    one = desk.file(HEADER + "2025-02-10T14:30:00Z,BTC/USDT,buy,1,600\n", "one.csv")
    two = desk.file(HEADER + "2025-02-11T14:30:00Z,BTC/USDT,buy,1,600\n", "two.csv")
    code, text = desk.run("--yes", one, two)
    assert code == 0
    assert len({fill["import_id"] for fill in desk.stored(corrected=False)}) == 2
    assert text.count("imported: 1 fill taken") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "binanc-spot"], "is no preset"),
        (["--opening", "X"], "is not SYMBOL=QUANTITY@AVERAGE"),
        (["--contract-size", "X"], "is not SYMBOL=SIZE"),
        (["--contract-size", "X=0.0"], "is not SYMBOL=SIZE"),
        (["--timezone", "Mars/X"], "is not a time zone"),
        (["--currency", "$"], "must be 1 to 16 of A-Z 0-9"),
        (["--map", "/nowhere.yml"], "can't be read"),
        (["--from", "own-columns", "--map", "x"], "exclude each other"),
    ],
)
def test_arguments_that_can_t_be_used(desk: Desk, arguments: list[str], message: str) -> None:
    code, text = desk.run(desk.file(FIRST), *arguments)
    assert code == 2
    assert message in text


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("a,b,c", "--from PRESET or --map FILE (docs/importing.md)"),
        ("ts,symbol,side,qty,price,fees", "--map FILE (docs/mapping.md)"),
    ],
)
def test_a_question_without_choices_says_what_to_type(desk: Desk, header: str, answer: str) -> None:
    code, text = desk.run("--dry-run", desk.file(f"{header}\n2026-01-05T10:00:00Z,BTC/USDT,buy,1,100,1\n"))
    assert code == 3
    assert f"answer with: {answer}" in text


def test_a_file_that_is_not_there(desk: Desk) -> None:
    code, text = desk.run("/nowhere.csv")
    assert code == 2
    assert "can't be opened" in text


def test_a_dry_run_without_an_app_says_so(desk: Desk) -> None:
    code, text = desk.run("--dry-run", desk.file(FIRST), "--url", "http://127.0.0.1:9")
    assert (code, "no app answers" in text) == (0, True)


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 100, b"%PDF-1.7\n", b"a,b\n1,2\n", b"{", b"[1,2", b"<html>"])
def test_what_is_no_file_of_trades_gets_a_clear_word(desk: Desk, content: bytes) -> None:
    code, text = desk.run("--dry-run", desk.file(content))
    assert code in (1, 3)
    assert "refused: " in text or "question: " in text
    assert "Traceback" not in text

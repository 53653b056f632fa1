"""The field cases as files, through `trading-app import` and both apps: one choice at most makes the figures right."""

import json
import os
from fractions import Fraction
from typing import Any

import pytest

from tests.field_cases.conftest import DATA, Desk
from tests.ledger.keeper import expect
from tests.support.apps import Apps
from tests.support.programs import run_command

CLEAN = [
    "01-binance-spot-trade-history.csv",
    "03-coinbase-fills.csv",
    "05-ccxt-my-trades.json",
    "06-ccxt-bybit-funding-row.json",
    "07-bitvavo-newest-first.csv",
    "07b-newest-first-own-columns.csv",
    "09-same-trade-id-two-symbols.csv",
    "14-futures-point-value.csv",
    "17-mt5-report-lots.csv",
    "18-fee-in-base.csv",
    "22-decimal-comma.csv",
    "24-mac-line-ends.csv",
    "26-occ-symbols-and-text-marks.csv",
    "33-own-export-sent-back.ndjson",
    "40-spot-history-begins-in-the-middle.csv",
]
RIGHT: dict[str, dict[str, dict[str, Any]]] = {
    "03-coinbase-fills.csv": {
        "BAT-ETH": {
            "quantity": 2,
            "average": "0.0013",
            "realised": "0.00001511",
            "unrealised": "0.00003022",
            "net": "0.00001925445",
        }
    },
    "05-ccxt-my-trades.json": {
        "MANA/BTC": {"quantity": 100, "average": "0.00001185", "fees_outside": {"BNB": Fraction("0.00023406")}}
    },
    "07b-newest-first-own-columns.csv": {
        "ETH-EUR": {
            "quantity": "0.01071395",
            "average": Fraction("19.95901799") / Fraction("0.01071395"),
            "realised": "0.014065218",
            "unrealised": "-0.00107193",
            "fees_in_net": "0.115047228",
            "net": "-0.10205394",
        }
    },
    "09-same-trade-id-two-symbols.csv": {
        "BNBBTC": {"quantity": 12, "average": "4.000001"},
        "LTCBTC": {"quantity": 1, "average": "0.0185", "realised": "0.0005", "unrealised": "0.0005", "net": "0.001"},
    },
    "17-mt5-report-lots.csv": {
        "XAUUSDM": {"quantity": 0, "realised": "20.308", "net": "20.308"},
        "AUDUSDM": {"quantity": 0, "realised": "-2.5", "net": "-2.5"},
    },
    "24-mac-line-ends.csv": {"AAPL": {"quantity": 0, "realised": 10, "net": 10}},
    "33-own-export-sent-back.ndjson": {"0700.HK": {"quantity": 0, "realised": 1000, "net": 1000}},
}
"""By file and symbol, what a right product shows."""

CHOICES = {"17-mt5-report-lots.csv": ["--timezone", "Europe/Athens"]}

Report = dict[str, Any]


class Importer:
    """Imports files into a desk's account."""

    def __init__(self, apps: Apps, desk: Desk) -> None:
        self._apps = apps
        self.desk = desk

    def run(self, *arguments: str, files: tuple[str, ...] = (), code: int = 0) -> Report:
        """The report of the last file; AssertionError if the exit code is another one."""
        paths = [str(DATA / name) for name in files]
        command = ["import", "--json", "--account", self.desk.account, *arguments, *paths]
        run = run_command("trading-app", *command, environment={**os.environ, **self._apps.environment})
        assert run.returncode == code, run.stdout + run.stderr
        assert "Traceback" not in run.stderr
        report: Report = json.loads(run.stdout.splitlines()[-1])
        if report["result"] is not None:
            self.desk.expect_applied(report["result"]["last_seq"] or 0)
        return report


@pytest.fixture
def importer(apps: Apps, desk: Desk) -> Importer:
    return Importer(apps, desk)


@pytest.mark.long
@pytest.mark.parametrize("name", CLEAN, ids=lambda name: name[:3])  # part of an account, which is short
def test_a_file_is_taken_as_it_is_and_only_once(importer: Importer, name: str) -> None:
    choice = CHOICES.get(name, [])
    first = importer.run("--yes", *choice, files=(name,))
    assert (first["state"], first["errors"], first["questions"]) == ("taken", [], [])
    own = {(one["symbol"], one["position"], one["realized_pnl"]) for one in first["positions"]}
    shown = importer.desk.figures().positions
    found = {
        (key.symbol, one.quantity, one.realised) for key, one in shown.items() if key.account == importer.desk.account
    }
    if name != "33-own-export-sent-back.ndjson":  # it names its account, and the option another
        assert {(symbol, Fraction(held), Fraction(made)) for symbol, held, made in own} == found
    for symbol, figures in RIGHT.get(name, {}).items():
        expect(importer.desk.position(symbol), **figures)
    assert importer.run("--yes", *choice, files=(name,))["compared"]["new"] == 0


def test_01_spot_history(importer: Importer) -> None:
    report = importer.run("--yes", files=("01-binance-spot-trade-history.csv",))
    desk = importer.desk
    expect(desk.position("ADAUSDT"), quantity="17.07", average=Fraction("30.018017") / Fraction("17.07"))
    expect(desk.position("LTCUSDT"), quantity=0, realised="0.3215259")
    expect(desk.position("VETUSDT"), quantity="87.4", average="0.230245", unrealised="-0.093955")
    expect(desk.position("XMRUSDT"), quantity="-0.022", sold_more_than_known=True)
    assert report["begins_in_the_middle"][0]["option"] == "--opening XMRUSDT=0.022@AVERAGE"
    assert report["totals"][0]["fees_outside_net"] == {"BNB": "0.00009236"}


def test_05_ids_are_kept(importer: Importer) -> None:
    importer.run("--yes", files=("05-ccxt-my-trades.json",))
    (stored,) = importer.desk.journaled("MANA/BTC")
    assert (stored["trade_id"], stored["order_id"]) == ("1000001", "2000002")


def test_06_funding_is_cash(importer: Importer) -> None:
    report = importer.run("--yes", files=("06-ccxt-bybit-funding-row.json",))
    assert report["totals"][0]["net_pnl"] == "1.50401538"


def test_07_newest_row_first(importer: Importer) -> None:
    report = importer.run("--yes", files=("07-bitvavo-newest-first.csv",))
    assert (report["order"], report["rows"]["skipped"]) == ("newest_first", 1)
    expect(
        importer.desk.position("ETH-EUR"),
        quantity="0.01071395",
        realised="0.014065218",
        unrealised="-0.00107193",
        fees_in_net="0.115047228",
        net="-0.10205394",
    )


def test_11_mangled_ids_are_three_trades(importer: Importer) -> None:
    report = importer.run("--yes", files=("11-ids-mangled-by-excel.csv",))
    assert report["result"]["accepted"] == 3
    assert report["warnings"]
    expect(importer.desk.position("MNQM6"), quantity=0)


def test_13_two_exports_of_one_account_are_two_trades(importer: Importer) -> None:
    importer.run("--yes", files=("13a-first-export.csv", "13b-second-export.csv"))
    expect(importer.desk.position("SPY"), quantity=0, realised="47.301")
    assert len(importer.desk.journaled("SPY")) == 2


def test_14_points_of_a_future(importer: Importer) -> None:
    importer.run("--yes", files=("14-futures-point-value.csv",))
    expect(importer.desk.position("/NQM26"), quantity=0, realised=125)


def test_18_fee_in_the_base(importer: Importer) -> None:
    importer.run("--yes", files=("18-fee-in-base.csv",))
    expect(importer.desk.position("MDT/USDT"), quantity="0.0117", net="-0.036219647")


def test_21_split_by_one_event(importer: Importer) -> None:
    importer.run("--yes", files=("21-split.csv",))
    importer.desk.say("split", symbol="AAPL", n=4, d=1, ts="2020-08-31T00:00:00Z")
    expect(importer.desk.position("AAPL"), quantity=0, realised=240)


def test_22_decimal_comma(importer: Importer) -> None:
    importer.run("--yes", files=("22-decimal-comma.csv",))
    expect(importer.desk.position("WINZ26"), quantity=0, realised=100)
    expect(importer.desk.position("PETR4"), quantity=500, average="38.1", realised=250)


def test_26_options_with_rebates(importer: Importer) -> None:
    importer.run("--yes", files=("26-occ-symbols-and-text-marks.csv",))
    expect(importer.desk.position("AVAV260109C00320000"), quantity=0, realised=90, net="91.19842")


def test_31_currencies_are_never_added(importer: Importer) -> None:
    report = importer.run("--yes", "--currency", "USD", files=("31-two-currencies.csv",))
    assert {one["currency"]: one["net_pnl"] for one in report["totals"]} == {"HKD": "1000", "USD": "-10", "JPY": "3750"}
    expect(importer.desk.position("AAPL"), quantity=0, net=-10)


def test_35_fees_of_the_currency_that_was_named(importer: Importer) -> None:
    importer.run("--yes", "--currency", "USD", files=("35-fee-currency-not-in-symbol.csv",))
    expect(importer.desk.position("AAPL"), quantity=0, realised=100, net=98)
    expect(importer.desk.position("BTC-USDT-SWAP"), quantity=0, realised=100, net="39.95")


def test_32_a_date_as_a_number_is_asked_about(importer: Importer) -> None:
    report = importer.run("--dry-run", files=("32-date-as-number.csv",), code=3)
    assert report["questions"][0]["option"] == "--timezone"
    report = importer.run("--yes", "--timezone", "UTC", files=("32-date-as-number.csv",))
    assert report["span"]["first"] == "2024-05-06T09:30:00Z"


def test_40_an_opening_before_the_file(importer: Importer) -> None:
    report = importer.run(
        "--yes", "--opening", "XMRUSDT=0.022@400", files=("40-spot-history-begins-in-the-middle.csv",)
    )
    assert report["result"]["events"] == 1
    assert report["positions"][0]["realized_pnl"] == "1.62228"

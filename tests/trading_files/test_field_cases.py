"""Files as traders have them, with at most one choice by the user: the right figures to the last digit.

tests/field_cases/data/README.md has the sources. What the app adds (ids, duplicates, undo) is tested with the app.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from tests.ledger.keeper import expect
from tests.support.file_readings import readings_of
from tests.support.imported_ledger import Said, figures_of
from tests.support.ledger_figures import Figures, Position
from trading_files.interpret import Interpreter
from trading_files.mapping.load import load
from trading_files.readings import BadRow, Choices, FillRow, Question, Reading, SkippedRow
from trading_files.readings import Warning as Said_

DATA = Path(__file__).parent.parent / "field_cases" / "data"
OWN_COLUMNS = Path(__file__).parent / "presets" / "own-columns"


def read(name: str, **choices: Any) -> list[Reading]:
    """The readings of a case's file, none of which is an error or a question."""
    path = DATA / name if (DATA / name).exists() else OWN_COLUMNS / name
    readings = list(readings_of(path, Choices(**choices)))
    assert not [one for one in readings if isinstance(one, BadRow | Question)]
    return readings


def figures(name: str, *said: Said, **choices: Any) -> Figures:
    """The figures after a case's file, and after what the user says of instruments."""
    return figures_of(read(name, **choices), *said)


def position(found: Figures, symbol: str) -> Position:
    """The only position in a symbol."""
    (only,) = [one for key, one in found.positions.items() if key.symbol == symbol]
    return only


def test_01_binance_spot_with_fees_in_bnb() -> None:
    found = figures("01-binance-spot-trade-history.csv")
    expect(position(found, "ADAUSDT"), quantity="17.07", average=Fraction("30.018017") / Fraction("17.07"))
    expect(position(found, "XMRUSDT"), quantity="-0.022", sold_more_than_known=True)
    expect(position(found, "LTCUSDT"), quantity=0, realised="0.3215259")
    expect(position(found, "VETUSDT"), quantity="87.4", average="0.230245", unrealised="-0.093955")
    fees = [one.fees_outside["BNB"] for one in found.positions.values()]
    assert sum(fees) == Fraction("0.00009236")


def test_03_coinbase_fills() -> None:
    expect(
        position(figures("03-coinbase-fills.csv"), "BAT-ETH"),
        quantity=2,
        average="0.0013",
        realised="0.00001511",
        unrealised="0.00003022",
        net="0.00001925445",
    )


def test_05_ccxt_trade() -> None:
    readings = read("05-ccxt-my-trades.json")
    (fill,) = [one for one in readings if isinstance(one, FillRow)]
    assert (fill.members["trade_id"], fill.members["order_id"]) == ("1000001", "2000002")
    found = position(figures_of(readings), "MANA/BTC")
    expect(found, quantity=100, average="0.00001185", net=0)
    assert dict(found.fees_outside) == {"BNB": Fraction("0.00023406")}


def test_06_funding_is_cash() -> None:
    found = position(figures("06-ccxt-bybit-funding-row.json"), "LTC/USDT:USDT")
    expect(found, quantity=0, realised="1.6", fees_in_net="0.11088", income="0.01489538", net="1.50401538")


def check_bitvavo(found: Figures) -> None:
    """What case 07 holds, whichever file its rows come from."""
    cost = Fraction("0.0053543") * Fraction("1862.8") + Fraction("0.00535965") * 1863
    expect(
        position(found, "ETH-EUR"),
        quantity="0.01071395",
        average=cost / Fraction("0.01071395"),
        realised="0.014065218",
        unrealised="-0.00107193",
        fees_in_net="0.115047228",
        net=Fraction("-0.10205394"),
    )


def test_07_newest_first() -> None:
    readings = read("07-bitvavo-newest-first.csv")
    assert [one.place for one in readings if isinstance(one, SkippedRow)] == [3]
    check_bitvavo(figures_of(readings))
    check_bitvavo(figures("07b-newest-first-own-columns.csv"))


def test_09_one_trade_id_for_two_symbols() -> None:
    found = figures("09-same-trade-id-two-symbols.csv")
    expect(position(found, "BNBBTC"), quantity=12)
    expect(position(found, "LTCBTC"), quantity=1, realised="0.0005")


def test_11_ids_in_exponent_form_are_not_taken() -> None:
    readings = read("11-ids-mangled-by-excel.csv")
    assert [one.places for one in readings if isinstance(one, Said_)] == [(2, 3, 4)]
    assert not [one for one in readings if isinstance(one, FillRow) and "trade_id" in one.members]
    expect(position(figures_of(readings), "MNQM6"), quantity=0, realised=-25)


def test_13_two_writings_of_the_same_fills() -> None:
    usd = {"kind": "instrument", "symbol": "SPY", "currency": "USD"}
    for name in ("13a-first-export.csv", "13b-second-export.csv"):
        expect(position(figures(name, usd), "SPY"), quantity=0, realised="47.301", net="47.301")


def test_14_point_value_of_a_future() -> None:
    expect(position(figures("14-futures-point-value.csv"), "/NQM26"), quantity=0, realised=125, in_points=False)


def test_17_lots() -> None:
    found = figures("17-mt5-report-lots.csv", timezone="Europe/Athens")
    expect(position(found, "XAUUSDM"), quantity=0, realised="20.308")
    expect(position(found, "AUDUSDM"), quantity=0, realised="-2.5")


def test_18_fee_in_the_base() -> None:
    expect(position(figures("18-fee-in-base.csv"), "MDT/USDT"), quantity="0.0117", net="-0.036219647")


def test_21_split() -> None:
    usd = {"kind": "instrument", "symbol": "AAPL", "currency": "USD"}
    split = {"kind": "split", "symbol": "AAPL", "n": 4, "d": 1, "ts": "2020-08-31T00:00:00Z"}
    expect(position(figures("21-split.csv", usd, split), "AAPL"), quantity=0, realised=240)


def test_22_decimal_comma() -> None:
    found = figures("22-decimal-comma.csv")
    expect(position(found, "WINZ26"), quantity=0, realised=100)
    expect(position(found, "PETR4"), quantity=500, average="38.1", realised=250)


def test_26_listed_option() -> None:
    found = position(figures("26-occ-symbols-and-text-marks.csv"), "AVAV260109C00320000")
    expect(found, quantity=0, realised=90, fees_in_net="-1.19842", net="91.19842")


def test_31_currencies_are_never_added() -> None:
    usd = {"kind": "instrument", "symbol": "AAPL", "currency": "USD"}
    found = figures("31-two-currencies.csv", usd)
    assert {key.currency: one.realised for key, one in found.positions.items()} == {
        "HKD": 1000,
        "USD": -10,
        "JPY": 3750,
    }


def test_32_a_date_of_twelve_digits() -> None:
    readings = read("32-date-as-number.csv", timezone="UTC")
    times = [one.members["ts"] for one in readings if isinstance(one, FillRow)]
    assert times == ["2024-05-06T09:30:00Z", "2024-05-06T10:30:00Z"]


def test_24_line_ends_of_an_old_mac() -> None:
    usd = {"kind": "instrument", "symbol": "AAPL", "currency": "USD"}
    expect(position(figures("24-mac-line-ends.csv", usd), "AAPL"), quantity=0, realised=10)


def test_33_own_export() -> None:
    expect(position(figures("33-own-export-sent-back.ndjson"), "0700.HK"), quantity=0, realised=1000)


def test_35_fee_in_a_currency_that_the_symbol_does_not_name() -> None:
    usd = {"kind": "instrument", "symbol": "AAPL", "currency": "USD"}
    swap = {"kind": "instrument", "symbol": "BTC-USDT-SWAP", "multiplier": "1"}
    found = figures("35-fee-currency-not-in-symbol.csv", usd, swap)
    expect(position(found, "AAPL"), realised=100, net=98)
    expect(position(found, "BTC-USDT-SWAP"), realised=100, net="39.95")


def test_35_the_currency_is_chosen_for_what_names_none() -> None:
    found = figures("35-fee-currency-not-in-symbol.csv", currency="USD")
    expect(position(found, "AAPL"), realised=100, net=98)
    expect(position(found, "BTC-USDT-SWAP"), realised=100, net="39.95")


def test_40_history_that_begins_in_the_middle() -> None:
    found = figures("40-spot-history-begins-in-the-middle.csv")
    expect(position(found, "XMRUSDT"), quantity="-0.022", sold_more_than_known=True)


BOT = """
times: {zone: UTC}
fields:
  symbol: pair
  qty: amount
  venue: exchange
  multiplier: {value: "1", when: {pair: ["*:*"]}}
  position_side: {column: direction, when: {pair: ["*:*"]}}
  trade_id: {text: "{trade_id} {open_date} {type}", when: {sub_trade: {none_of: ["true"]}}}
rows:
  - when: {type: [entry_fill]}
    fill: {ts: open_date, side: {column: direction, words: {Long: buy, Short: sell}}, price: open_rate}
  - when: {type: [exit_fill]}
    fill: {ts: close_date, side: {column: direction, words: {Long: sell, Short: buy}}, price: close_rate}
  - skip: no fill
"""


def test_28_messages_of_a_bot_by_a_mapping() -> None:
    messages = msgspec.json.decode(
        (DATA / "28-freqtrade-webhook-messages.json").read_bytes(), type=list[dict[str, Any]]
    )
    interpreter = Interpreter(load(BOT, "bot.yml"))
    readings: list[Reading] = []
    for message in messages:
        flat = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in message.items()}
        readings += interpreter.read_message(flat)
    found = figures_of(readings)
    expect(position(found, "BONK/USD"), quantity=0, realised="0.245577189")
    expect(position(found, "UNFI/USDT:USDT"), quantity=0, realised="12.2830953828808785")
    expect(position(found, "BTC/USDT"), quantity="0.00045", average="43921.39", realised="-0.0093105")

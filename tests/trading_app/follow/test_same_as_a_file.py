"""What ccxt's parsers give is the same from here and from a file of it.

`data/unified.json` has what ccxt 4.5 made of responses in the form of the exchanges' documents (Binance spot, USD-M and
COIN-M, Kraken, Bybit): with its numbers as text, as the follower asks for them, and as floats, as it does by default.
"""

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trading_app.follow.reader import UnifiedReader
from trading_files.document import read_document
from trading_files.presets.shelf import headers, outlines
from trading_files.reading.read import read
from trading_files.readings import Choices, EventRow, FillRow

RECORDED = json.loads((Path(__file__).parent / "data/unified.json").read_text())
SIZES = {"BTC/USDT:USDT": "1", "BTC/USD:BTC": "100"}
TRADES = [name for name in RECORDED["text"] if name != "binance usdm funding"]


def reader() -> UnifiedReader:
    return UnifiedReader("binance", Choices(account="main"), lambda symbol: SIZES.get(symbol, ""))


def from_exchange(name: str) -> list[FillRow | EventRow]:
    return [row for trade in RECORDED["text"][name] for row in map(rows, reader().trade(trade)) if row]


def from_file(name: str) -> Iterator[FillRow | EventRow]:
    file = io.BytesIO(json.dumps(RECORDED["float"][name]).encode())
    choices = Choices(account="main", contract_sizes={"*": "100"} if name == "binance coinm" else {})
    for reading in read_document(read(file, "trades.json", headers=headers()), outlines(), choices):
        if row := rows(reading):
            yield row


def rows(reading: Any) -> FillRow | EventRow | None:
    return reading if isinstance(reading, FillRow | EventRow) else None


def by_value(row: FillRow | EventRow) -> dict[str, object]:
    numbers = {"price", "qty", "fee", "multiplier", "amount"}
    return {name: Decimal(text) if name in numbers else text for name, text in row.members.items()}


@pytest.mark.parametrize("name", TRADES)
def test_a_trade_is_the_same_from_the_exchange_and_from_a_file(name: str) -> None:
    followed, read_back = from_exchange(name), list(from_file(name))
    assert len(followed) == len(read_back) > 0
    assert [by_value(row) for row in followed] == [by_value(row) for row in read_back]
    assert all(row.members.get("trade_id") or row.members.get("id") for row in followed if isinstance(row, FillRow))


def test_the_exchanges_digits_stay() -> None:
    assert from_exchange("binance spot")[0].members["price"] == "60000.00000100"
    assert from_exchange("kraken")[0].members["fee"] == "0.96000"


def test_fees_and_ids_are_those_of_the_response() -> None:
    for name in TRADES:
        for trade, row in zip(RECORDED["text"][name], from_exchange(name), strict=False):
            if isinstance(row, FillRow):
                assert row.members["fee"] == trade["fee"]["cost"]
                assert row.members["trade_id"] == trade["id"]
                assert row.members["order_id"] == trade["order"]


def test_an_inverse_contract_says_what_it_is() -> None:
    fill, instrument = from_exchange("binance coinm")
    assert isinstance(instrument, EventRow)
    assert (instrument.kind, instrument.members["settlement"], instrument.members["multiplier"]) == (
        "instrument",
        "inverse",
        "100",
    )
    assert (fill.members["qty"], fill.members["symbol"]) == ("1", "BTC/USD:BTC")


def test_funding_has_the_sign_of_what_was_received() -> None:
    signs = {}
    for payment in RECORDED["text"]["binance usdm funding"]:
        (row,) = reader().funding(payment)
        assert isinstance(row, EventRow)
        signs[payment["info"]["income"]] = row.members["amount"]
    assert all(Decimal(amount) == Decimal(income) for income, amount in signs.items())
    for row in from_exchange("bybit funding"):
        assert isinstance(row, EventRow)
        trade = next(each for each in RECORDED["text"]["bybit funding"] if row.members["id"].endswith(f":{each['id']}"))
        assert Decimal(row.members["amount"]) == -Decimal(trade["info"]["execFee"])

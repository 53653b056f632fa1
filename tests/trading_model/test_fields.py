"""A trade's fields are declared once. Whatever else names them is held against the table here."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telemetry_stream.wire import number
from trading_app.history.trades import TradeRow as FoundTrade
from trading_app.intake import decode
from trading_app.intake.decode_batch import TradeRow, WideTradeRow
from trading_app.intake.event import TradeIds
from trading_app.query import csv_table, parquet_table
from trading_model.accounting.fills import Fill
from trading_model.fields import BY_NAME, FIELDS, NAMES, REQUIRED, SENT, form_schema, request_schema, stored_schema
from trading_model.trade import FillContent, Trade

ROOT = Path(__file__).resolve().parents[2]
NOW_NS = 1_790_000_000 * 10**9
COMPLETE: dict[str, Any] = {
    "symbol": "xrp/eth",
    "price": "0.5",
    "qty": "2",
    "side": "BUY",
    "trade_id": "t-1",
    "account": "a",
    "strategy": "s",
    "venue": "kraken",
    "order_id": "o-1",
    "fee": "-0.1",
    "fee_currency": "bnb",
    "currency": "usdt",
    "position_side": "LONG",
    "multiplier": "100",
    "tags": ["breakout", "news"],
    "ts": "2026-01-31T12:00:00Z",
}
JOURNALED = {
    **COMPLETE,
    "symbol": "XRP/ETH",
    "side": "buy",
    "fee_currency": "BNB",
    "currency": "USDT",
    "position_side": "long",
}


def fields_of(struct: type[msgspec.Struct]) -> dict[str, bool]:
    """Its fields, and whether each has to be given."""
    return {each.name: each.required for each in msgspec.structs.fields(struct) if each.name not in ("seq", "kind")}


def documented(document: str, heading: str) -> set[str]:
    """The names in the first column of the table with that first heading."""
    table = (ROOT / "docs" / document).read_text().partition(f"| {heading} |")[2].partition("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_a_request_has_these_fields() -> None:
    assert fields_of(decode.TradeRequest) == {each.name: each.required for each in SENT}


def test_a_row_of_a_batch_is_journaled_as_a_trade_is() -> None:
    journaled = [name for name in fields_of(Trade) if BY_NAME[name].sent]
    assert list(fields_of(WideTradeRow)) == journaled
    assert list(fields_of(TradeRow)) == journaled[: len(fields_of(TradeRow))]
    assert fields_of(WideTradeRow) == {each.name: each.required for each in SENT}


def test_a_fill_that_another_event_names_has_the_fields_of_a_trade() -> None:
    assert fields_of(FillContent) == fields_of(Trade)


def test_a_trade_has_these_fields_and_always_those_that_are_always_journaled() -> None:
    assert fields_of(Trade) == {each.name: each.always for each in FIELDS}


def test_the_accounting_reads_fields_that_there_are() -> None:
    assert fields_of(Fill).keys() <= BY_NAME.keys()


@pytest.mark.parametrize("given", [COMPLETE, {name: COMPLETE[name] for name in (*REQUIRED, "trade_id", "ts")}])
def test_each_way_of_reading_journals_every_field(given: dict[str, Any]) -> None:
    body = msgspec.json.encode(given)
    single = decode.read_trade(body, NOW_NS, TradeIds()).payload
    (batched,) = decode.read_trades(b"[%b]" % body, False, NOW_NS, TradeIds(), 10)
    assert single == batched.payload
    written: dict[str, Any] = msgspec.json.decode(single)
    defaults = {each.name: each.default for each in FIELDS if each.default is not None and each.name not in given}
    assert written == defaults | {name: JOURNALED[name] for name in given}
    msgspec.json.decode(number(single, 1), type=Trade)


@pytest.mark.parametrize("name", NAMES)
def test_a_field_error_points_to_the_field(name: str) -> None:
    (problem,) = decode.explain(msgspec.json.encode({**COMPLETE, name: {"no": "such value"}}), NOW_NS)
    assert problem.pointer == f"#/{name}"


def test_the_schemas_have_these_fields() -> None:
    assert request_schema()["properties"].keys() == form_schema()["properties"].keys() == set(NAMES)
    assert stored_schema()["properties"].keys() == {"seq", *BY_NAME}


def test_the_documents_have_these_fields() -> None:
    assert documented("api.md", "field") == set(NAMES)
    tables = (ROOT / "docs" / "wire-contract.md").read_text().split("An event is a trade with its sequence")[1]
    rows = tables.partition("| member |")[2].partition("\n\n")[0].splitlines()[2:]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])} == {"seq", *BY_NAME}


def test_exports_have_these_fields() -> None:
    assert sorted(csv_table.SENT_COLUMNS) == sorted(NAMES)
    assert {"ts", "tags", *parquet_table.TEXTS, *parquet_table.AMOUNTS} == set(NAMES)


def test_the_history_has_these_fields() -> None:
    assert set(BY_NAME) <= fields_of(FoundTrade).keys()


def test_the_form_has_fields_that_there_are_and_every_required_one() -> None:
    page = (ROOT / "trading-app/src/trading_app/templates/index.html").read_text()
    asked = set(re.findall(r'{{ field\("(\w+)"', page)) | set(re.findall(r'<select id="\w+" name="(\w+)"', page))
    assert set(REQUIRED) <= asked <= set(NAMES)

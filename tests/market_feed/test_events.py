"""The events of the market stream: to the byte, and as the JSON Schema has them."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from market_feed.decisions.event import COUNTED, Writer
from market_feed.market import Candle, Gap, GapFilled, Instrument, InstrumentStatus, Quote, Trade
from market_feed.schedule.calendar import Interval
from telemetry_stream.events import Event, Label
from telemetry_stream.wire import number

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = jsonschema_rs.validator_for(json.loads((ROOT / "docs/market-data.schema.json").read_text()))
WRITER = Writer(Instrument("binance", "BTC-USDT", "BTCUSDT"), "binance:BTCUSDT:a", count(41))
TRADE = Trade(
    "BTCUSDT", 3150099001, "61837.63000000", "0.02000000", "sell", "2024-08-08T23:54:15.342000Z", 1723161255342000,
    "2024-08-08T23:54:15.343000Z", 3735683259, 3735683260, received_at_ns=1723161254087896568,
)  # fmt: skip
LATE = Trade("BTCUSDT", 5, "1", "2", "unknown", "2024-08-08T23:54:15Z", 0, origin="backfill", late=True)
CANDLE = Candle("BTCUSDT", "1m", 9, "2024-08-08T23:54:00.000Z", 0, "1", "3", "0.5", "2", "10", 9)
EVENTS = {
    "trade": WRITER.trade(TRADE),
    "late": WRITER.trade(LATE),
    "quote": WRITER.quote(Quote("BTCUSDT", 50, "1.0", "2", "1.1", "3"), 7),
    "candle": WRITER.candle(CANDLE, 7),
    "status": WRITER.status(InstrumentStatus("BTCUSDT", "halted", "BREAK"), 7),
    "gap": WRITER.gap(Gap(5, 9, "no_answer"), 7),
    "session": WRITER.session("open", Interval(1_795_766_400_000_000, 1_795_770_000_000_000, "morning")),
    "gap_filled": WRITER.gap_filled(GapFilled(5, 9), 7),
}


def document(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(number(event.payload, 7))
    return found


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_an_event_is_as_the_schema_has_it(event: Event) -> None:
    SCHEMA.validate(document(event))


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_the_schema_needs_every_member_but_those_that_are_optional(event: Event) -> None:
    optional = {"event_ts", "late", "first_trade_id", "last_trade_id"}
    for member in document(event).keys() - optional:
        assert not SCHEMA.is_valid({name: value for name, value in document(event).items() if name != member})


def test_the_document_shows_a_trade_to_the_byte() -> None:
    text = (ROOT / "docs/market-data.md").read_text()
    assert number(EVENTS["trade"].payload, 7).decode() in text


def test_every_member_and_kind_is_documented() -> None:
    text = (ROOT / "docs/market-data.md").read_text()
    for event in EVENTS.values():
        found = document(event)
        assert f"`{found['kind']}`" in text
        assert [name for name in found if name not in ("seq", "kind") and f"`{name}`" not in text] == []


def test_keys_are_the_venues_ids_or_are_counted() -> None:
    assert EVENTS["trade"].key == "binance:BTCUSDT:a#3150099001"
    assert EVENTS["candle"].key == "binance:BTCUSDT:a:candle:1m#9"
    assert EVENTS["session"].key == "binance:BTCUSDT:a:session#3591532801"
    counted = ("quote", "status", "gap", "gap_filled")
    assert [EVENTS[kind].key for kind in counted] == [f"{COUNTED}#{number}" for number in (41, 42, 43, 44)]


@pytest.mark.parametrize("kind", ["gap", "status"])
def test_what_is_looked_for_after_a_restart_is_listed_by_its_market(kind: str) -> None:
    assert EVENTS[kind].label == Label(kind, "binance:BTCUSDT:a")

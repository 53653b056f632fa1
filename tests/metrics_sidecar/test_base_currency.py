"""Totals in the base currency equal those of the oracle, which shares no code, over random ledgers of all kinds."""

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from metrics_sidecar.environment import read_settings
from metrics_sidecar.exposition.base_currency import base_families
from metrics_sidecar.exposition.state_document import render_state, sum_by_currency
from metrics_sidecar.snapshot import Snapshot, decode_body, encode
from service_kit.metrics.text import render_family
from service_kit.settings import Environment, SettingError
from telemetry_stream.events import Batch, StreamPosition
from tests.support.ledger_builder import Event, LedgerBuilder
from tests.support.ledger_oracle import FLOWS, ZERO, Ledger, nanoseconds
from tests.support.random_ledger import random_ledger
from tests.workspace.checkout import ROOT
from trading_model.accounting.state import TradingState

STREAM = "a-stream"
NOW = "2035-01-01T00:00:00Z"


def state_of(events: Sequence[Event], base: str, size: int = 7) -> TradingState:
    """The fold of these events, in batches of `size`."""
    state = TradingState(10_000, STREAM, base)
    apply(state, events, size)
    return state


def apply(state: TradingState, events: Sequence[Event], size: int = 7) -> None:
    """Apply events in batches."""
    for start in range(0, len(events), size):
        some = events[start : start + size]
        text = b",".join(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for event in some)
        state.apply(Batch(STREAM, some[0]["seq"], some[-1]["seq"], text))


def shown(state: TradingState) -> dict[str, Any]:
    """The member `base_currency` of GET /state."""
    document = msgspec.json.decode(b"".join(render_state({}, state.freeze(), state.rates, NOW)))
    base: dict[str, Any] = document["base_currency"]
    return base


def expected_net(events: Sequence[Event], base: str, *, dated: bool) -> Fraction:
    """Rule 21, from the oracle's books: what is in points, or without a rate at its time, is left out."""
    ledger, now = Ledger(list(events)), nanoseconds(NOW)
    parts = []
    for key, book in ledger.books.items():
        if book.in_points or not key.currency:
            continue
        settled = [(moment.time, moment.realised - moment.fees) for moment in book.history]
        for (_, before), (time, after) in zip([(0, ZERO), *settled], settled, strict=False):
            parts.append((key.currency, after - before, time))
        parts.append((key.currency, book.unrealised or ZERO, now))
    for _, cash in ledger.of_kind("cash"):
        if cash["reason"] not in FLOWS:
            parts.append((cash["currency"], Fraction(cash["amount"]), nanoseconds(cash["ts"])))
    for _, move in ledger.of_kind("move"):
        sink = move.get("to")
        if move["reason"] == "reward" and sink is not None and "from" not in move and "price" in move:
            key = ledger._key(sink)
            book = ledger.books[key]
            if key.currency and not book.in_points:
                worth = book.terms.worth(Fraction(sink["quantity"]), Fraction(move["price"]), book.multiplier)
                parts.append((key.currency, worth, nanoseconds(move["ts"])))
    total = ZERO
    for currency, amount, time in parts:
        at = time if dated else now
        rate = Fraction(1) if currency == base else ledger.rates.at(currency, base, at)
        total += amount * (rate or ZERO)
    return total


@pytest.mark.long
@pytest.mark.parametrize("base", ["USD", "USDT", "BTC", "HKD"])
@pytest.mark.parametrize("seed", range(3))
def test_both_totals_are_those_of_the_oracle(seed: int, base: str) -> None:
    """Late events, corrections, rates that come late and are taken back."""
    events = random_ledger(seed, 250)
    state = state_of(events, base)
    assert not state.restatement.is_recomputing
    totals = shown(state)
    for view in ("dated", "at_current_rates"):
        difference = Fraction(totals[view]["net_pnl"]) - expected_net(events, base, dated=view == "dated")
        assert abs(difference) < Fraction(1, 10**25), view


def test_a_snapshot_keeps_the_dated_sums() -> None:
    """What is applied after it gives the same as without it."""
    events = random_ledger(5, 300)
    state = state_of(events, "USD")
    text = b"".join(encode(Snapshot(StreamPosition(STREAM, state.applied, "x"), state.freeze())))
    restored = TradingState.restored(decode_body(text).moment)
    assert shown(restored) == shown(state)
    more = LedgerBuilder()
    more.events = [dict(event) for event in events]
    more.fill(symbol="AAPL", price="250", qty="3", side="sell", ts="2034-12-31T00:00:00Z")
    apply(state, more.events[len(events) :])
    apply(restored, more.events[len(events) :])
    assert shown(restored) == shown(state)


def rule_21() -> LedgerBuilder:
    """100 USD realised at 0.90, 50 at 0.95; a fee in BNB; cash; a symbol of unknown currency."""
    ledger = LedgerBuilder()
    aapl = {"symbol": "AAPL", "currency": "USD"}
    ledger.say("rate", base="USD", quote="EUR", rate="0.90", ts="2026-03-02T00:00:00Z")
    ledger.fill(**aapl, side="buy", qty="2", price="100", ts="2026-03-02T01:00:00Z", fee="0.18", fee_currency="BNB")
    ledger.fill(**aapl, side="sell", qty="1", price="200", ts="2026-03-02T02:00:00Z")
    ledger.fill(**aapl, side="sell", qty="1", price="150", ts="2026-03-03T02:00:00Z")
    ledger.say("cash", amount="-3", currency="USDT", reason="funding", ts="2026-03-03T02:00:00Z", account="default")
    ledger.fill(symbol="MYSTERY", side="buy", qty="1", price="10", ts="2026-03-03T02:00:00Z")
    ledger.fill(symbol="MYSTERY", side="sell", qty="1", price="11", ts="2026-03-03T03:00:00Z")
    ledger.say("rate", base="USD", quote="EUR", rate="0.95", ts="2026-03-03T00:00:00Z")  # late
    return ledger


def test_rule_21_through_the_fold() -> None:
    """137.5 EUR dated, 142.5 at current rates; what is missing is named."""
    state = state_of(rule_21().events, "EUR", size=1)
    totals = shown(state)
    missing = [
        {"part": "cash", "currency": "USDT", "amount": "-3"},
        {"part": "fees", "currency": "BNB", "amount": "0.18"},
        {"part": "realized_pnl", "currency": None, "amount": None},
    ]
    assert totals["currency"] == "EUR"
    for view, net in (("dated", "137.5"), ("at_current_rates", "142.5")):
        assert totals[view]["net_pnl"] == net
        assert totals[view]["rounded"] is False
        assert sorted(totals[view]["missing"], key=str) == sorted(missing, key=str)


def test_a_partial_close_without_end_is_marked_and_shown_with_34_decimals() -> None:
    """Of 1 at 10 and 2 at 20, 1 is sold at 30: 40 / 3 USD, at a rate of 0.9; the rest later, at another one."""
    ledger = LedgerBuilder()
    ledger.say("rate", base="USD", quote="EUR", rate="0.9", ts="2026-03-02T00:00:00Z")
    ledger.say("rate", base="USD", quote="EUR", rate="0.8", ts="2026-03-03T00:00:00Z")
    for day, side, qty, price in (
        (2, "buy", "1", "10"),
        (2, "buy", "2", "20"),
        (2, "sell", "1", "30"),
        (3, "sell", "2", "30"),
    ):
        ledger.fill(symbol="AAPL", currency="USD", side=side, qty=qty, price=price, ts=f"2026-03-0{day}T01:00:00Z")
        total = shown(state_of(ledger.events, "EUR"))["dated"]
        assert total["rounded"] == (side == "sell")
        assert len(total["net_pnl"].partition(".")[2]) <= 34
    assert abs(
        Fraction(total["net_pnl"]) - Fraction(40, 3) * Fraction(9, 10) - Fraction(80, 3) * Fraction(8, 10)
    ) < Fraction(1, 10**33)


def test_the_metrics_show_the_same() -> None:
    """Both views and what is missing."""
    state = state_of(rule_21().events, "EUR")
    summing = sum_by_currency(state.freeze())
    try:
        while True:
            next(summing)
    except StopIteration as done:
        sums = done.value
    text = "".join(render_family(family, False) for family in base_families(sums.base_totals(state.rates, NOW)))
    assert 'trading_base_currency_pnl{currency="EUR",view="dated",part="net_pnl"} 137.5' in text
    assert 'trading_base_currency_pnl{currency="EUR",view="at_current_rates",part="net_pnl"} 142.5' in text
    assert 'trading_base_currency_missing{view="dated",part="cash",currency="USDT"} -3' in text
    assert 'trading_base_currency_missing{view="dated",part="realized_pnl",currency=""} NaN' in text


def test_without_a_base_currency_there_is_nothing_of_it() -> None:
    """No member, no sums in the state."""
    state = state_of(rule_21().events, "")
    moment = state.freeze()
    assert b"base_currency" not in b"".join(render_state({}, moment, state.rates, NOW))
    assert all(held.state.dated is None for held in moment.positions)


def test_the_setting() -> None:
    """A currency's code in either case; anything else is refused by name."""
    assert read_settings(Environment({"BASE_CURRENCY": "xbt"}, ROOT)).base_currency == "BTC"
    assert read_settings(Environment({}, ROOT)).base_currency == ""
    with pytest.raises(SettingError, match="BASE_CURRENCY='E€'"):
        read_settings(Environment({"BASE_CURRENCY": "E€"}, ROOT))

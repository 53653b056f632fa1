"""Corrections through the API are in the sidecar's figures, as if it had always been so. Both apps as processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import Apps, running_apps
from tests.support.http import HTTP

TRADE = {"symbol": "BTC/USDT", "qty": "1", "side": "buy", "account": "a"}


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    with running_apps(tmp_path) as started:
        yield started


def post(apps: Apps, path: str, body: Any) -> int:
    """Send something that is taken; its last sequence."""
    answer = HTTP.post(f"{apps.web_url}{path}", json=body, timeout=60)
    assert answer.status_code == 201, answer.text
    said: dict[str, int] = answer.json()
    return said.get("seq") or said["last_seq"]


def figures(apps: Apps, sequence: int) -> dict[tuple[str, str], tuple[str, str, str, str]]:
    """Position, average, realised and net P&L by account and symbol, once that sequence is applied."""
    apps.wait_until_applied(sequence)
    rows = apps.state()["positions"]
    names = ("position", "average_entry_price", "realized_pnl", "net_pnl")
    return {(row["account"], row["symbol"]): tuple(row[name] for name in names) for row in rows}


def test_what_is_sent_to_correct_is_in_the_figures(apps: Apps) -> None:
    here = ("a", "BTC/USDT")
    first = post(apps, "/trade", {**TRADE, "price": "100"})
    second = post(apps, "/trade", {**TRADE, "price": "110"})
    sold = post(apps, "/trade", {**TRADE, "price": "130", "side": "sell"})
    before = {here: ("1", "105", "25", "50")}
    assert figures(apps, sold) == before
    void = post(apps, "/events", {"kind": "void", "target": second})
    assert figures(apps, void) == {here: ("0", "0", "30", "30")}
    restored = post(apps, "/events", {"kind": "void", "target": void})
    assert figures(apps, restored) == before
    replaced = post(apps, "/events", {"kind": "replace", "target": first, "price": "90"})
    assert figures(apps, replaced) == {here: ("1", "100", "30", "60")}
    half = {"symbol": "BTC/USDT", "quantity": "0.5"}
    sides = {"from": {**half, "account": "a"}, "to": {**half, "account": "b"}}
    moved = post(apps, "/events", {"kind": "move", "reason": "transfer", **sides})
    both = {here: ("0.5", "100", "30", "45"), ("b", "BTC/USDT"): ("0.5", "100", "0", "15")}
    assert figures(apps, moved) == both
    shares = [
        {"kind": "opening", "symbol": "AAPL", "quantity": "10", "average": "30", "account": "b", "currency": "USD"},
        {"kind": "split", "symbol": "AAPL", "n": 4, "d": 1},
        {"kind": "price", "symbol": "AAPL", "price": "9"},
        {"kind": "note", "target": first, "text": "checked"},
    ]
    assert figures(apps, post(apps, "/events", shares)) == {**both, ("b", "AAPL"): ("40", "7.5", "0", "60")}
    contract = {"kind": "instrument", "symbol": "BTC/USDT", "multiplier": "10"}
    scaled = figures(apps, post(apps, "/events", contract))
    assert (scaled[here], scaled["b", "BTC/USDT"]) == (("0.5", "100", "300", "450"), ("0.5", "100", "0", "150"))
    assert apps.state()["incomplete_since"] is None


def test_corrections_survive_a_kill_of_both(apps: Apps) -> None:
    sequences = [post(apps, "/trade", {**TRADE, "price": str(100 + number)}) for number in range(4)]
    post(apps, "/events", {"kind": "void", "target": sequences[0]})
    last = post(apps, "/events", {"kind": "replace", "target": sequences[1], "price": "200"})
    known = figures(apps, last)
    assert known == {("a", "BTC/USDT"): ("3", "135", "0", "-96")}
    for name in ("metrics-sidecar", "trading-app"):
        apps.kill(name)
    apps.start_both()
    assert figures(apps, last) == known
    again = {"kind": "void", "target": sequences[0]}
    answer = HTTP.post(f"{apps.web_url}/events", json=again, timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (200, "duplicate")
    assert figures(apps, last) == known

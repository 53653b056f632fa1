"""Corrections through the real programs: voids, replaces and late fills, in memory and from the store of fills."""

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.apps import Apps, running_apps
from tests.support.polling import eventually
from trading_model.accounting.window import MAX_EVENTS

SEED = 7
Fill = dict[str, Any]


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    """Both apps, ready."""
    with running_apps(tmp_path) as started:
        yield started


def make_fills(count: int, symbol: str, first_second: int = 0) -> list[Fill]:
    """Fills of one key, a second apart."""
    chance = random.Random(SEED)
    return [
        {
            "trade_id": f"{symbol}-{first_second + index}",
            "symbol": symbol,
            "side": chance.choice(("buy", "sell")),
            "price": str(chance.randint(1, 10_000)),
            "qty": str(chance.randint(1, 100)),
            "ts": 1_700_000_000_000 + (first_second + index) * 1_000,
        }
        for index in range(count)
    ]


def expected(fills: list[Fill]) -> tuple[Fraction, Fraction]:
    """Position and realised P&L at average cost, in the order of time."""
    quantity, cost, realised = Fraction(0), Fraction(0), Fraction(0)
    for fill in sorted(fills, key=lambda one: one["ts"]):
        signed = Fraction(fill["qty"]) * (1 if fill["side"] == "buy" else -1)
        price = Fraction(fill["price"])
        if quantity * signed < 0:
            closed = min(abs(quantity), abs(signed)) * (1 if signed > 0 else -1)
            realised -= closed * price - closed * cost / quantity
            cost += closed * cost / quantity
            quantity, signed = quantity + closed, signed - closed
        quantity, cost = quantity + signed, cost + signed * price
    return quantity, realised


def post(apps: Apps, path: str, body: object) -> dict[str, Any]:
    """Post JSON, which has to be accepted."""
    answer = httpx.post(f"{apps.web_url}{path}", json=body, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    given: dict[str, Any] = answer.json()
    return given


def position(apps: Apps, symbol: str) -> dict[str, Any]:
    """The position of a symbol as /state shows it."""
    [held] = [one for one in apps.state()["positions"] if one["symbol"] == symbol]
    found: dict[str, Any] = held
    return found


def shows(apps: Apps, symbol: str, fills: list[Fill]) -> bool:
    """Whether the position is that of these fills, to 30 decimals, and marked as complete."""
    held = position(apps, symbol)
    quantity, realised = expected(fills)
    return (
        "recomputing" not in held["flags"]
        and Fraction(held["position"]) == quantity
        and abs(Fraction(held["realized_pnl"]) - realised) < Fraction(1, 10**30)
    )


def send_batches(apps: Apps, fills: list[Fill]) -> None:
    """Post fills in batches of a thousand, and wait until they are applied."""
    for start in range(0, len(fills), 1_000):
        last = post(apps, "/trades", fills[start : start + 1_000])
    apps.wait_until_applied(last["last_seq"])


def test_a_late_fill_and_a_void_among_the_last_fills_are_worked_in_at_once(apps: Apps) -> None:
    fills = make_fills(10, "RACE/USD")
    late = fills.pop(4)
    for fill in fills:
        post(apps, "/trade", fill)
    seq = post(apps, "/trade", late)["seq"]
    apps.wait_until_applied(seq)
    assert shows(apps, "RACE/USD", [*fills, late])
    assert apps.state()["totals"]["late"] == 1
    void = post(apps, "/events", {"kind": "void", "target": seq, "reason": "fat finger"})
    apps.wait_until_applied(void["seq"])
    assert shows(apps, "RACE/USD", fills)
    assert position(apps, "RACE/USD")["trades"] == {
        "buy": sum(one["side"] == "buy" for one in [*fills, late]),
        "sell": sum(one["side"] == "sell" for one in [*fills, late]),
    }


def test_what_is_older_than_the_memory_is_recomputed_from_the_store(apps: Apps) -> None:
    old, late = make_fills(300, "OLD/USD", 10), make_fills(5, "OLD/USD")
    send_batches(apps, old)
    send_batches(apps, make_fills(MAX_EVENTS + 1_000, "BUSY/USD"))
    seq = post(apps, "/events", {"kind": "void", "target": 1, "reason": "never happened"})["seq"]
    apps.wait_until_applied(seq)
    assert eventually(lambda: shows(apps, "OLD/USD", old[1:]))
    send_batches(apps, late)
    assert eventually(lambda: shows(apps, "OLD/USD", [*late, *old[1:]]))
    seq = post(apps, "/events", {"kind": "replace", "target": 2, "qty": "77"})["seq"]
    apps.wait_until_applied(seq)
    corrected = [*late, {**old[1], "qty": "77"}, *old[2:]]
    assert eventually(lambda: shows(apps, "OLD/USD", corrected))
    apps.kill("metrics-sidecar")
    apps.start("metrics-sidecar")
    apps.wait_until_ready()
    assert eventually(lambda: shows(apps, "OLD/USD", corrected))

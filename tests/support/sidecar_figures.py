"""A ledger's figures as the sidecar shows them: `/state` for positions, `/metrics` for the counters."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from metrics_sidecar.exposition.state_document import render_state
from metrics_sidecar.exposition.text import Exposition
from tests.support.apps import Apps
from tests.support.ledger_figures import CashKey, Count, CounterKey, Figures, Position, PositionKey, Total
from trading_model.accounting.state import TradingState

SAME_CURRENCY = {"XBT": "BTC", "quote": ""}


def figures_of_apps(apps: Apps) -> Figures:
    """Of the sidecar as a process. AssertionError where its two documents disagree."""
    return _figures(apps.state(), apps.samples())


def figures_of_fold(state: TradingState) -> Figures:
    """Of its fold in this process."""
    moment = state.freeze()
    document = json.loads(b"".join(render_state({"applied": moment.applied}, moment, state.rates, "")))
    text = b"".join(Exposition().render(moment, [], openmetrics=False)).decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    samples = dict(lines)
    assert len(samples) == len(lines), "a series is there twice"
    return _figures(document, samples)


def _figures(document: Mapping[str, Any], samples: Mapping[str, str]) -> Figures:
    for shown in document["positions"]:
        _assert_same(shown, samples)
    return Figures(
        {_key(shown): _position(shown) for shown in document["positions"]},
        _counters(samples, "trading_{}_total", ""),
        _counters(samples, "trading_corrected_{}_total", "removed"),
        _counters(samples, "trading_corrected_{}_total", "added"),
        {_cash_key(cash): Fraction(cash["amount"]) for cash in document["cash"]},
        {currency: _total(sums) for currency, sums in document["by_currency"].items() if currency != "unknown"},
        {symbol: Fraction(mark["last_price"]) for symbol, mark in document["symbols"].items()},
        document["applied"],
    )


def _key(shown: Mapping[str, Any]) -> PositionKey:
    return PositionKey(
        shown["account"], shown["strategy"], shown["symbol"], shown.get("position_side", ""), shown["currency"] or ""
    )


def _position(shown: Mapping[str, Any]) -> Position:
    flags = set(shown["flags"])
    return Position(
        Fraction(shown["position"]),
        Fraction(shown["average_entry_price"]) if Fraction(shown["position"]) else None,
        Fraction(shown["realized_pnl"]),
        _number(shown["unrealized_pnl"]),
        _number(shown["net_pnl"]),
        Fraction(shown["fees_in_net"]),
        _by_currency(shown["fees"]),
        _by_currency(shown["fees_outside_net"]),
        Fraction(shown["cash"]),
        "sold_more_than_known" in flags,
        "closed_more_than_held" in flags,
        "in_points" in flags,
    )


def _number(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _by_currency(amounts: Mapping[str, str]) -> dict[str, Fraction]:
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for label, amount in amounts.items():
        sums[SAME_CURRENCY.get(label, label)] += Fraction(amount)
    return sums


def _cash_key(cash: Mapping[str, str]) -> CashKey:
    names = ("account", "strategy", "symbol", "position_side", "currency", "reason")
    account, strategy, symbol, side, currency, reason = (cash.get(name, "") for name in names)
    return CashKey(account, strategy, symbol, side, currency, reason)


def _total(sums: Mapping[str, Any]) -> Total:
    return Total(
        Fraction(sums["realized_pnl"]),
        _number(sums["unrealized_pnl"]),
        Fraction(sums["fees"]),
        Fraction(sums["cash"]),
        _number(sums["net_pnl"]),
    )


def _counters(samples: Mapping[str, str], name: str, change: str) -> dict[CounterKey, Count]:
    counts: dict[CounterKey, Count] = defaultdict(Count)
    for member in ("trades", "volume", "notional"):
        for labels, value in _series(samples, name.format(member)):
            if labels.get("change", "") == change:
                key = CounterKey(labels["account"], labels["strategy"], labels["symbol"], labels["side"])
                amount: Any = int(value) if member == "trades" else Fraction(value)
                counts[key] = replace(counts[key], **{member: amount})
    return counts


def _series(samples: Mapping[str, str], name: str) -> Iterator[tuple[dict[str, str], str]]:
    for sample, value in samples.items():
        if sample.startswith(f"{name}{{"):
            yield dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample)), value


def _assert_same(shown: Mapping[str, Any], samples: Mapping[str, str]) -> None:
    """`/metrics` shows the same position as `/state`."""
    for member in ("position", "average_entry_price", "realized_pnl", "unrealized_pnl", "net_pnl"):
        found = [value for labels, value in _series(samples, f"trading_{member}") if _is_of(labels, shown)]
        expected = [] if shown[member] is None else [shown[member]]
        assert found == expected, f"{member} of {_key(shown)}: /metrics {found}, /state {expected}"


def _is_of(labels: Mapping[str, str], shown: Mapping[str, Any]) -> bool:
    named = all(labels[name] == shown[name] for name in ("account", "strategy", "symbol"))
    side = labels.get("position_side", "") == shown.get("position_side", "")
    return named and side and labels.get("pnl_currency", shown["currency"] or "") == (shown["currency"] or "")

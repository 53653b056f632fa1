"""Trades, and the batches that carry them, as the journal has them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metrics_sidecar.exposition.text import Exposition
from telemetry_stream.events import Batch
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.accounting.state import TradingState

STREAM = "5e1fb0a4-6a3f-4b6f-9d0e-6a1f3c2b7d10"
Trade = dict[str, Any]


def trade(side: str, qty: str, price: str, **others: Any) -> Trade:
    """A trade of XRP/ETH, of the default account and strategy where nothing else is said."""
    return {"symbol": "XRP/ETH", "side": side, "qty": qty, "price": price, **others}


def event(sequence: int, given: Mapping[str, Any]) -> bytes:
    """The trade as journaled."""
    defaults = {"trade_id": f"t{sequence}", "ts": "2026-03-04T05:06:07Z", "account": "default", "strategy": "default"}
    return json.dumps({"seq": sequence, **defaults, **given}, separators=(",", ":")).encode()


def batch(trades: Sequence[Mapping[str, Any]], first: int = 1, published_at_ns: int = 0) -> Batch:
    """Consecutive trades, the first of which has the sequence `first`."""
    events = [event(sequence, given) for sequence, given in enumerate(trades, first)]
    return Batch(STREAM, first, first + len(trades) - 1, b",".join(events), published_at_ns)


def state_of(trades: Sequence[Mapping[str, Any]], limit: int = 1_000) -> TradingState:
    """The state after these trades, which came in one batch."""
    state = TradingState(limit, STREAM)
    if trades:
        state.apply(batch(trades))
    return state


def samples(moment: StateSnapshot) -> dict[str, str]:
    """What is exposed of a moment: names with labels, and values as text."""
    return parse(b"".join(Exposition().render(moment, [], openmetrics=False)).decode().splitlines())


def parse(lines: Iterable[str]) -> dict[str, str]:
    """The samples among the lines of an exposition."""
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def figure(state: TradingState, name: str, symbol: str = "XRP/ETH", **more: str) -> str:
    """One exposed value, of the default account and strategy."""
    labels = {"account": "default", "strategy": "default", "symbol": symbol, **more}
    written = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return samples(state.freeze())[f"{name}{{{written}}}"]

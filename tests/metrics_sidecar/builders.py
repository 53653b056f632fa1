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
    """The trade as journaled; an event with a kind as it is given."""
    members = given if "kind" in given else journaled(sequence, given)
    return json.dumps({"seq": sequence, **members}, separators=(",", ":")).encode()


def journaled(sequence: int, given: Mapping[str, Any]) -> Trade:
    """The members of a journaled trade but for its sequence."""
    defaults = {"trade_id": f"t{sequence}", "ts": "2026-03-04T05:06:07Z", "account": "default", "strategy": "default"}
    return {**defaults, **given}


def replace(target: int, given: Mapping[str, Any], **changes: Any) -> Trade:
    """The trade `given`, of this sequence, was really another one."""
    was = journaled(target, given)
    return {"kind": "replace", "id": "r", "target": target, "replace": {"fill": was | changes, "was": was}}


def batch_of(events: Sequence[Mapping[str, Any]]) -> Batch:
    """Consecutive events with their sequences, as a LedgerBuilder writes them."""
    text = b",".join([json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for event in events])
    return Batch(STREAM, events[0]["seq"], events[-1]["seq"], text)


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

"""Ledgers through the fold, with restarts, and with positions recomputed from fills that stand for the store's."""

import json
from collections.abc import Iterable, Sequence

from metrics_sidecar.snapshot import Snapshot, decode_body, encode
from telemetry_stream.events import StreamPosition
from tests.metrics_sidecar.builders import STREAM, batch_of, samples
from tests.support.ledger_builder import Event
from trading_model.accounting.fills import Fill, read_event
from trading_model.accounting.order import order_of_fill
from trading_model.accounting.refold import Refold, stored_line_of
from trading_model.accounting.state import TradingState


def fold(events: Sequence[Event], size: int = 1) -> TradingState:
    """The state after these events, in batches of `size`."""
    state = TradingState(1_000, STREAM)
    for start in range(0, len(events), size):
        state.apply(batch_of(events[start : start + size]))
    return state


def through_snapshot(state: TradingState) -> TradingState:
    """The state after a restart from its snapshot."""
    snapshot = Snapshot(StreamPosition(STREAM, state.applied, "x"), state.freeze())
    return TradingState.restored(decode_body(b"".join(encode(snapshot))).moment)


def gauges(state: TradingState) -> dict[str, str]:
    """What is exposed and follows the order of trading, but for what is 0, as all of a key without trades is."""
    shown = samples(state.freeze())
    return {name: text for name, text in shown.items() if "_total{" not in name and text != "0" and "_info" not in name}


def in_force(events: Iterable[Event], until: int) -> list[Fill]:
    """The fills in force after the event `until`, in the order of trading: what the store gives.

    For ledgers that have no corrections but replaces and voids of fills.
    """
    fills: dict[int, Fill] = {}
    for event in events:
        if event["seq"] > until:
            break
        if event.get("kind") == "void":
            fills.pop(event["target"], None)
        elif event.get("kind") == "replace" and event["target"] in fills:
            fills[event["target"]] = fill_of(event["replace"]["fill"], event["target"])
        elif "kind" not in event:
            fills[event["seq"]] = fill_of(event, event["seq"])
    return sorted(fills.values(), key=lambda fill: order_of_fill(fill.ts, fill.trade_id, fill.seq))


def fill_of(members: Event, seq: int) -> Fill:
    """The fill with these members."""
    read = read_event(json.dumps({**members, "seq": seq}).encode())
    assert isinstance(read, Fill)
    return read


def give(refold: Refold, events: Iterable[Event], stored: int) -> None:
    """Fold the fills of a store that has come to `stored`."""
    refold.fold(lambda lines: [fill for fill in in_force(events, stored) if stored_line_of(fill) in lines])


def recompute(state: TradingState, events: Sequence[Event]) -> None:
    """Recompute until nothing waits, from a store that has all that was applied."""
    while state.restatement.is_recomputing:
        refold = state.restatement.plan_refold()
        assert refold is not None
        give(refold, events, state.applied)
        state.restatement.finish_refold(refold, state.applied)

"""What a trade costs does not depend on how many came before it."""

import random
import sys
import tracemalloc
from types import FrameType
from typing import Any

from telemetry_stream.events import Batch
from tests.metrics_sidecar.builders import STREAM, batch, trade
from trading_model.accounting.state import TradingState

CHANCE = random.Random(20_260_304)
BATCHES = [
    batch(
        [
            trade(CHANCE.choice(("buy", "sell")), f"0.{CHANCE.randint(1, 99)}", "3000.10", symbol=f"S{number % 10}")
            for number in range(1_000)
        ],
        first,
    )
    for first in range(1, 4_000, 1_000)
]


def apply(state: TradingState, rounds: int) -> None:
    for _ in range(rounds):
        for applied in BATCHES:
            state.apply(applied)


def instructions(state: TradingState, applied: Batch) -> int:
    """The instructions of Python that applying a batch takes: what else the machine does can't change them."""
    counted = 0

    def count(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal counted
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counted += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        state.apply(applied)
    finally:
        sys.settrace(before)
    return counted


def peak_bytes(state: TradingState, applied: Batch) -> int:
    """The memory that applying a batch takes meanwhile."""
    tracemalloc.start()
    try:
        state.apply(applied)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_400_000th_trade_takes_no_more_instructions_and_memory_than_the_40_000th() -> None:
    state = TradingState(1_000, STREAM)
    apply(state, rounds=10)
    early, early_peak = instructions(state, BATCHES[0]), peak_bytes(state, BATCHES[1])
    blocks = sys.getallocatedblocks()
    apply(state, rounds=90)
    held = sys.getallocatedblocks() - blocks
    assert early > 10_000, "they were counted"
    assert instructions(state, BATCHES[0]) < 1.05 * early
    assert peak_bytes(state, BATCHES[1]) < 1.5 * early_peak
    assert held < 1_000

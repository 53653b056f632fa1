"""What a trade costs does not depend on how many came before it."""

import random
import sys
import tracemalloc
from functools import partial

import pytest

from telemetry_stream.events import Batch
from tests.metrics_sidecar.builders import STREAM, event, trade
from tests.support.instructions import instructions
from trading_model.accounting.state import TradingState

CHANCE = random.Random(20_260_304)
BODIES = [
    event(0, trade(CHANCE.choice(("buy", "sell")), f"0.{CHANCE.randint(1, 99)}", "3000.10", symbol=f"S{number % 10}"))
    for number in range(1_000)
]
"""Trades without their sequences and times."""


def batch(number: int) -> Batch:
    """The trades of one of many batches, in the order of trading."""
    first = number * len(BODIES) + 1
    events = [
        body.replace(b'{"seq":0', b'{"seq":%d' % sequence).replace(b"05:06:07Z", b"05:06:07.%09dZ" % sequence)
        for sequence, body in enumerate(BODIES, first)
    ]
    return Batch(STREAM, first, first + len(events) - 1, b",".join(events))


def race(number: int, size: int = 50) -> Batch:
    """As many trades of two bots: what the second one sends comes after what the first one traded later."""
    first = number * size + 1
    events = [
        body.replace(b'{"seq":0', b'{"seq":%d' % sequence).replace(
            b"05:06:07Z", b"05:06:07.%09dZ" % (sequence - number % 2 * (size + 1))
        )
        for sequence, body in enumerate(BODIES[:size], first)
    ]
    return Batch(STREAM, first, first + size - 1, b",".join(events))


def apply(state: TradingState, until: int) -> None:
    """Apply batches up to the one with the number `until`."""
    for number in range(state.applied // len(BODIES), until):
        state.apply(batch(number))


def peak_bytes(state: TradingState, applied: Batch) -> int:
    """The memory that applying a batch takes meanwhile."""
    tracemalloc.start()
    try:
        state.apply(applied)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.long
def test_the_400_000th_trade_takes_no_more_instructions_and_memory_than_the_40_000th() -> None:
    state = TradingState(1_000, STREAM)
    apply(state, until=40)
    early, early_peak = instructions(partial(state.apply, batch(40))), peak_bytes(state, batch(41))
    apply(state, until=60)
    blocks = sys.getallocatedblocks()
    apply(state, until=400)
    held = sys.getallocatedblocks() - blocks
    assert early > 10_000, "they were counted"
    assert instructions(partial(state.apply, batch(400))) < 1.05 * early
    assert peak_bytes(state, batch(401)) < 1.5 * early_peak
    assert held < 1_000


def test_the_100th_batch_that_comes_late_takes_no_more_instructions_than_the_10th() -> None:
    state = TradingState(1_000, STREAM)
    taken = dict[int, int]()
    for number in range(202):
        if number in (21, 201):
            taken[number] = instructions(partial(state.apply, race(number)))
        else:
            state.apply(race(number))
    assert state.late > 100 * 40, "they come late"
    assert not state.restatement.waits, "they are settled in memory"
    assert taken[201] < 1.1 * taken[21]

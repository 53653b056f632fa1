"""What a trade costs does not depend on how many came before it."""

import random
import sys
import time

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


def min_seconds(state: TradingState, batches: list[Batch], rounds: int) -> float:
    """CPU time of the fastest of so many rounds: what else the machine does can only make the others slower."""
    minimum = float("inf")
    for _ in range(rounds):
        for applied in batches:
            began = time.thread_time()
            state.apply(applied)
            minimum = min(minimum, time.thread_time() - began)
    return minimum


def test_the_400_000th_trade_costs_no_more_time_and_holds_no_more_memory_than_the_40_000th() -> None:
    state = TradingState(1_000, STREAM)
    early = min_seconds(state, BATCHES, rounds=10)
    blocks = sys.getallocatedblocks()
    min_seconds(state, BATCHES, rounds=80)
    late = min_seconds(state, BATCHES, rounds=10)
    assert late < 1.5 * early
    assert sys.getallocatedblocks() - blocks < 1_000

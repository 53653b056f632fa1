"""How a connection is made again, against a simulated exchange in the same process."""

import asyncio
from collections.abc import Iterator
from itertools import islice, repeat

from market_feed.decisions.budget import Ban, RollingBudget
from market_feed.intake.shard import LONGEST_PAUSE, REASONS, Dialling, Shard, growing_pauses
from market_feed.simulator.exchange import Exchange
from market_feed.times import Unit
from market_feed.venues.binance.venue import Binance
from market_feed.venues.venue import Wanted

FAILURES = 100


def dialling() -> Dialling:
    attempts = dict.fromkeys(("connected", "refused", "unreachable"), 0)
    return Dialling(None, RollingBudget(10 * FAILURES, 1), Ban(), attempts, dict.fromkeys(REASONS, 0))


async def until(is_so: object) -> None:
    while not is_so():  # type: ignore[operator]
        await asyncio.sleep(0.001)


def test_row_4_after_a_hundred_failures_it_still_tries_and_only_data_makes_pauses_short_again() -> None:
    begun = list[int]()

    def pauses() -> Iterator[float]:
        begun.append(1)
        return repeat(0.0)

    async def run() -> None:
        exchange = Exchange()
        await exchange.start()
        exchange.faults.refuse_upgrade = 503
        shared, room = dialling(), asyncio.Event()
        room.set()
        venue = Binance(f"ws://127.0.0.1:{exchange.port}", Unit.MILLISECOND, Wanted(("trade",)))
        shard = Shard(venue, ["btcusdt@ticker"], shared, lambda *_: None, room, pauses)
        running = asyncio.create_task(shard.run())
        await until(lambda: shared.attempts["refused"] >= FAILURES)
        exchange.faults.silent, exchange.faults.refuse_upgrade = True, 0
        await until(lambda: exchange.subscribers)
        exchange.cut()
        await until(lambda: exchange.connects == 2 and shard.links)
        assert len(begun) == 1, "a connection that brought nothing changes nothing"
        exchange.send_raw(b"{}")
        await until(lambda: any(link.frames for link in shard.links))
        exchange.cut()
        await until(lambda: len(begun) == 2)
        running.cancel()
        await asyncio.wait([running])
        await exchange.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_row_4_pauses_grow_to_a_minute_at_most_and_are_jittered() -> None:
    first, second = (list(islice(growing_pauses(), FAILURES)) for _ in range(2))
    assert first != second
    assert max(first + second) <= LONGEST_PAUSE == 60
    assert min(first[-10:]) >= LONGEST_PAUSE / 2

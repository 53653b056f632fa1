"""A venue that sends nonsense between its trades, over real sockets: every trade is journaled, and nothing else."""

from pathlib import Path

import pytest

from tests.market_feed import recordings
from tests.market_feed.odd_frames import odd_frames
from tests.market_feed.recordings import only
from tests.market_feed.running import facts, journaled, parts, running_feed
from tests.support.polling import eventually

TICKS = recordings.cut()
AGGREGATES = only(TICKS, "aggTrade")


@pytest.mark.long
@pytest.mark.parametrize("fragment_bytes", [0, 50_000], ids=["whole", "fragments"])
def test_odd_frames_between_true_ones_change_nothing(tmp_path: Path, fragment_bytes: int) -> None:
    with running_feed(tmp_path, FEED_KINDS="trade,candle") as feed:
        exchange = feed.exchange
        exchange.exchange.faults.fragment_bytes = fragment_bytes
        cuts = 0
        for some in parts(TICKS, 400):
            exchange.play(some).result(60)
            sent = only(some, "aggTrade")
            for frame in odd_frames(sent[-1]) if sent else ():
                exchange.do(lambda venue, frame=frame: venue.send_raw(frame))  # type: ignore[misc]  # bound here
            if cuts < 3:
                connects, cuts = exchange.connects, cuts + 1
                exchange.cut()
                exchange.wait_for_connects(connects + 1)
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        events = feed.events()
        assert journaled(events) == facts(AGGREGATES)
        assert {event["kind"] for event in events} == {"trade"}
        reasons = ("malformed", "ids", "number", "time", "unknown_symbol")
        eventually(lambda: all(feed.sample("trading_feed_rejected_total", of_venue(reason)) for reason in reasons))


def of_venue(reason: str) -> str:
    return f'venue="binance",reason="{reason}"'

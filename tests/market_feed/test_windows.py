"""market-feed with a schedule, as a process: a late start, the end of a window, a closed one."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from market_feed.simulator.tape import Tick
from market_feed.times import from_text
from tests.market_feed import recordings
from tests.market_feed.recordings import only
from tests.market_feed.running import FEED, RunningFeed, facts, journaled, parts
from tests.support.fake_exchange import fake_exchange
from tests.support.http import HTTP
from tests.support.polling import eventually

TICKS = recordings.cut()


def minute(offset: timedelta) -> datetime:
    """The full minute that far from now."""
    return (datetime.now(UTC) + offset).replace(second=0, microsecond=0)


def moved(ticks: Sequence[Tick], to: datetime) -> list[Tick]:
    """The ticks, moved in time so that the middle one is at that time."""
    offset = round(to.timestamp() * 1_000) - ticks[len(ticks) // 2].data["T"]
    return [
        Tick(tick.at_ns, tick.stream, {**tick.data, "T": tick.data["T"] + offset, "E": tick.data["E"] + offset})
        for tick in ticks
    ]


def scheduled(folder: Path, start: datetime, end: datetime) -> dict[str, str]:
    """The setting that names a schedule of this window."""
    file = folder / "schedule.yml"
    file.write_text(
        f"version: 1\nwindows:\n  - name: test\n    times: [{{start_time: '{start:%H:%M}', end_time: '{end:%H:%M}'}}]\n"
    )
    return {"FEED_SCHEDULE_FILE": str(file)}


def test_a_late_start_fetches_the_window_from_its_first_trade_and_nothing_of_before(tmp_path: Path) -> None:
    start, end = minute(timedelta(minutes=-20)), minute(timedelta(hours=2))
    ticks = moved(TICKS, start)
    with fake_exchange() as exchange:
        feed = RunningFeed(tmp_path, exchange, **scheduled(tmp_path, start, end))
        try:
            exchange.play(ticks[:-1_000]).result(60)
            feed.start()
            exchange.play(ticks[-1_000:]).result(60)
            expected = [one for one in only(ticks, "aggTrade") if one["T"] >= start.timestamp() * 1_000]
            feed.wait_for_trade(expected[-1]["a"])
            events = feed.events()
            assert events[0] == {
                "seq": 1, "kind": "session", "venue": "binance", "symbol": "BTC-USDT", "session": "open",
                "window": "test", "ts": f"{start:%Y-%m-%dT%H:%M:%S}Z",
            }  # fmt: skip
            assert journaled(events[1:]) == facts(expected)
            feed.kill()
            feed.start()
            assert [one["session"] for one in feed.of_kind("session")] == ["open"], "once, over restarts too"
        finally:
            feed.apps.end()


def test_what_is_after_the_end_is_not_journaled_and_the_connection_is_closed(tmp_path: Path) -> None:
    start, end = minute(timedelta(minutes=-20)), minute(timedelta(minutes=30))
    ticks = moved(TICKS, end)
    with fake_exchange() as exchange:
        feed = RunningFeed(tmp_path, exchange, **scheduled(tmp_path, start, end))
        try:
            feed.start()
            for part in parts(ticks, 500):
                exchange.play(part).result(60)
            eventually(lambda: len(feed.of_kind("session")) == 2)
            eventually(lambda: not exchange.connections)
            opened, *trades, closed = feed.events()
            assert (opened["session"], closed["session"]) == ("open", "close")
            assert {one["kind"] for one in trades} == {"trade"}
            inside = [one for one in only(ticks, "aggTrade") if one["T"] < end.timestamp() * 1_000]
            assert journaled(trades) == facts(inside)
            assert all(from_text(one["ts"]) < end.timestamp() * 1_000_000 for one in trades)
            assert feed.counter("trading_feed_state", state="closed") == 1
            assert HTTP.get(f"{feed.apps.feed_url}/readyz").status_code == 200
            feed.stop()
        finally:
            feed.apps.end()


def test_outside_of_its_windows_it_does_not_connect(tmp_path: Path) -> None:
    start, end = minute(timedelta(hours=2)), minute(timedelta(hours=3))
    with fake_exchange() as exchange:
        feed = RunningFeed(tmp_path, exchange, **scheduled(tmp_path, start, end))
        try:
            feed.apps.start(FEED)
            feed.apps.wait_for(FEED)
            assert feed.counter("trading_feed_state", state="closed") == 1
            opens = feed.counter("trading_feed_window_change_timestamp_seconds", change="open")
            assert opens == start.timestamp() > time.time()
            assert exchange.connects == 0
        finally:
            feed.apps.end()


def test_a_schedule_that_can_not_be_read_or_never_opens_is_said(tmp_path: Path) -> None:
    with fake_exchange() as exchange:
        feed = RunningFeed(tmp_path, exchange)
        try:
            feed.apps.start(FEED, FEED_SCHEDULE_FILE=str(tmp_path / "missing.yml"))
            assert feed.apps.processes[FEED].wait(60) == 1
            assert "is missing" in feed.log()
            of_another = "{name: a, symbols: [ETH-USDT], times: [{start_time: '08:00', end_time: '09:00'}]}"
            (tmp_path / "never.yml").write_text(f"version: 1\nwindows: [{of_another}]")
            feed.apps.start(FEED, FEED_SCHEDULE_FILE=str(tmp_path / "never.yml"))
            feed.apps.wait_for(FEED)
            assert "the schedule never opens for a symbol" in feed.log()
        finally:
            feed.apps.end()

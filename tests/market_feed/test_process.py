"""market-feed as a process against a simulated exchange, over real sockets. Numbers are the rows of reported failures
of other feeds, in docs/market-data.md.
"""

import asyncio
import random
import shutil
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from market_feed import __version__
from market_feed.intake.rest import AT_ONCE, OUTCOMES
from market_feed.simulator.exchange import Exchange
from market_feed.simulator.tape import Tick
from market_feed.times import Unit, as_text
from tests.market_feed import recordings
from tests.market_feed.recordings import only
from tests.market_feed.running import FEED, RunningFeed, facts, journaled, parts, running_feed
from tests.support.apps import samples_of
from tests.support.fake_exchange import fake_exchange
from tests.support.http import HTTP
from tests.support.polling import eventually

SEED = 20_261_128
TICKS = recordings.cut()
AGGREGATES = only(TICKS, "aggTrade")
SINGLES = only(TICKS, "trade")
BURST = max(AGGREGATES, key=lambda one: one["l"] - one["f"])
WARM_UP = 50
"""Ticks that are played first, so that the feed has a beginning."""


def begin(feed: RunningFeed, key: str = "a") -> None:
    """Play the first ticks and wait for them."""
    feed.exchange.play(TICKS[:WARM_UP]).result(60)
    first = only(TICKS[:WARM_UP], "aggTrade" if key == "a" else "trade")
    feed.wait_for_trade(first[-1][key])


def play(feed: RunningFeed, ticks: object) -> None:
    """Play ticks to their end."""
    feed.exchange.play(ticks).result(120)  # type: ignore[arg-type]  # any iterable of ticks


def aggregate(number: int, single: int) -> Tick:
    """A trade after the recording's."""
    last = AGGREGATES[-1]
    data = {**last, "a": number, "f": single, "l": single, "T": last["T"] + 1, "E": last["T"] + 1}
    return Tick(0, "btcusdt@aggTrade", data)


def nudge(feed: RunningFeed) -> None:
    """A trade after the last one of the recording, and wait for it: then everything before it is in the journal."""
    number, single = AGGREGATES[-1]["a"] + 1, AGGREGATES[-1]["l"] + 1
    feed.exchange.do(lambda exchange: exchange.publish(aggregate(number, single)))
    feed.wait_for_trade(number)


def test_every_trade_is_journaled_as_the_venue_wrote_it(tmp_path: Path) -> None:
    with running_feed(tmp_path) as feed:
        play(feed, TICKS)
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        events = feed.events()
        assert journaled(events) == facts(AGGREGATES)
        assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
        assert [(int(one["first_trade_id"]), int(one["last_trade_id"])) for one in events] == [
            (one["f"], one["l"]) for one in AGGREGATES
        ]
        assert [one["ts"] for one in events] == [as_text(one["T"] * 1_000, Unit.MICROSECOND) for one in AGGREGATES]
        assert events[0]["venue"] == "binance"
        assert events[0]["symbol"] == "BTC-USDT"
        assert {one["origin"] for one in events} == {"live"}
        assert feed.counter("trading_feed_state", state="live") == 1
        feed.stop()


def test_single_trades_are_one_of_the_settings(tmp_path: Path) -> None:
    with running_feed(tmp_path, FEED_TRADES="single", FEED_TIME_UNIT="millisecond") as feed:
        play(feed, TICKS)
        feed.wait_for_trade(SINGLES[-1]["t"])
        events = feed.events()
        assert journaled(events) == facts(SINGLES, "t")
        assert [one["ts"] for one in events] == [as_text(one["T"], Unit.MILLISECOND) for one in SINGLES]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_row_3_over_tls_too_it_connects_again_and_nothing_is_missing(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", "req", "-x509", *kind, *files, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with fake_exchange(context) as exchange:
        feed = RunningFeed(tmp_path, exchange, SSL_CERT_FILE=str(cert))
        try:
            feed.start()
            begin(feed)
            exchange.cut("no_tls")
            play(feed, TICKS[WARM_UP:])
            eventually(lambda: exchange.connects == 2)
            nudge(feed)
            assert journaled(feed.of_kind("trade"))[:-1] == facts(AGGREGATES)
        finally:
            feed.apps.end()


@pytest.mark.long
@pytest.mark.parametrize("how", ["abort", "mid_frame", "1001", "1006", "1008", "1011"])
def test_rows_1_and_3_after_any_end_of_a_connection_it_connects_again_and_nothing_is_missing(
    tmp_path: Path, how: str
) -> None:
    with running_feed(tmp_path) as feed:
        for part in parts(TICKS, 1_500):
            playing = feed.exchange.play(part)
            feed.exchange.cut("abort" if how == "1006" else how)
            playing.result(60)
        eventually(lambda: feed.exchange.connections >= 1)
        nudge(feed)
        assert journaled(feed.of_kind("trade"))[:-1] == facts(AGGREGATES)[-len(feed.ids()) + 1 :]
        assert feed.of_kind("gap") == []
        assert feed.exchange.connects > 1


def test_row_2_a_burst_of_one_millisecond_across_a_cut_is_whole(tmp_path: Path) -> None:
    at = next(index for index, tick in enumerate(TICKS) if tick.data.get("T") == BURST["T"])
    with running_feed(tmp_path, FEED_TRADES="single") as feed:
        begin(feed, "t")
        play(feed, TICKS[WARM_UP : at + 300])
        feed.exchange.cut()
        play(feed, TICKS[at + 300 :])
        eventually(lambda: feed.exchange.connections)
        after = {**SINGLES[-1], "t": SINGLES[-1]["t"] + 1}
        feed.exchange.do(lambda exchange: exchange.publish(Tick(0, "btcusdt@trade", after)))
        feed.wait_for_trade(after["t"])
        assert journaled(feed.of_kind("trade"))[:-1] == facts(SINGLES, "t")
        assert feed.of_kind("gap") == []


@pytest.mark.long
def test_row_2_if_rest_never_answers_held_trades_follow_a_gap_event_that_tells_exactly_what_is_missing(
    tmp_path: Path,
) -> None:
    with running_feed(tmp_path, FEED_FILL_SECONDS="1") as feed:
        begin(feed)
        last = feed.ids()[-1]
        feed.exchange.exchange.faults.rest_seconds = 3_600
        feed.exchange.exchange.faults.mute = {"btcusdt@aggTrade"}
        play(feed, TICKS[WARM_UP:])
        feed.exchange.exchange.faults.mute = set()
        nudge(feed)
        [gap] = feed.of_kind("gap")
        assert (int(gap["from_id"]), int(gap["to_id"])) == (last + 1, AGGREGATES[-1]["a"])
        assert (gap["count"], gap["reason"]) == (AGGREGATES[-1]["a"] - last, "no_answer")
        assert feed.counter("trading_feed_unfillable_trades_total", reason="no_answer") == gap["count"]
        feed.kill()
        feed.exchange.exchange.faults.rest_seconds = 0
        feed.start()
        eventually(lambda: feed.of_kind("gap_filled"), what="the gap filled later, though the feed was killed")
        late = [one for one in feed.of_kind("trade") if one.get("late")]
        assert journaled(late) == facts(AGGREGATES)[-gap["count"] :]
        assert sorted(feed.ids()) == list(range(AGGREGATES[0]["a"], AGGREGATES[-1]["a"] + 2))


@pytest.mark.parametrize("shape", ["raw", "stream"])
def test_row_7_a_shutdown_notice_in_either_shape_is_acted_on_before_the_end(tmp_path: Path, shape: str) -> None:
    with running_feed(tmp_path) as feed:
        begin(feed)
        feed.exchange.announce_shutdown(shape)
        feed.exchange.run(play_to_two(feed.exchange.exchange, TICKS[WARM_UP:]))
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        eventually(lambda: feed.exchange.connections == 1)
        assert journaled(feed.of_kind("trade")) == facts(AGGREGATES)
        assert {one["origin"] for one in feed.of_kind("trade")} == {"live"}
        assert feed.counter("trading_feed_duplicates_total", origin="live") > 0, "the old one was still read"


async def play_to_two(exchange: Exchange, ticks: Sequence[Tick]) -> None:
    """Play as soon as there are two connections: the old one is closed seconds later."""
    while len(exchange.subscribers) < 2:
        await asyncio.sleep(0.001)
    await exchange.play(ticks)


@pytest.mark.long
def test_row_6_many_rotations_never_leave_more_than_two_connections(tmp_path: Path) -> None:
    with running_feed(tmp_path) as feed:
        rounds = 5
        for number, part in enumerate(parts(TICKS, len(TICKS) // rounds), 1):
            feed.exchange.announce_shutdown()
            feed.exchange.wait_for_connects(number + 1)
            play(feed, part)
            eventually(lambda: feed.exchange.connections == 1)
            # The feed learns it later than the exchange, and while it has both, a notice changes nothing.
            eventually(lambda: feed.sample("trading_feed_connections", 'venue="binance"') == 1)
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        assert feed.exchange.do(lambda exchange: exchange.max_subscribers) == 2
        assert journaled(feed.of_kind("trade")) == facts(AGGREGATES)
        assert feed.counter("trading_feed_gaps_total") == 0


def test_row_9_an_open_connection_that_brings_nothing_is_replaced(tmp_path: Path) -> None:
    with running_feed(tmp_path, FEED_SILENT_SECONDS="2") as feed:
        begin(feed)
        feed.exchange.exchange.faults.silent = True
        feed.exchange.wait_for_connects(2)
        assert feed.sample("trading_feed_connects_total", 'venue="binance",reason="silent"') >= 1


def test_row_10_a_mute_market_turns_stale_and_its_trades_are_fetched(tmp_path: Path) -> None:
    with running_feed(tmp_path, FEED_STALE_SECONDS="2") as feed:
        begin(feed)
        others = 3  # an answer and two tickers: after a new connection the first one is not waited for
        frames = len(only(TICKS[:WARM_UP], "aggTrade")) + others
        eventually(lambda: feed.sample("trading_feed_frames_total", 'venue="binance"') >= frames)
        feed.exchange.exchange.faults.mute = {"btcusdt@aggTrade"}
        play(feed, TICKS[WARM_UP:])
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        assert feed.sample("trading_feed_connects_total", 'venue="binance",reason="mute"') >= 1
        assert journaled(feed.of_kind("trade")) == facts(AGGREGATES)


def test_row_11_a_quiet_market_is_quiet_and_stays_connected(tmp_path: Path) -> None:
    with running_feed(tmp_path, FEED_STALE_SECONDS="2") as feed:
        play(feed, TICKS)
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        eventually(lambda: feed.counter("trading_feed_state", state="quiet") == 1)
        assert feed.exchange.connects == 1


def test_rows_18_and_26_doubled_swapped_and_joined_frames_give_each_trade_once(tmp_path: Path) -> None:
    with running_feed(tmp_path) as feed:
        feed.exchange.exchange.faults.doubled = 0.2
        feed.exchange.exchange.faults.swapped = 0.2
        play(feed, TICKS)
        feed.exchange.exchange.faults.doubled = feed.exchange.exchange.faults.swapped = 0
        nudge(feed)
        assert journaled(feed.of_kind("trade"))[:-1] == facts(AGGREGATES)
        assert feed.counter("trading_feed_conflicts_total") == 0
        assert feed.of_kind("gap") == []


def test_row_20_ids_that_do_not_exist_at_the_venue_become_a_gap_once(tmp_path: Path) -> None:
    absent = {AGGREGATES[500]["a"], AGGREGATES[501]["a"], AGGREGATES[600]["a"]}
    ticks = [tick for tick in TICKS if tick.data.get("a") not in absent]
    with running_feed(tmp_path) as feed:
        feed.exchange.exchange.database.absent = absent
        play(feed, ticks)
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        gaps = [(int(one["from_id"]), int(one["to_id"]), one["reason"]) for one in feed.of_kind("gap")]
        assert gaps == [
            (AGGREGATES[500]["a"], AGGREGATES[501]["a"], "absent_at_venue"),
            (AGGREGATES[600]["a"], AGGREGATES[600]["a"], "absent_at_venue"),
        ]
        assert feed.ids() == [one["a"] for one in AGGREGATES if one["a"] not in absent]


def test_row_25_after_429_nothing_is_asked_for_as_long_as_the_venue_says_and_live_goes_on(tmp_path: Path) -> None:
    with running_feed(tmp_path, FEED_FILL_SECONDS="60") as feed:
        begin(feed)
        faults = feed.exchange.exchange.faults
        faults.rest_status, faults.rest_headers = 429, {"Retry-After": "3600"}
        faults.dropped = 0.01
        play(feed, TICKS[WARM_UP:])
        eventually(lambda: feed.sample("trading_feed_banned_seconds", 'venue="binance"') > 3_000)
        requests = eventually(lambda: requests_without_one_under_way(feed))
        frames = feed.sample("trading_feed_frames_total", 'venue="binance"')
        faults.dropped = 0
        play(feed, TICKS[-100:])
        eventually(lambda: feed.sample("trading_feed_frames_total", 'venue="binance"') > frames)
        assert feed.exchange.do(lambda exchange: exchange.requests) == requests
        refused = feed.sample("trading_feed_venue_requests_total", 'venue="binance",outcome="refused"')
        assert refused <= AT_ONCE, "those that were under way when the first was refused"


def requests_without_one_under_way(feed: RunningFeed) -> int:
    """The requests that the exchange got; 0 while the feed has not the answers of all."""
    got: int = feed.exchange.do(lambda exchange: exchange.requests)
    outcomes = [f'venue="binance",outcome="{outcome}"' for outcome in OUTCOMES]
    answered = sum(feed.sample("trading_feed_venue_requests_total", labels) for labels in outcomes)
    return got if answered == got else 0


@pytest.mark.parametrize("status", [403, 418, 429, 451])
def test_row_28_a_refused_connection_names_the_cause_and_is_retried_slowly(tmp_path: Path, status: int) -> None:
    with running_feed(tmp_path) as feed:
        begin(feed)
        feed.exchange.exchange.faults.refuse_upgrade = status
        feed.exchange.cut()
        labels = 'venue="binance",outcome="refused"'
        eventually(lambda: feed.sample("trading_feed_connection_attempts_total", labels) == 1)
        assert HTTP.get(f"{feed.apps.feed_url}/readyz").json()["code"] == "not_connected"
        assert "can't connect" in feed.log()


@pytest.mark.long
def test_killed_and_cut_again_and_again_each_trade_is_journaled_once(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with running_feed(tmp_path) as feed:
        begin(feed)
        feed.exchange.exchange.faults.doubled = 0.1
        for number, part in enumerate(parts(TICKS[WARM_UP:], 1_200)):
            playing = feed.exchange.play(part)
            if number % 2:
                feed.kill()
                feed.start()
            else:
                feed.exchange.cut(chance.choice(["abort", "1001", "mid_frame"]))
            playing.result(60)
        eventually(lambda: feed.exchange.connections)
        nudge(feed)
        assert journaled(feed.of_kind("trade"))[:-1] == facts(AGGREGATES)
        assert feed.of_kind("gap") == []
        feed.stop()


def test_row_27_it_ends_under_full_load_and_what_it_had_read_is_journaled(tmp_path: Path) -> None:
    with running_feed(tmp_path) as feed:
        playing = feed.exchange.play(TICKS)
        feed.stop()
        playing.result(60)
        ids = feed.ids()
        assert ids == [one["a"] for one in AGGREGATES[: len(ids)]]
        assert '"event":"ended"' in feed.log()


def test_two_feeds_do_not_share_a_folder(tmp_path: Path) -> None:
    with running_feed(tmp_path) as feed:
        other = RunningFeed(tmp_path, feed.exchange)
        other.apps.start(FEED)
        assert other.apps.processes[FEED].wait(60) == 1
        assert "another market-feed writes" in feed.log()


def test_with_a_clock_that_was_set_back_by_days_no_trade_counts_as_one_of_the_future(tmp_path: Path) -> None:
    """Its journal knows that it is later. Refused trades would be a gap for good."""
    days_before = time.time_ns() - TICKS[WARM_UP].data["T"] * 1_000 + 2 * 86_400 * 10**9
    set_back = f"""
import time
import market_feed.main
from service_kit.clock import SystemClock
now = time.time_ns
time.time_ns = lambda: now() - {days_before}
SystemClock.unix_ns = staticmethod(time.time_ns)
"""
    with running_feed(tmp_path) as feed:
        begin(feed)
        feed.stop()
        feed.apps.start(FEED, set_back + "import sys; sys.exit(market_feed.main.main())")
        feed.exchange.wait_for_connects(2)
        play(feed, TICKS[WARM_UP:])
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        assert journaled(feed.of_kind("trade")) == facts(AGGREGATES)
        assert "unreadable" not in feed.log()


def test_without_symbols_it_says_what_to_set(tmp_path: Path) -> None:
    with running_feed(tmp_path) as feed:
        feed.stop()
        feed.apps.start(FEED, FEED_SYMBOLS="")
        assert feed.apps.processes[FEED].wait(60) == 1
        assert "FEED_SYMBOLS is empty" in feed.log()


def test_the_version_is_shown(tmp_path: Path) -> None:
    with running_feed(tmp_path) as feed:
        samples = HTTP.get(f"{feed.apps.feed_url}/metrics").text
    assert 'component="market-feed"' in samples
    assert __version__ in samples


def test_rows_12_to_14_many_streams_are_subscribed_to_slowly_and_exactly_so_after_a_cut_amid_that(
    tmp_path: Path,
) -> None:
    symbols = ["BTC-USDT", *(f"C{number}-USDT" for number in range(180))]
    with running_feed(tmp_path, FEED_SYMBOLS=",".join(symbols)) as feed:
        wanted = {f"{symbol.replace('-', '').lower()}@{kind}" for symbol in symbols for kind in ("aggTrade", "ticker")}

        def has_exactly_the_wanted() -> bool:
            return feed.exchange.do(lambda exchange: [set(one.streams) for one in exchange.subscribers]) == [wanted]

        eventually(lambda: feed.exchange.do(lambda exchange: exchange.messages), what="the first message of several")
        feed.exchange.cut("1008")
        eventually(lambda: feed.exchange.connects == 2)
        feed.exchange.run(feed.exchange.exchange.ping())
        eventually(has_exactly_the_wanted)
        assert feed.exchange.do(lambda exchange: exchange.closed_for_messages) == 0, "a pong counts as a message, too"
        sizes = [len(one.get("params", [])) for one in feed.exchange.do(lambda exchange: exchange.messages)]
        assert max(sizes) <= 200


def test_row_13_a_stream_that_the_venue_does_not_send_is_named(tmp_path: Path) -> None:
    with running_feed(tmp_path, FEED_SYMBOLS="BTC-USDT,NOSUCH-USDT") as feed:
        feed.exchange.exchange.faults.unknown_streams = {"nosuchusdt@aggTrade", "nosuchusdt@ticker"}
        eventually(lambda: "nosuchusdt@aggTrade" in feed.log())
        assert "the venue does not send some streams" in feed.log()


def test_row_15_while_the_journal_can_not_be_written_reading_pauses_and_nothing_is_dropped(tmp_path: Path) -> None:
    with running_feed(tmp_path, FEED_MAX_PENDING_EVENTS="200") as feed:
        begin(feed)
        with feed.journal_locked():
            playing = feed.exchange.play(TICKS[WARM_UP:])
            eventually(lambda: samples_of(f"{feed.apps.feed_url}/metrics")["trading_feed_reading_pauses_total"] != "0")
        playing.result(60)
        feed.wait_for_trade(AGGREGATES[-1]["a"])
        assert journaled(feed.of_kind("trade")) == facts(AGGREGATES)
        assert {one["origin"] for one in feed.of_kind("trade")} == {"live"}


@pytest.mark.long
@pytest.mark.parametrize("trades", ["aggregate", "single"])
def test_what_was_missed_before_a_start_is_fetched_though_no_trade_follows(tmp_path: Path, trades: str) -> None:
    kind, key = ("aggTrade", "a") if trades == "aggregate" else ("trade", "t")
    with running_feed(tmp_path, FEED_TRADES=trades) as feed:
        begin(feed, key)
        feed.kill()
        play(feed, TICKS[WARM_UP:])
        feed.start()
        feed.wait_for_trade(only(TICKS, kind)[-1][key])
        assert journaled(feed.of_kind("trade")) == facts(only(TICKS, kind), key)
        feed.kill()
        feed.start()
        eventually(lambda: feed.sample("trading_feed_venue_requests_total", 'venue="binance",outcome="empty"') > 0)
        assert len(feed.ids()) == len(only(TICKS, kind))

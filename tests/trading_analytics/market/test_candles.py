"""Candles against those of all trades at once, through restarts at any point."""

import random
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from msgspec import structs

from telemetry_stream.events import StreamPosition
from tests.support.changed_bytes import change_byte
from tests.trading_analytics.market.market_stream import START, Event, batch_of, candles_of, random_events
from trading_analytics.market.fold import MarketFold
from trading_history.backup import back_up
from trading_history.candles.candle import SPANS, Market
from trading_history.candles.store import CANDLES, CandleWriter, candles, check_rows, markets, position_of
from trading_history.database import MAX_ASIDE
from trading_history.errors import StoreDamaged, StoreInUse, StoreMissing, StoreReplaced, StoreUnavailable

TOPIC = "market-data-raw"
WINDOWS = (30 * 10**9,)
PAGE = 4096


def follow(folder: Path, events: Sequence[Event], chance: random.Random, stream: str = "a-stream") -> None:
    """What the follower does, with a kill now and then: what is not committed is lost, and comes again."""
    while True:
        with closing(CandleWriter(folder)) as store:
            stored = store.position.sequence if store.position.stream == stream else 0
            if stored == len(events):
                return
            fold = MarketFold(WINDOWS, stored, store.known_trades)
            done = max(stored - chance.randrange(40), 0)  # the windows need earlier ones
            while done < len(events) and chance.random() < 0.95:
                count = chance.randint(1, 25)
                fold.apply(batch_of(events[done : done + count], done + 1, stream), 0)
                done = min(done + count, len(events))
                if done > stored and (done == len(events) or chance.random() < 0.3):
                    increment = fold.drain()
                    store.commit(TOPIC, StreamPosition(stream, done), increment.candles, increment.known_trades)


def assert_candles(folder: Path, events: Sequence[Event]) -> None:
    assert markets(folder) == [Market("binance", "BTC-USDT"), Market("binance", "ETH-USDT")]
    for market in markets(folder):
        for span in SPANS:
            assert dict(candles(folder, market, span, 0, 2**40)) == candles_of(events, market.symbol, span)


def test_each_trade_is_in_its_candles_once(tmp_path: Path) -> None:
    events = random_events(1, 300)
    follow(tmp_path, events, random.Random(1))
    assert_candles(tmp_path, events)
    late = [candle.revision for _, candle in candles(tmp_path, Market("binance", "BTC-USDT"), 86_400, 0, 2**40)]
    assert sum(late) > 0
    day = 1_767_657_600  # 2026-01-06
    (only,) = candles(tmp_path, Market("binance", "BTC-USDT"), 86_400, day, day + 86_400)
    assert only[0] == day


def test_the_journal_of_another_feed_adds_only_what_is_new(tmp_path: Path) -> None:
    """Its trades begin again at an id before the last one."""
    events = random_events(2, 250)
    follow(tmp_path, events[:200], random.Random(2))
    again = [event for event in events if "late" not in event]
    follow(tmp_path, again[80:], random.Random(3), "another-stream")
    expected = events[:200] + [event for event in events[200:] if "late" not in event]
    assert_candles(tmp_path, expected)


def test_a_journal_that_was_put_back_by_hand_adds_nothing_again(tmp_path: Path) -> None:
    """Late trades have ids below the highest: which of them are in the candles is known by the gaps."""
    events = random_events(2, 250)
    assert any("late" in event for event in events[:200])
    follow(tmp_path, events[:200], random.Random(2))
    follow(tmp_path, events, random.Random(3), "the-same-again")
    assert_candles(tmp_path, events)


@pytest.mark.parametrize("is_earlier", [False, True])
def test_trades_that_a_venue_numbers_anew_are_new_once(tmp_path: Path, is_earlier: bool) -> None:
    """Also behind the trades of an earlier version, which kept no times of them."""
    events = random_events(2, 150)
    later = random_events(2, 120, START + timedelta(hours=1))
    ids = {"BTC-USDT": 1_000, "ETH-USDT": 7}
    for event in later:
        if event["kind"] == "trade":
            event["trade_id"] = str(int(event["trade_id"]) - ids[event["symbol"]] + 1)
    in_order = [event for event in later if "late" not in event]
    if is_earlier:
        follow(tmp_path, events, random.Random(4))
        make_first_layout(tmp_path)
    follow(tmp_path, events + in_order, random.Random(2))
    follow(tmp_path, events + in_order, random.Random(3), "the-same-again")
    assert_candles(tmp_path, events + in_order)


def shifted(events: Sequence[Event], seconds: int) -> list[Event]:
    """As a feed receives them whose clock is wrong."""
    return [event | {"received_at_ns": event["received_at_ns"] + seconds * 10**9} for event in events]


def amounts(fold: MarketFold) -> dict[object, object]:
    """Volume, VWAP and spread in the windows, by market."""
    windows = fold.windows
    readings = {market: windows.read(market, windows.newest_ns) for market in windows.known}
    return {market: [(one.volume, one.vwap, one.spread_bps) for one in ones] for market, ones in readings.items()}


@pytest.mark.parametrize("seconds", [-86_400, -3, 3, 3_600])
def test_figures_do_not_depend_on_the_feeds_clock(tmp_path: Path, seconds: int) -> None:
    """Trades have the venue's time, quotes that of the receipt alone."""
    events = random_events(2, 200)
    wrong = shifted(events, seconds)
    follow(tmp_path, wrong, random.Random(2))
    assert_candles(tmp_path, events)
    folds = MarketFold(WINDOWS, 0, {}), MarketFold(WINDOWS, 0, {})
    for fold, some in zip(folds, (events, wrong), strict=True):
        fold.apply(batch_of(some, 1), 0)
    assert amounts(folds[0]) == amounts(folds[1])


def test_a_clock_that_is_set_and_one_wrong_time_end_no_window() -> None:
    events = random_events(5, 400)
    later = next(event for event in events[150:] if event["kind"] == "trade")
    wrong = later | {"ts": "2026-01-06T09:00:00Z", "trade_id": str(int(later["trade_id"]) - 1), "late": True}
    turned = [*events[:100], *shifted(events[100:150], 3_600), wrong, *events[150:]]
    fold, plain = MarketFold(WINDOWS, 0, {}), MarketFold(WINDOWS, 0, {})
    for one, some in (fold, turned), (plain, events):
        for first in range(0, len(some), 20):
            one.apply(batch_of(some[first : first + 20], first + 1), 0)
    assert amounts(fold) == amounts(plain)
    assert fold.rejected["ahead"] == 2, "the wrong one, and the first after the clock was set back"
    late = fold.windows.late
    fold.start_over()
    assert fold.windows.late == late, "a total"


def test_old_candles_of_a_second_are_removed_and_those_of_a_day_kept(tmp_path: Path) -> None:
    events = random_events(3, 60)
    follow(tmp_path, events, random.Random(4))
    later = random_events(4, 5)
    for number, event in enumerate(later):
        if event["kind"] == "trade":
            event |= {"ts": event["ts"].replace("2026-01-0", "2026-02-0"), "trade_id": str(10**6 + number)}
            event["received_at_ns"] += 40 * 86_400 * 10**9
    follow(tmp_path, events + later, random.Random(5))
    for market in markets(tmp_path):
        seconds, days = (candles(tmp_path, market, span, 0, 2**40) for span in (1, 86_400))
        assert not [start for start, _ in seconds if start < 1_767_900_000]
        assert dict(days) == candles_of(events + later, market.symbol, 86_400)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        candles(tmp_path, Market("binance", "BTC-USDT"), 60, 0, 1)
    assert markets(tmp_path) == []
    with closing(CandleWriter(tmp_path)), pytest.raises(StoreInUse):
        CandleWriter(tmp_path)


def test_a_damaged_store_is_kept_beside_and_made_again(tmp_path: Path) -> None:
    """Damage of the head shows when it is opened, that of a page when it is read or written."""
    events = random_events(6, 200)
    follow(tmp_path, events, random.Random(6))
    file = tmp_path / CANDLES.file_name
    damaged = bytearray(file.read_bytes())
    damaged[4096 * 2 :] = b"\xff" * (len(damaged) - 4096 * 2)
    file.write_bytes(damaged)
    with pytest.raises(StoreDamaged, match=r"it is market\.sqlite3\.set-aside now$"):
        follow(tmp_path, [*events, *random_events(7, 200)], random.Random(7))
    assert (tmp_path / "market.sqlite3.set-aside").read_bytes() == damaged
    file.write_bytes(b"no database" * 1_000)
    with pytest.raises(StoreDamaged, match=r"it is market\.sqlite3\.set-aside-2 now$"):
        CandleWriter(tmp_path)
    follow(tmp_path, events, random.Random(8))
    assert_candles(tmp_path, events)
    CANDLES.check(tmp_path)


def test_no_changed_byte_is_another_price(tmp_path: Path) -> None:
    """A candle is as it was, or there is none. Whatever is not as it was, `check` finds."""
    follow(tmp_path, random_events(6, 200), random.Random(6))
    file, chance = tmp_path / CANDLES.file_name, random.Random(6)
    sound, changed = all_candles(tmp_path), 0
    for _ in range(200):
        place, bit = chance.randrange(file.stat().st_size), chance.randrange(8)
        change_byte(file, place, bit)
        try:
            found = all_candles(tmp_path)
        except StoreUnavailable:
            found = set()
        assert found <= sound
        if found != sound:
            changed += 1
            assert is_named(tmp_path), (place, bit)
        change_byte(file, place, bit)
    assert changed > 30
    assert not is_named(tmp_path)


def all_candles(folder: Path) -> set[tuple[object, ...]]:
    market = Market("binance", "BTC-USDT")
    return {
        (span, start, *structs.astuple(candle))
        for span in SPANS
        for start, candle in candles(folder, market, span, 0, 2**40)
    }


def is_named(folder: Path) -> bool:
    """Whether a check of the whole store finds damage."""
    try:
        CANDLES.check(folder)
        check_rows(folder)
    except StoreUnavailable:
        return True
    return False


def make_first_layout(folder: Path) -> None:
    """Make the store one of the first version, without hashes, and with the highest id alone."""
    with closing(apsw.Connection(str(folder / CANDLES.file_name))) as connection:
        connection.execute("ALTER TABLE candles DROP COLUMN hash")
        for column in ("hash", "gaps", "latest_ns", "before_ns"):
            connection.execute(f"ALTER TABLE trade_ids DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 1")


def test_a_store_without_hashes_gets_them_with_the_next_trades(tmp_path: Path) -> None:
    events = random_events(9, 150)
    events = [event for place, event in enumerate(events) if place < 100 or "late" not in event]
    follow(tmp_path, events[:100], random.Random(9))
    make_first_layout(tmp_path)
    with pytest.raises(StoreMissing, match="earlier version"):
        candles(tmp_path, Market("binance", "BTC-USDT"), 60, 0, 1)
    follow(tmp_path, events, random.Random(10))
    assert_candles(tmp_path, events)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_candles_whose_file_is_removed_are_put_back_or_beside_what_stands_there(
    tmp_path: Path, *, is_replaced: bool
) -> None:
    events = random_events(9, 100)
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    elsewhere.mkdir()
    follow(data, events, random.Random(9))
    with closing(CandleWriter(data)) as store:
        store.commit(TOPIC, store.position, {}, store.known_trades)
        store.check_files()
        (data / CANDLES.file_name).unlink()
        if is_replaced:
            CandleWriter(elsewhere).close()
            (elsewhere / CANDLES.file_name).rename(data / CANDLES.file_name)
        with pytest.raises(StoreReplaced, match="was removed or replaced while it was open"):
            store.check_files()
    [copy] = data.glob("market-rescued-*") if is_replaced else [data / CANDLES.file_name]
    assert not (data / f"{CANDLES.file_name}-wal").exists(), "its pages are not those of the file that stands there"
    CANDLES.check(data)
    copy.rename(elsewhere / CANDLES.file_name)
    assert_candles(elsewhere, events)


@pytest.mark.parametrize("name", ["market.sqlite3-wal", "market.lock"])
def test_candles_whose_log_or_lock_is_removed_are_as_they_were(tmp_path: Path, name: str) -> None:
    events = random_events(9, 100)
    follow(tmp_path, events, random.Random(9))
    with closing(CandleWriter(tmp_path)) as store:
        store.commit(TOPIC, store.position, {}, store.known_trades)
        (tmp_path / name).unlink()
        with pytest.raises(StoreReplaced, match=f"{name} was removed or replaced while it was open$"):
            store.check_files()
    assert_candles(tmp_path, events)


def test_many_damaged_stores_are_a_bad_disk(tmp_path: Path) -> None:
    for kept in range(MAX_ASIDE + 1):
        (tmp_path / CANDLES.file_name).write_bytes(b"no database" * 1_000)
        with pytest.raises(StoreUnavailable, match="look at the disk" if kept == MAX_ASIDE else "set-aside"):
            CandleWriter(tmp_path)
    assert (tmp_path / CANDLES.file_name).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("PRAGMA user_version = 9", "has layout 9, this version knows 3: upgrade", id="newer-layout"),
        pytest.param("UPDATE position SET version = 9", "is of version 9, not 1: upgrade", id="newer-content"),
        pytest.param("PRAGMA application_id = 7", "is a database, but not a store of candles", id="foreign"),
    ],
)
def test_a_store_of_others_is_refused_and_not_touched(tmp_path: Path, change: str, message: str) -> None:
    follow(tmp_path, random_events(1, 20), random.Random(1))
    with closing(apsw.Connection(str(tmp_path / CANDLES.file_name))) as connection:
        connection.execute(change)
    before = (tmp_path / CANDLES.file_name).read_bytes()
    for use in (CandleWriter, position_of):
        with pytest.raises(StoreUnavailable, match=message):
            use(tmp_path)
    assert (tmp_path / CANDLES.file_name).read_bytes() == before


def test_a_backup_has_the_candles_and_goes_on_in_the_place_of_the_store(tmp_path: Path) -> None:
    events = random_events(9, 150)
    follow(tmp_path / "used", events[:100], random.Random(9))
    (copy,) = back_up(tmp_path / "used", tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == [copy] == [tmp_path / "copy" / CANDLES.file_name]
    assert_candles(tmp_path / "copy", events[:100])
    follow(tmp_path / "copy", events, random.Random(10))
    assert_candles(tmp_path / "copy", events)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        pytest.param({"kind": "trade", "price": "0"}, "out_of_range", id="price-0"),
        pytest.param({"kind": "trade", "price": "NaN"}, "out_of_range", id="not-a-number"),
        pytest.param({"kind": "trade", "qty": "-1"}, "out_of_range", id="negative-quantity"),
        pytest.param({"kind": "trade", "trade_id": "-1"}, "out_of_range", id="negative-id"),
        pytest.param({"kind": "trade", "trade_id": "x"}, "undecodable", id="id-of-letters"),
        pytest.param({"kind": "trade", "ts": "now"}, "undecodable", id="time-of-words"),
        pytest.param({"kind": "trade", "price": []}, "undecodable", id="price-of-another-type"),
        pytest.param({"kind": "quote", "bid": "0", "ask": "1"}, "out_of_range", id="bid-0"),
    ],
)
def test_what_can_not_be_used_is_counted_and_changes_nothing(event: Event, reason: str) -> None:
    good = next(one for one in random_events(5, 9) if one["kind"] == "trade")
    fold = MarketFold(WINDOWS, 0, {})
    fold.apply(batch_of([good | event, {"kind": "of tomorrow", "venue": "v", "symbol": "s"}], 1), 0)
    assert fold.rejected == {"undecodable": 0, "out_of_range": 0, "ahead": 0} | {reason: 1}
    assert (fold.pending, fold.windows.newest_ns) == (0, 0)

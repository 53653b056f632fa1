"""The store has each fill once, in the order of trading, with the corrections in force: as the plain way has it."""

import random
from contextlib import closing
from pathlib import Path

import pytest

from telemetry_stream.events import Batch, StreamPosition
from tests.trading_history.ledgers import STREAM, Ledger, a_random_ledger, fold, stored, take
from trading_history.backup import back_up
from trading_history.decode import ordinal
from trading_history.digest import digest
from trading_history.errors import StoreMissing, StoreUnavailable
from trading_history.reader import HistoryReader
from trading_history.schema import DATABASE, HISTORY_FILE
from trading_history.standing import Correction, Standing, standing_of
from trading_history.writer import HistoryWriter
from trading_model.accounting.fills import LineKey

XRP = LineKey("default", "default", "XRP/ETH", "", "")


@pytest.mark.parametrize("seed", range(30))
def test_any_ledger_gives_what_the_plain_way_gives(tmp_path: Path, seed: int) -> None:
    ledger = a_random_ledger(seed)
    fold(tmp_path, ledger)
    assert stored(tmp_path) == ledger.effective()


@pytest.mark.parametrize("seed", range(10))
def test_rows_are_the_same_however_the_ledger_came(tmp_path: Path, seed: int) -> None:
    ledger, chance = a_random_ledger(seed, 300), random.Random(seed)
    fold(tmp_path / "at once", ledger)
    cuts = sorted(chance.sample(range(1, 300), 40))
    fold(tmp_path / "in parts", ledger, cuts)
    assert digest(tmp_path / "in parts") == digest(tmp_path / "at once")
    fold(tmp_path / "one by one", ledger, list(range(1, 300)))
    assert digest(tmp_path / "one by one") == digest(tmp_path / "at once")


@pytest.mark.parametrize("seed", range(5))
def test_what_was_not_committed_comes_again(tmp_path: Path, seed: int) -> None:
    ledger, chance = a_random_ledger(seed, 300), random.Random(seed)
    fold(tmp_path / "unbroken", ledger)
    done = 0
    while done < len(ledger.events):
        writer = HistoryWriter(tmp_path / "broken")
        done = writer.position.sequence
        last = min(done + chance.randrange(1, 60), len(ledger.events))
        take(writer, ledger, last)
        if last < len(ledger.events):  # applied and then lost
            writer.apply(ledger.batch(last + 1))
        writer.close()
        done = last
    assert digest(tmp_path / "broken") == digest(tmp_path / "unbroken")


def test_skipped_events_are_not_applied_again(tmp_path: Path) -> None:
    ledger = a_random_ledger(1, 60)
    fold(tmp_path / "once", ledger)
    writer = HistoryWriter(tmp_path / "twice")
    writer.apply(ledger.batch(1, 40))
    writer.apply(ledger.batch(20, 60), skip=21)
    writer.commit(StreamPosition(STREAM, 60))
    writer.close()
    assert digest(tmp_path / "twice") == digest(tmp_path / "once")


def test_several_keys_come_merged_in_the_order_of_trading(tmp_path: Path) -> None:
    ledger = a_random_ledger(3)
    fold(tmp_path, ledger)
    expected = sorted(number for fills in ledger.effective().values() for number, _ in fills)
    reader = HistoryReader(tmp_path)
    with reader.snapshot() as snapshot:
        merged = list(snapshot.fills(snapshot.known_keys()))
        assert list(snapshot.fills([])) == []
        assert list(snapshot.fills([LineKey("no", "such", "key", "", "")])) == []
    reader.close()
    assert sorted(fill.seq for fill in merged) == expected
    places = [
        (fill.ts.removesuffix("Z").ljust(20, ".").ljust(29, "0"), ordinal(fill.trade_id), fill.seq) for fill in merged
    ]
    assert places == sorted(places)


def test_a_void_of_an_import_takes_all_its_fills_out_and_its_void_restores_them(tmp_path: Path) -> None:
    ledger = Ledger()
    import_ = ledger.import_("i-1")
    for number in range(5):
        ledger.fill(import_id="i-1", symbol=f"S{number % 2}", price="-2", qty="1.5")
    ledger.fill()
    void = ledger.void(import_)
    fold(tmp_path, ledger)
    reader = HistoryReader(tmp_path)
    with reader.snapshot() as snapshot:
        keys = snapshot.import_keys("i-1")
        assert [key.symbol for key in keys] == ["S0", "S1"]
        assert list(snapshot.fills(keys)) == []
        assert snapshot.import_keys("i-2") == []
        found = snapshot.import_totals("i-1", 1_000)
        totals = {(one.symbol, one.trades, str(one.volume), str(one.notional)) for one in found}
        assert totals == {("S0", 3, "4.5", "9.0"), ("S1", 2, "3.0", "6.0")}
    ledger.void(void)
    fold(tmp_path, ledger)
    with reader.snapshot() as snapshot:
        assert len(list(snapshot.fills(keys))) == 5
    reader.close()


def test_a_snapshot_stays_at_its_position_while_the_writer_goes_on(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.fill()
    fold(tmp_path, ledger)
    reader = HistoryReader(tmp_path)
    with reader.snapshot() as snapshot:
        ledger.fill()
        fold(tmp_path, ledger)
        assert snapshot.position.sequence == 1
        assert [fill.seq for fill in snapshot.fills([XRP])] == [1]
    with reader.snapshot() as snapshot:
        assert snapshot.position.sequence == 2
        assert [fill.seq for fill in snapshot.fills([XRP])] == [1, 2]
    reader.close()


def test_another_history_empties_the_store(tmp_path: Path) -> None:
    fold(tmp_path / "used", a_random_ledger(1))
    ledger = a_random_ledger(2)
    fold(tmp_path / "new", ledger)
    writer = HistoryWriter(tmp_path / "used")
    writer.start_over()
    writer.apply(ledger.batch())
    writer.commit(StreamPosition("another", len(ledger.events)))
    writer.close()
    assert digest(tmp_path / "used") == digest(tmp_path / "new")


def test_fills_of_another_history_that_wait_for_their_commit_are_dropped(tmp_path: Path) -> None:
    before, ledger = Ledger(), Ledger()
    before.fill()
    before.fill()
    ledger.fill(symbol="BTC/ETH")
    with closing(HistoryWriter(tmp_path)) as writer:
        writer.apply(before.batch())
        writer.start_over()
        writer.apply(ledger.batch())
        writer.commit(StreamPosition("another", 1))
    assert stored(tmp_path) == ledger.effective()


def test_what_cannot_be_decoded_is_counted_and_left_out(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.fill()
    ledger.fill(price=5)
    ledger.fill(ts="now")
    ledger.fill(ts="2026-13-04T05:06:07Z")
    ledger.fill(side="hold")
    ledger.add({"kind": 7})
    ledger.add({"kind": "void", "id": "v", "target": 99, "void": {"was": {"kind": "fill?"}}})
    ledger.add({"kind": "void", "id": "w", "target": 98, "void": {"was": ledger.at(1)}})
    ledger.fill()
    fold(tmp_path, ledger)
    reader = HistoryReader(tmp_path)
    with reader.snapshot() as snapshot:
        assert [fill.seq for fill in snapshot.fills([XRP])] == [1, 9]
        assert snapshot.counts() == {"fills": 2, "undecodable": 5, "unmatched": 1}
    reader.close()


@pytest.mark.parametrize("events", [b"", b'{"seq":1', b"[" * 100_000, b'{"seq":1,"trade_id":"\xff"}'])
def test_a_batch_of_nonsense_is_no_end(tmp_path: Path, events: bytes) -> None:
    writer = HistoryWriter(tmp_path)
    writer.apply(Batch(STREAM, 1, 1, events))
    writer.commit(StreamPosition(STREAM, 1))
    assert writer.counts["fills"] == 0
    writer.close()


def test_trade_ids_sort_as_numbers_and_others_last() -> None:
    ids = ["7", "007", "10", "9" * 30, "1" + "0" * 30, "٣", "x1", ""]
    ordinals = [ordinal(one) for one in ids]
    assert ordinals == sorted(ordinals)
    assert ordinals[0] == ordinals[1]
    assert len(set(ordinals[5:])) == 1


def test_a_long_chain_of_voids_alternates() -> None:
    chain: list[Correction] = []
    for seq in range(2, 5_000):
        chain.append(Correction(seq, "void", seq - 1))
        if seq > 4_990:
            assert standing_of(1, chain)[0] == Standing(in_force=len(chain) % 2 == 0)


def test_figures_are_settled_once_they_are_committed(tmp_path: Path) -> None:
    """Others ask while a thread folds: before, the last piece counted as done when it began."""
    fold(tmp_path, a_random_ledger(1, 60))
    with closing(HistoryWriter(tmp_path, with_figures=True)) as writer:
        before: list[bool] = []

        def committing() -> bool:
            before.append(writer.figures_are_settled)
            return False  # go on

        writer._connection.set_commit_hook(committing)
        writer.advance_figures()
        assert (set(before), writer.figures_are_settled) == ({False}, True)


def test_a_backup_is_a_whole_store_while_another_writes(tmp_path: Path) -> None:
    ledger = a_random_ledger(8, 120)
    with closing(HistoryWriter(tmp_path / "used")) as writer:
        take(writer, ledger, 100)
        writer.apply(ledger.batch(101))  # not committed
        copies = back_up(tmp_path / "used", tmp_path / "copy")
    assert [copy.name for copy in copies] == [HISTORY_FILE]
    fold(tmp_path / "expected", Ledger(ledger.events[:100]))
    assert digest(tmp_path / "copy") == digest(tmp_path / "expected")
    with pytest.raises(StoreUnavailable, match="there already"):
        back_up(tmp_path / "used", tmp_path / "copy")
    with pytest.raises(StoreMissing):
        back_up(tmp_path / "empty", tmp_path / "other")


def test_all_tables_are_strict(tmp_path: Path) -> None:
    """A text where a number belongs is an error at once, not a wrong figure later."""
    fold(tmp_path, a_random_ledger(1, 5))
    with DATABASE.reading(tmp_path) as connection:
        rows = connection.execute("SELECT name, strict FROM pragma_table_list WHERE type = 'table'").fetchall()
    strict = {str(name): strict for name, strict in rows if not str(name).startswith("sqlite_")}
    assert strict["position"]
    assert all(strict.values())

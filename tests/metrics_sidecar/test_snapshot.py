"""A snapshot is whole or is not used; a failed or killed save leaves the one before."""

import json
import os
import random
import shutil
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

import pytest

from metrics_sidecar.run import restore
from metrics_sidecar.snapshot import FILE_NAME, Snapshot, SnapshotFile, decode_body, encode
from telemetry_stream.errors import UnusableState
from telemetry_stream.events import StreamPosition
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from tests.metrics_sidecar.builders import STREAM, parse, samples, state_of, trade
from trading_model.accounting.state import TradingState

TRADES = [
    trade("buy", "0.3", "1000.10", fee="0.02"),
    trade("buy", "0.4", "999", symbol='quote"s:[]"positions":[],"last":{}'),
    trade("sell", "0.1", "1e3"),
    trade("buy", "7", "1.5"),
]


def snapshot_of(state: TradingState) -> Snapshot:
    return Snapshot(StreamPosition(STREAM, state.applied, "c0ffee"), state.freeze())


def save(file: SnapshotFile, state: TradingState) -> None:
    file.save(list(encode(snapshot_of(state))))


@pytest.fixture
def file(tmp_path: Path) -> SnapshotFile:
    return SnapshotFile(tmp_path / "not yet there")


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_saved_snapshot_loads_unchanged(file: SnapshotFile, count: int) -> None:
    state = state_of(TRADES[:count])
    save(file, state)
    assert file.load() == snapshot_of(state)


def test_many_positions_are_saved_in_slices(file: SnapshotFile) -> None:
    state = state_of([trade("buy", "1", "10", symbol=f"S{number}") for number in range(1_000)])
    assert len(list(encode(snapshot_of(state)))) > 8
    save(file, state)
    assert file.load() == snapshot_of(state)


def test_further_members_of_a_symbols_last_trade_are_ignored() -> None:
    snapshot = snapshot_of(state_of(TRADES))
    document = json.loads(b"".join(encode(snapshot)))
    for symbol, mark in document["moment"]["last"].items():
        mark |= {"symbol": symbol, "qty": "1", "side": "buy"}
    assert decode_body(json.dumps(document).encode()) == snapshot


def test_a_missing_file_loads_as_none(file: SnapshotFile) -> None:
    assert file.load() is None


def test_a_file_cut_off_anywhere_is_not_used(file: SnapshotFile) -> None:
    save(file, state_of(TRADES))
    content = file.path.read_bytes()
    for length in range(len(content)):
        with pytest.raises(UnusableState):
            file.decode(content[:length])


def test_a_file_with_any_byte_changed_is_not_used(file: SnapshotFile) -> None:
    save(file, state_of(TRADES))
    content = bytearray(file.path.read_bytes())
    chance = random.Random(20_260_304)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        with pytest.raises(UnusableState):
            file.decode(bytes(flipped))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "begin"),
        (b"{}", "begin"),
        (b"\x00" * 4096, "begin"),
        (b"trading-telemetry-snapshot 3 00\n{}", "version"),
        (b"trading-telemetry-snapshot 2 00\n{}", "checksum"),
        (b"trading-telemetry-snapshot 2 %b\n{}" % blake2b(b"{}", digest_size=16).hexdigest().encode(), "snapshot of"),
    ],
)
def test_a_foreign_file_is_rejected_with_the_reason(file: SnapshotFile, content: bytes, reason: str) -> None:
    with pytest.raises(UnusableState, match=reason):
        file.decode(content)


class Killed(BaseException):
    """What stands for kill -9 at one place in a save."""


@pytest.mark.parametrize("place", ["fsync of the file", "rename", "fsync of the folder"])
def test_killed_at_any_place_in_a_save_the_old_or_the_new_snapshot_is_there(
    file: SnapshotFile, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    old, new = state_of(TRADES[:2]), state_of(TRADES)
    save(file, old)
    syncs = 0

    def fsync(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        if place == ("fsync of the file", "fsync of the folder")[syncs - 1]:
            raise Killed
        os.fdatasync(descriptor)

    def rename(*_paths: Path) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        if place == "rename":
            patched.setattr(Path, "replace", rename)
        with pytest.raises(Killed):
            save(file, new)
    expected = new if place == "fsync of the folder" else old
    assert SnapshotFile(file.path.parent).load() == snapshot_of(expected)
    save(file, new)
    assert file.load() == snapshot_of(new)


def test_the_file_is_synced_before_the_rename_and_the_folder_after(
    file: SnapshotFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        seen.append("sync " + Path(f"/proc/self/fd/{descriptor}").resolve().name)
        real_fsync(descriptor)

    def replace(path: Path, target: Path) -> Path:
        seen.append("rename")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    save(file, state_of(TRADES))
    assert seen == [f"sync {FILE_NAME}.new", "rename", "sync not yet there"]


def test_a_restored_state_has_its_position(file: SnapshotFile) -> None:
    state = state_of(TRADES)
    save(file, state)
    restored, position = restore(file, limit=1_000)
    assert samples(restored.freeze()) == samples(state.freeze())
    assert position == StreamPosition(STREAM, 4, "c0ffee")


@pytest.mark.parametrize("spoil", ["torn", "other limit", "a folder"])
def test_without_a_usable_snapshot_it_starts_empty(file: SnapshotFile, spoil: str) -> None:
    save(file, state_of(TRADES))
    if spoil == "torn":
        file.path.write_bytes(file.path.read_bytes()[:-7])
    elif spoil == "a folder":
        file.path.unlink()
        file.path.mkdir()
    restored, position = restore(file, limit=999 if spoil == "other limit" else 1_000)
    assert restored.applied == 0
    assert position == StreamPosition()


GOLDEN = Path(__file__).parents[1] / "golden" / "ef86417"


def test_a_state_of_ef86417_is_rebuilt_from_its_journal_with_the_same_figures(tmp_path: Path) -> None:
    """`samples.txt` is what ef86417 exposed of the snapshot and the rest of the journal."""
    shutil.copy(GOLDEN / FILE_NAME, tmp_path)
    shutil.copy(GOLDEN / "journal.sqlite3", tmp_path)
    state, position = restore(SnapshotFile(tmp_path), limit=1_000)
    assert (state.applied, position) == (0, StreamPosition())
    Journal(tmp_path).close()
    with closing(JournalReader(tmp_path)) as reader:
        while state.applied < reader.head():
            state.apply(reader.read(state.applied, 100))
    shown, before = samples(state.freeze()), parse((GOLDEN / "samples.txt").read_text().splitlines())
    assert {name: shown.get(name) for name in before} == before

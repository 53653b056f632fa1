"""`metrics-sidecar doctor`: checks the snapshot, by itself and against the journal beside it."""

from pathlib import Path

from metrics_sidecar.snapshot import FILE_NAME, SnapshotFile
from telemetry_stream.errors import BackendUnavailable, DamagedHistory, UnusableState
from telemetry_stream.events import StreamPosition
from telemetry_stream.log import Store
from telemetry_stream.wire import fingerprint

ASIDE = f"{FILE_NAME}.set-aside"


def examine(store: Store, folder: Path, *, repair: bool) -> int:
    """Say what is found about the snapshot in a folder; 1 if something has to be done."""
    file = folder / FILE_NAME
    if not file.exists():
        print(f"{file}: not there; the sidecar rebuilds its state from the journal, and saves it")
        return 0
    problem = _problem(store, folder)
    if problem is None:
        return 0
    print(f"{file}\n  wrong: {problem}")
    if not repair:
        print("  Nothing is lost: the sidecar does not use it and rebuilds its state from the journal.")
        print("  `metrics-sidecar doctor --repair` sets it aside.")
        return 1
    file.rename(folder / ASIDE)
    print(f"  repaired: it is {ASIDE} now; the sidecar rebuilds its state from the journal at its next start")
    return 0


def _problem(store: Store, folder: Path) -> str | None:
    try:
        snapshot = SnapshotFile(folder).load()
    except (UnusableState, OSError) as error:
        return str(error)
    if snapshot is None:
        return None
    position = snapshot.position
    problem = _against_journal(store, folder, position)
    if problem is None:
        positions = len(snapshot.moment.positions)
        print(f"{folder / FILE_NAME}\n  sound: {positions:,} positions after {position.sequence:,} trades")
    return problem


def _against_journal(store: Store, folder: Path, position: StreamPosition) -> str | None:
    """What the journal in the same folder, if there is one, has against it."""
    if not store.file(folder).exists():
        print(f"{store.file(folder)}: not there; the snapshot is looked at by itself")
        return None
    try:
        reader = store.open_reader(folder)
    except BackendUnavailable as error:
        print(f"{store.file(folder)}: can't be read ({error}); see `trading-app doctor`")
        return None
    try:
        if position.stream != reader.stream:
            return f"it is of stream {position.stream}, the journal of {reader.stream}"
        if position.sequence > reader.head():
            return f"it holds {position.sequence:,} trades, the journal only {reader.head():,}"
        if position.hash:
            if position.hash != reader.hash_at(position.sequence):
                return f"the journal differs at or before trade {position.sequence:,}: it was exchanged"
        elif position.sequence:  # a snapshot of an earlier version
            last = reader.read(position.sequence - 1, 1)
            if fingerprint(last.events) != position.check:
                return f"trade {position.sequence:,} in the journal is another one: the journal was exchanged"
    except DamagedHistory as error:
        print(f"{store.file(folder)}: {error}; see `trading-app doctor`")
    finally:
        reader.close()
    return None

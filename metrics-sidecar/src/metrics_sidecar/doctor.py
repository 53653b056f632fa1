"""`metrics-sidecar doctor`: checks the snapshot alone, and against the journal in the same folder."""

from pathlib import Path

from metrics_sidecar.snapshot import FILE_NAME, SnapshotFile
from telemetry_stream.errors import BackendUnavailable, DamagedHistory, UnusableState
from telemetry_stream.events import StreamPosition
from telemetry_stream.log import Store
from telemetry_stream.wire import fingerprint

ASIDE = f"{FILE_NAME}.set-aside"


def examine(store: Store, folder: Path, *, repair: bool) -> int:
    """Check the snapshot in a folder and print the result. Gives the exit code: 0, or 1 if it is unusable.

    With `repair`, an unusable snapshot is renamed: the sidecar does not need it, and it may show what went wrong.
    """
    file = folder / FILE_NAME
    if not file.exists():
        print(f"{file}: missing; the sidecar rebuilds its state from the journal and saves it")
        return 0
    problem = _problem(store, folder)
    if problem is None:
        return 0
    print(f"{file}\n  wrong: {problem}")
    if not repair:
        print("  No data is lost: the sidecar ignores it and rebuilds its state from the journal.")
        print("  `metrics-sidecar doctor --repair` renames it.")
        return 1
    file.rename(folder / ASIDE)
    print(f"  repaired: renamed to {ASIDE}; the sidecar rebuilds its state from the journal at its next start")
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
        print(f"{folder / FILE_NAME}\n  sound, after event {position.sequence:,}; positions: {positions:,}")
    return problem


def _against_journal(store: Store, folder: Path, position: StreamPosition) -> str | None:
    """Why the snapshot does not fit the journal in the same folder; None if it does, or without a readable journal."""
    if not store.file(folder).exists():
        print(f"{store.file(folder)}: missing; only the snapshot is checked")
        return None
    try:
        reader = store.open_reader(folder)
    except BackendUnavailable as error:
        print(f"{store.file(folder)}: can't be read ({error}); see `trading-app doctor`")
        return None
    try:
        if position.stream != reader.stream:
            return f"it belongs to stream {position.stream}, the journal to {reader.stream}"
        if position.sequence > reader.head():
            return f"it includes {position.sequence:,} events, the journal only {reader.head():,}"
        if position.hash:
            if position.hash != reader.hash_at(position.sequence):
                return f"the journal differs at or before trade {position.sequence:,}: it was replaced"
        elif position.sequence:  # a snapshot of a version without hashes
            last = reader.read(position.sequence - 1, 1)
            if fingerprint(last.events) != position.check:
                return f"trade {position.sequence:,} differs in the journal: the journal was replaced"
    except DamagedHistory as error:
        print(f"{store.file(folder)}: {error}; see `trading-app doctor`")
    finally:
        reader.close()
    return None

"""Copies of the stores, each of one moment, while programs write and read them."""

from collections.abc import Sequence
from pathlib import Path

import apsw

from telemetry_stream.durable_files import sync
from trading_history.candles.store import CANDLES
from trading_history.database import Database
from trading_history.errors import StoreMissing, StoreUnavailable, own_errors
from trading_history.schema import DATABASE

STORES = (DATABASE, CANDLES)


def back_up(folder: Path, target: Path) -> Sequence[Path]:
    """Copy the stores of `folder` to the folder `target`; gives the copies. An existing file is never overwritten.

    Raises StoreMissing where there is none, StoreDamaged, NewerStore, StoreUnavailable.
    """
    found = [store for store in STORES if (folder / store.file_name).exists()]
    if not found:
        raise StoreMissing(f"{folder} has no {DATABASE.file_name}: trading-analytics builds it")
    copies = [target / store.file_name for store in found]
    for copy in copies:
        if copy.exists():
            raise StoreUnavailable(f"{copy} is there already: name an empty folder")
    with own_errors(target):
        target.mkdir(parents=True, exist_ok=True)
    for store, copy in zip(found, copies, strict=True):
        _copy(store, folder, copy)
    return copies


def _copy(store: Database, folder: Path, copy: Path) -> None:
    """Copy one store. Under the name of the copy is a whole one, on disk, or nothing."""
    part = copy.with_name(f"{copy.name}.part")
    with own_errors(part):
        part.unlink(missing_ok=True)
        try:
            with store.reading(folder) as connection:
                try:
                    store.copy(connection, part)
                except apsw.FullError as error:  # else it would be said of the store
                    raise StoreUnavailable(f"{part} can't grow, its disk is full: free some space") from error
            sync(part)
            part.rename(copy)
            sync(copy.parent)
        finally:
            for left in (part, part.with_name(f"{part.name}-journal")):
                left.unlink(missing_ok=True)  # it may hold all the room that was left

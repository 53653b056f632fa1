"""Copies of the stores, each of one moment, while programs write and read them."""

from collections.abc import Sequence
from pathlib import Path

import apsw

from trading_history.candles.store import FILE as MARKET_FILE
from trading_history.errors import StoreMissing, StoreUnavailable, own_errors
from trading_history.schema import HISTORY_FILE

FILES = (HISTORY_FILE, MARKET_FILE)


def back_up(folder: Path, target: Path) -> Sequence[Path]:
    """Copy the stores of `folder` to the folder `target`; gives the copies. An existing file is never overwritten.

    Raises StoreMissing where there is none, StoreDamaged, StoreUnavailable.
    """
    found = [name for name in FILES if (folder / name).exists()]
    if not found:
        raise StoreMissing(f"{folder} has no {HISTORY_FILE}: trading-analytics builds it")
    taken = [str(target / name) for name in found if (target / name).exists()]
    if taken:
        raise StoreUnavailable(f"{taken[0]} is there already: name an empty folder")
    with own_errors(target):
        target.mkdir(parents=True, exist_ok=True)
    for name in found:
        with own_errors(folder / name):
            connection = apsw.Connection(str(folder / name), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                connection.execute("VACUUM INTO ?", (str(target / name),))
            finally:
                connection.close(force=True)
    return [target / name for name in found]

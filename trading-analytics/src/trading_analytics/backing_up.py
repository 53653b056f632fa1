"""`trading-analytics backup`: copies the history and the candles, while the program runs too."""

from pathlib import Path

from trading_analytics.rebuilding import complain
from trading_history.backup import back_up
from trading_history.errors import HistoryError


def back_up_history(folder: Path, target: Path) -> int:
    """Copy the stores of `folder` to `target` and print the copies. Gives the exit code: 0, or 1 if it failed."""
    try:
        copies = back_up(folder, target)
    except HistoryError as error:
        complain(str(error))
        return 1
    for copy in copies:
        print(f"{copy}: {copy.stat().st_size:,} bytes")
    return 0

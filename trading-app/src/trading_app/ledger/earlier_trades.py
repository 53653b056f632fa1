"""Whether a position has trades before a time, by the history, as far as there is one."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from trading_history.errors import HistoryError
from trading_history.queries.keys import Wanted, first_fill
from trading_history.reader import HistoryReader
from trading_model.contents import Opening
from trading_model.timestamps import unix_ns


class FirstTrade(Protocol):
    """Says when the first trade before an opening was, in ns since 1970; None if there is none, or it is not known."""

    def __call__(self, opening: Opening, canonical: Callable[[str], str], ledger: str) -> int | None:
        """`canonical` gives the symbol that a symbol stands for; `ledger` is the id of the ledger."""


def first_trades(folder: Path) -> FirstTrade:
    """A FirstTrade that asks the history in a folder."""

    def first_trade(opening: Opening, canonical: Callable[[str], str], ledger: str) -> int | None:
        wanted = Wanted(opening.account, opening.strategy, opening.symbol)
        try:
            reader = HistoryReader(folder)
        except HistoryError:
            return None
        try:
            with reader.snapshot() as snapshot:
                if snapshot.position.stream != ledger:
                    return None
                return first_fill(snapshot, wanted, opening.position_side or "", canonical, unix_ns(opening.ts))
        except HistoryError:
            return None
        finally:
            reader.close()

    return first_trade

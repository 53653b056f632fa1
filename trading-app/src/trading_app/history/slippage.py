"""Slippage in answers. Without candles that can be read, figures of the ledger are answered all the same."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from trading_app.history.question import Question
from trading_history.errors import HistoryError
from trading_history.queries.grouping import Member
from trading_history.queries.slippage import (
    GroupSlippage,
    Slippage,
    Traded,
    group_slippage,
    slippages,
)
from trading_history.queries.trades import FoundFill
from trading_history.queries.value import Value
from trading_history.reader import Snapshot
from trading_model.decimals import AVERAGE

UNAVAILABLE = "market_unavailable"
"""Why there is none where the store of candles can't be read."""


def not_converted(_group: Mapping[str, str], _currency: str) -> GroupSlippage:
    """The slippage of a group in a base currency: none, with the reason."""
    none = Value(None, "converted")
    return GroupSlippage(none, none, 0)


def of_fills(folder: Path, fills: Sequence[FoundFill], now_ns: int) -> Sequence[Slippage]:
    """The slippage of each fill."""
    traded = [
        Traded(one.symbol, one.venue, one.side, Decimal(one.price), Decimal(one.qty), one.place.ts_ns) for one in fills
    ]
    try:
        return slippages(folder, traded, now_ns)
    except HistoryError:
        return [Slippage(None, reason=UNAVAILABLE)] * len(fills)


def of_groups(
    folder: Path, snapshot: Snapshot, question: Question, tag: str | None, by: Sequence[Member]
) -> Callable[[Mapping[str, str], str], GroupSlippage]:
    """Gives that of a group in a currency."""
    scope, times = question.scope(snapshot, tag), question.times(snapshot)
    try:
        found, reason = group_slippage(snapshot, folder, scope, times, by, question.now_ns)
    except HistoryError:
        found, reason = {}, UNAVAILABLE
    none = Value(None, reason)

    def of_group(group: Mapping[str, str], currency: str) -> GroupSlippage:
        return found.get((tuple(group.items()), currency)) or GroupSlippage(none, none, 0)

    return of_group


def in_bps(share: Value) -> Value:
    """A share in hundredths of a percent."""
    return share if share.value is None else Value(AVERAGE.scaleb(share.value, 4))

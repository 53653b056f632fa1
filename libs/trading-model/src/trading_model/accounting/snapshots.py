"""The state of the accounting at one moment, as a value: what is saved, scraped and served. No I/O."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading_model.accounting.book import Last
from trading_model.accounting.cash import CashKey
from trading_model.accounting.dated import DatedSum
from trading_model.accounting.dated_positions import CashEntry
from trading_model.accounting.fills import LineKey
from trading_model.accounting.marks import Mark
from trading_model.accounting.positions import PositionSnapshot
from trading_model.accounting.totals import TotalsSnapshot
from trading_model.contents import LedgerEvent
from trading_model.kinds import FILL

FOLD = 7
"""Version of the accounting. Raise it whenever the same events give another state; see tests/trading_model/golden."""


class LineSnapshot(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A key as sent: `position` is the index of its position."""

    key: LineKey
    position: int


Named = tuple[LineKey, tuple[tuple[Decimal, int], ...]]
"""A key as sent, and how many of its fills in force name each multiplier."""


class WaitingImport(NamedTuple):
    """An import that the event `at` took back, or restored (`change`), whose fills are not found yet."""

    at: int
    id: str
    change: str


class StateSnapshot(msgspec.Struct, frozen=True):
    """The state after the event with sequence `applied`. Immutable.

    `totals` and `positions` are in the order of their first trade, `last` has each market's last price. `other` has the
    totals beyond the limit on positions. `events` counts events by kind; `incomplete_since` is the sequence of the
    first unknown one, 0 while figures are complete. `late` counts fills that arrived after a later one of their
    position. `used` is how much of `limit` the positions take. `kept` are the events of other kinds that later ones may
    depend on; `imports` those taken back or restored whose fills are not found yet. `elsewhere` has the last fill of
    each market among the keys without a position. `fold` is the version of the accounting. With a `base_currency`,
    `dated_cash` is the income by time, `dated_cash_sums` its sums in that currency.
    """

    stream: str
    applied: int
    limit: int
    positions: list[PositionSnapshot]
    totals: list[TotalsSnapshot]
    last: dict[str, Mark]
    lines: list[LineSnapshot]
    multipliers: list[Named]
    other: TotalsSnapshot
    rejected: dict[str, int]
    events: dict[str, int]
    cash: list[tuple[CashKey, Decimal]]
    kept: list[LedgerEvent]
    imports: list[WaitingImport]
    elsewhere: dict[str, Last]
    incomplete_since: int = 0
    late: int = 0
    used: int = 0
    fold: int = 1
    base_currency: str = ""
    dated_cash: list[CashEntry] = []
    dated_cash_sums: dict[str, DatedSum] = {}

    @property
    def full(self) -> bool:
        """Whether trades are counted without a position, or the next new key's may be."""
        return self.used >= self.limit or self.other.trades > 0

    @property
    def is_of_this_fold(self) -> bool:
        """Whether this version of the accounting made it."""
        return self.fold == FOLD

    @property
    def fills(self) -> int:
        """The number of fills that were applied."""
        return self.events[FILL]

    @property
    def recomputing(self) -> int:
        """The number of positions whose figures are those before a correction."""
        return sum(held.recomputing for held in self.positions)

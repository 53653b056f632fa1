"""Everything that is known of the trades of one stream: a fold over its batches. No I/O."""

from collections.abc import Generator
from decimal import Decimal

import msgspec

from metrics_sidecar.exact import LEAST, TOO_MUCH, amount_fits, exactly
from metrics_sidecar.fills import UNDECODABLE, Fill, read_fills
from metrics_sidecar.positions import Holding, Overflow, Position
from telemetry_stream.types import Batch

OUT_OF_RANGE = "out_of_range"
SLICE = 512
"""So many positions are frozen between two chances for others to run: a fraction of a millisecond."""


class Moment(msgspec.Struct, frozen=True):
    """The state as it was when `applied` was the last sequence in it; nothing changes it later.

    `positions` stand in the order in which their first trade came, `last` holds each symbol's last fill. `other` is
    what was counted past the limit on positions.
    """

    stream: str
    applied: int
    limit: int
    positions: list[Holding]
    last: dict[str, Fill]
    other: Holding
    rejected: dict[str, int]


class TradingState:
    """Positions and totals of one stream, at most `limit` keys of them.

    Trades of further keys are counted under one key that holds no position: the totals are still those of all trades.
    """

    def __init__(self, limit: int, stream: str = "") -> None:
        self.limit = limit
        self.stream = stream
        self.applied = 0
        self.positions: dict[tuple[str, str, str], Position] = {}
        self.last: dict[str, Fill] = {}
        self.other = Overflow()
        self.rejected = {UNDECODABLE: 0, OUT_OF_RANGE: 0}
        self._generation = 0
        self._freezing = False

    @classmethod
    def restored(cls, moment: Moment) -> "TradingState":
        """The state that was frozen."""
        state = cls(moment.limit, moment.stream)
        state.applied = moment.applied
        for held in moment.positions:
            state._open(held.account, held.strategy, held.symbol).restore(held)
        state.last = dict(moment.last)
        state.other.restore(moment.other)
        state.rejected |= moment.rejected
        return state

    def freeze(self) -> Moment:
        """What is known now, to be read at leisure while further batches are applied."""
        freezing = self.freeze_in_slices()
        while True:
            try:
                next(freezing)
            except StopIteration as frozen:
                moment: Moment = frozen.value
                return moment

    def freeze_in_slices(self) -> Generator[None, None, Moment]:
        """The same for many positions: batches applied between two slices don't get in. One freeze at a time."""
        self._generation += 1
        self._freezing = True
        generation, positions, frozen = self._generation, list(self.positions.values()), list[Holding]()
        other, rejected = self.other.freeze(generation), self.rejected.copy()
        moment = Moment(self.stream, self.applied, self.limit, frozen, self.last.copy(), other, rejected)
        try:
            for start in range(0, len(positions), SLICE):
                frozen.extend(position.freeze(generation) for position in positions[start : start + SLICE])
                yield
        finally:
            self._freezing = False
        return moment

    def apply(self, batch: Batch, skip: int = 0) -> None:
        """Apply the batch's events but for the first `skip`. What can't be applied is counted, and passed over."""
        fills, undecodable = read_fills(batch, skip)
        self.rejected[UNDECODABLE] += undecodable
        self._apply_fills(fills)
        self.applied = batch.last

    @exactly
    def _apply_fills(self, fills: list[Fill]) -> None:
        positions, last = self.positions, self.last
        freezing, generation = self._freezing, self._generation
        for fill in fills:
            if not (LEAST <= fill.price < TOO_MUCH and LEAST <= fill.qty < TOO_MUCH):
                self.rejected[OUT_OF_RANGE] += 1
                continue
            if fill.fee is not None and not amount_fits(fill.fee):
                self.rejected[OUT_OF_RANGE] += 1
                continue
            notional = fill.price * fill.qty
            position = positions.get((fill.account, fill.strategy, fill.symbol))
            if position is None:
                self._apply_first(fill, notional)
                continue
            if freezing:
                position.freeze(generation)
            position.apply(fill, notional)
            if fill.fee is not None:
                position.charge(fill.fee, fill.fee_currency)
            last[fill.symbol] = fill

    def _apply_first(self, fill: Fill, notional: Decimal) -> None:
        """Apply a fill whose key has no position yet, and may get none."""
        target: Position = self.other
        if len(self.positions) < self.limit:
            target = self._open(fill.account, fill.strategy, fill.symbol)
        target.apply(fill, notional)
        if fill.fee is not None:
            target.charge(fill.fee, fill.fee_currency)
        if target is not self.other or fill.symbol in self.last:
            self.last[fill.symbol] = fill

    def _open(self, account: str, strategy: str, symbol: str) -> Position:
        position = self.positions[account, strategy, symbol] = Position(account, strategy, symbol)
        return position

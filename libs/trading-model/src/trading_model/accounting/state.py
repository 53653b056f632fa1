"""All positions and totals of one stream: a fold over its batches. No I/O."""

from collections.abc import Generator

import msgspec

from trading_model.accounting.fills import UNDECODABLE, EventBatch, Fill, read_batch
from trading_model.accounting.marks import Mark, Market
from trading_model.accounting.positions import MAX_FEE_CURRENCIES, Overflow, Position, PositionSnapshot
from trading_model.decimals import MIN, TOO_MUCH, amount_fits, exactly

FOLD = 2
"""Version of the accounting. Raise it whenever the same events give another state; see tests/trading_model/golden."""

OUT_OF_RANGE = "out_of_range"
_NO_BOOK: dict[str, Position] = {}
LABEL_BYTES = 128
"""Bytes of account, strategy and symbol that count as one position: each of a position's series repeats them."""

SLICE = 512
"""Positions frozen between two yields: a fraction of a millisecond."""


class StateSnapshot(msgspec.Struct, frozen=True):
    """The state after the event with sequence `applied`. Immutable.

    `positions` are in the order of their first trade, `last` has each symbol's last trade. `other` has the totals
    beyond the limit on positions. `asides` and `unknown` count events that are not fills; `incomplete_since` is the
    sequence of the first unknown one, 0 while figures are complete. `used` is how much of `limit` the positions take.
    `fold` is the version of the accounting.
    """

    stream: str
    applied: int
    limit: int
    positions: list[PositionSnapshot]
    last: dict[str, Mark]
    other: PositionSnapshot
    rejected: dict[str, int]
    asides: int = 0
    unknown: int = 0
    incomplete_since: int = 0
    used: int = 0
    fold: int = 1

    @property
    def full(self) -> bool:
        """Whether trades are counted without a position, or the next new key's may be."""
        return self.used >= self.limit or self.other.trades > 0

    @property
    def is_of_this_fold(self) -> bool:
        """Whether this version of the accounting would give the same state.

        Version 1 had no kinds of events, no shares of the limit and no maximum of fee currencies. Its state is the same
        if none of these made a difference.
        """
        if self.fold != 1:
            return self.fold == FOLD
        used = sum(cost(held.account, held.strategy, held.symbol) for held in self.positions)
        few_fees = all(len(held.fees) <= MAX_FEE_CURRENCIES for held in self.positions)
        return used <= self.limit and few_fees and not self.other.trades and not self.rejected[UNDECODABLE]

    @property
    def fills(self) -> int:
        """The number of events in the figures."""
        return self.applied - self.asides - self.unknown - sum(self.rejected.values())


def cost(account: str, strategy: str, symbol: str) -> int:
    """What a key takes of the limit on positions: 1 for each LABEL_BYTES of its names, rounded up."""
    characters = len(account) + len(strategy) + len(symbol)
    if characters * 4 > LABEL_BYTES:  # a character has at most 4 bytes in UTF-8, so short names need no encoding
        characters = len((account + strategy + symbol).encode())
    return max(1, -(-characters // LABEL_BYTES))


def newcomers_limit(limit: int) -> int:
    """What all positions together may take: `limit` plus a quarter, reserved for accounts with few positions."""
    return limit + limit // 4


class TradingState:
    """Positions and totals of one stream, with positions for at most `limit` keys.

    Trades of further keys are counted in `other`, which has no position, so the totals still include all trades. An
    account can't keep others out: beyond the limit each may have a hundredth of it, from a reserve of a quarter.
    """

    def __init__(self, limit: int, stream: str = "") -> None:
        self.limit = limit
        self.stream = stream
        self.applied = 0
        self._positions: list[Position] = []
        self._books: dict[tuple[str, str], dict[str, Position]] = {}
        self._markets: dict[str, Market] = {}
        self.other = Overflow()
        self.rejected = {UNDECODABLE: 0, OUT_OF_RANGE: 0}
        self.asides = self.unknown = self.incomplete_since = 0
        self._used = 0
        self._used_by_account: dict[str, int] = {}
        self._generation = 0
        self._freezing = False

    @classmethod
    def restored(cls, moment: StateSnapshot) -> "TradingState":
        """The state that a snapshot describes."""
        state = cls(moment.limit, moment.stream)
        state.applied = moment.applied
        for held in moment.positions:
            state._open(held.account, held.strategy, held.symbol, moment.last[held.symbol]).restore(held)
        state.other.restore(moment.other)
        state.rejected |= moment.rejected
        state.asides, state.unknown = moment.asides, moment.unknown
        state.incomplete_since = moment.incomplete_since
        return state

    def freeze(self) -> StateSnapshot:
        """A snapshot, which batches applied later do not change."""
        freezing = self.freeze_in_slices()
        while True:
            try:
                next(freezing)
            except StopIteration as frozen:
                moment: StateSnapshot = frozen.value
                return moment

    def freeze_in_slices(self) -> Generator[None, None, StateSnapshot]:
        """The same in slices, for many positions. Batches applied between two slices are not in the snapshot.

        While it runs, `apply` freezes each position before it changes it, so a later slice finds the earlier copy. One
        freeze at a time: two generations would overwrite each other's copies.
        """
        self._generation += 1
        self._freezing = True
        # Copies: positions and symbols opened between two slices are not part of this snapshot.
        generation, positions, markets = self._generation, self._positions.copy(), list(self._markets.values())
        other, rejected = self.other.freeze(generation), self.rejected.copy()
        moment = StateSnapshot(
            self.stream,
            self.applied,
            self.limit,
            [],
            {},
            other,
            rejected,
            self.asides,
            self.unknown,
            self.incomplete_since,
            self._used,
            FOLD,
        )
        try:
            for start in range(0, len(positions), SLICE):
                moment.positions.extend([position.freeze(generation) for position in positions[start : start + SLICE]])
                yield
            for start in range(0, len(markets), SLICE):
                moment.last.update(
                    {market.symbol: market.freeze(generation) for market in markets[start : start + SLICE]}
                )
                yield
        finally:
            self._freezing = False
        return moment

    def apply(self, batch: EventBatch, skip: int = 0) -> None:
        """Apply the events of a batch after its first `skip`. Events that can't be applied are counted and skipped.

        An event of an unknown kind may change figures, so figures are incomplete from there on.
        """
        content = read_batch(batch, skip)
        self.rejected[UNDECODABLE] += content.undecodable
        self.asides += content.asides
        self.unknown += content.unknown
        self.incomplete_since = self.incomplete_since or content.first_unknown
        self._apply_fills(content.fills)
        self.applied = batch.last

    @exactly
    def _apply_fills(self, fills: list[Fill]) -> None:
        freezing, generation = self._freezing, self._generation
        account: str | None = None
        strategy, book = "", _NO_BOOK
        for fill in fills:
            price, qty, fee = fill.price, fill.qty, fill.fee
            # A NaN compares as false, so it is rejected here too.
            if not (MIN <= price < TOO_MUCH and MIN <= qty < TOO_MUCH):
                self.rejected[OUT_OF_RANGE] += 1
                continue
            if fee is not None and not (MIN <= fee < TOO_MUCH or amount_fits(fee)):
                self.rejected[OUT_OF_RANGE] += 1
                continue
            if fill.account != account or fill.strategy != strategy:  # most fills have those of the fill before
                account, strategy = fill.account, fill.strategy
                book = self._books.get((account, strategy), _NO_BOOK)
            position = book.get(fill.symbol)
            if position is None:
                self._apply_first(fill)
                account = None  # the key's book may be new: look it up for the next fill
                continue
            market = position.market
            if freezing:  # copy before the change; see freeze_in_slices
                position.freeze(generation)
                market.freeze(generation)
            position.apply(fill.side, price, qty)
            if fee is not None:
                position.charge(fee, fill.fee_currency)
            market.price, market.ts = price, fill.ts

    def _apply_first(self, fill: Fill) -> None:
        """Apply a fill whose key has no position: open one, or count the fill in `other`."""
        target: Position = self.other
        market = self._markets.get(fill.symbol)
        if market is not None:
            if self._freezing:
                market.freeze(self._generation)
            market.price, market.ts = fill.price, fill.ts
        if self._admits(fill):
            target = self._open(fill.account, fill.strategy, fill.symbol, Mark(fill.price, fill.ts))
        target.apply(fill.side, fill.price, fill.qty)
        if fill.fee is not None:
            target.charge(fill.fee, fill.fee_currency)

    def _admits(self, fill: Fill) -> bool:
        """Whether the fill's key gets a position. Depends on earlier fills only, so a rebuild decides the same."""
        key_cost = cost(fill.account, fill.strategy, fill.symbol)
        used = self._used + key_cost
        if used <= self.limit:
            return True
        used_by_account = self._used_by_account.get(fill.account, 0) + key_cost
        return used <= newcomers_limit(self.limit) and used_by_account <= max(1, self.limit // 100)

    def _open(self, account: str, strategy: str, symbol: str, mark: Mark) -> Position:
        """Open a position; `mark` is the symbol's first price if the symbol is new."""
        market = self._markets.get(symbol)
        if market is None:
            market = self._markets[symbol] = Market(symbol, mark)
        position = Position(account, strategy, symbol)
        position.market = market
        key_cost = cost(account, strategy, symbol)
        self._used += key_cost
        self._used_by_account[account] = self._used_by_account.get(account, 0) + key_cost
        self._positions.append(position)
        self._books.setdefault((account, strategy), {})[symbol] = position
        return position

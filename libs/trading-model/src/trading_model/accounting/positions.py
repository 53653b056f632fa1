"""A position while it is followed: its book, its recent steps, and what waits while it is recomputed. No I/O.

Steps arrive in nearly the order of trading. For those that do not there are checkpoints, and the batches since then in
the `window`, so that a live race is settled at once. What is older has to be folded from the store: see `refold`.
"""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading_model.accounting.book import Book, BookKey, BookState, Convert
from trading_model.accounting.fills import Fill, LineKey
from trading_model.accounting.marks import Market, SplitOfMark
from trading_model.accounting.order import FIRST, Order, order_of_fill
from trading_model.accounting.steps import Step, fold, order_of
from trading_model.accounting.totals import Totals
from trading_model.decimals import ZERO
from trading_model.instruments import Terms

NEVER = -1
"""A length that no time has: it sends every further fill the slow way."""


class Line:
    """The fills of one key as sent: their counters, and the position to which they belong."""

    __slots__ = ("key", "more", "multiplier", "named", "position", "shown", "terms", "totals")

    def __init__(self, key: LineKey, totals: Totals, terms: Terms, position: "Position") -> None:
        self.key = key
        self.totals = totals
        self.terms = terms
        self.position = position
        self.shown = position
        """The position whose figures are shown for them: an earlier one while theirs waits to be folded."""

        self.named: dict[Decimal, int] = {}
        """How many fills in force name each multiplier, without those in `more`."""

        self.more = 0
        """Further fills that name `multiplier`: counted apart, since to look up a decimal takes as long as a step."""

        self.multiplier: Decimal | None = None
        """The largest that a fill in force names; a position has one."""


class Edit(msgspec.Struct, frozen=True):
    """A change of a position's steps: what the event with sequence `at` takes out and puts in.

    `since` is an order from which on figures change without a change of steps: a late rate. `is_stored` says that the
    store of fills has the change too, once it has come to `at`.
    """

    at: int
    is_stored: bool = True
    removed: tuple[Step, ...] = ()
    inserted: tuple[Step, ...] = ()
    since: Order | None = None

    @property
    def earliest(self) -> Order | None:
        """The first place in the order that it touches; None for none."""
        orders = [order_of(step) for step in (*self.removed, *self.inserted)]
        if self.since is not None:
            orders.append(self.since)
        return min(orders, default=None)


class Checkpoint(NamedTuple):
    """The book after the events up to a sequence.

    All steps in it are in force and not after `state.latest`; all others in force are after it.
    """

    seq: int
    state: BookState


class PositionSnapshot(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A position at one moment. `market` names its mark. `cash` is the income of this key in the P&L's currency.

    `recomputing` says that figures are those before a correction that is not in them yet.
    """

    key: BookKey
    terms: Terms
    state: BookState
    market: str
    cash: Decimal = ZERO
    recomputing: bool = False
    seen: Order = FIRST
    names_currency: bool = False
    """Whether the fills, not the symbol, say the currency: two positions may then differ in nothing else."""

    multipliers_differ: bool = False
    """Whether its fills name different ones. One position has one: the largest."""

    splits: tuple[SplitOfMark, ...] = ()
    """The splits that concern this position, and not all accounts."""

    has_steps: bool = True
    """Whether a step is in force. One that has none any more has no income: as if it had never had one."""


class Position(Book):
    """A position. Call its methods under the EXACT context."""

    __slots__ = (
        "_changed",
        "_frozen",
        "_generation",
        "cash",
        "checkpoints",
        "epoch",
        "extras",
        "is_blank",
        "lines",
        "market",
        "names_currency",
        "pending",
        "pending_from",
        "recomputing",
        "replaces",
        "seen",
        "splits",
        "ts_length",
    )

    def __init__(self, key: BookKey, terms: Terms, convert: Convert, market: Market) -> None:
        super().__init__(key, terms, convert)
        self.market = market
        self.lines: list[Line] = []
        self.cash = ZERO
        self.ts_length = NEVER
        """Length of the last fill's time; NEVER while fills must take the slow way."""

        self.epoch = -1
        """When the last checkpoint was made."""

        self.checkpoints: deque[Checkpoint] = deque()
        self.extras: dict[int, Step] = {}
        """Steps after the first checkpoint that came by edits or from the store, by sequence: not in the window."""

        self.recomputing = False
        self.pending: list[Edit] = []
        self.pending_from = 0
        """Edits of events after this sequence are all in `pending`."""

        self.names_currency = False
        self.splits: tuple[SplitOfMark, ...] = ()
        self.seen = FIRST
        """The latest fill that came, in force or not; fills that came the fast way since the last edit may be later."""

        self.is_blank = False
        """Whether it has no figures yet, since it was never recomputed."""

        self.replaces: list[Position] = []
        """The positions that are shown meanwhile; none once this one is shown itself."""

        self._frozen: PositionSnapshot | None = None
        self._generation = 0
        self._changed = True

    def blank(self) -> Book:
        """A book of the same key without steps."""
        return Book(self.key, self.terms, self._convert)

    def keep(self, epoch: int, seq: int, oldest: int) -> None:
        """Make a checkpoint, and drop those before `oldest`: the window has what came since then."""
        self.epoch = epoch
        checkpoints = self.checkpoints
        while checkpoints and checkpoints[0].seq < oldest:
            checkpoints.popleft()
        checkpoints.append(Checkpoint(seq, self.state()))
        if self.extras:
            first = checkpoints[0].state.latest
            self.extras = {at: step for at, step in self.extras.items() if order_of(step) > first}

    def checkpoint_before(self, order: Order, oldest: int) -> Checkpoint | None:
        """The last checkpoint before an order; None if the steps since then are not all in memory."""
        for checkpoint in reversed(self.checkpoints):
            if checkpoint.seq < oldest:
                return None
            if checkpoint.state.latest < order:
                return checkpoint
        return None

    def refold(self, checkpoint: Checkpoint, steps: Iterable[Step]) -> None:
        """Fold steps on a checkpoint, in order. Later checkpoints do not hold any more."""
        while self.checkpoints and self.checkpoints[-1] is not checkpoint:
            self.checkpoints.pop()
        self.epoch = -1
        self.set(checkpoint.state)
        for step in steps:
            fold(self, step)
        self.settle()

    def settle(self) -> None:
        """Notice the last fill and step after a change by another way than the hot loop."""
        last = FIRST if self.last is None else self.last.order
        is_plain = not self.recomputing and last >= self.seen and self.latest_other.time < last.time
        self.ts_length = len(self.ts) if is_plain else NEVER
        self._changed = True

    def wait(self, edit: Edit) -> None:
        """Keep an edit for after the recomputation."""
        if not self.recomputing:
            self.recomputing = True
            self.pending_from = edit.at - 1
            self.ts_length = NEVER
            self._changed = True
        self.pending.append(edit)

    def drop_pending(self, at: int) -> None:
        """Forget the edits that wait, of events up to `at`: the store has what they change."""
        self.pending = []
        self.pending_from = at

    def restore(self, held: PositionSnapshot, applied: int) -> None:
        """Continue from a snapshot of the state after `applied`. What waited then is in the store."""
        self.set(held.state)
        self.checkpoints.append(Checkpoint(applied, held.state))
        self.cash, self.seen = held.cash, held.seen
        self.recomputing, self.pending_from = held.recomputing, applied
        self.settle()
        self._frozen, self._changed = held, False

    def take(self, book: Book, before: BookState, steps: list[Step], stored: int) -> None:
        """Take a recomputed book of the fills up to `stored`. `before` is the state before its last steps, `steps`."""
        self.set(book.state())
        self.checkpoints.clear()
        self.checkpoints.append(Checkpoint(stored, before))
        self.extras = {step.seq: step for step in steps}
        self.epoch = -1
        self.recomputing = self.is_blank = False
        self.pending = []
        self.settle()

    def see(self, order: Order) -> bool:
        """Notice a fill that came the slow way. Returns whether a later one came before it."""
        self.note_last()
        is_late = order < self.seen
        self.seen = max(self.seen, order)
        self._changed = True
        return is_late

    def note_last(self) -> None:
        """Remember the last fill, which an edit may take out: a fill before it is late all the same."""
        last = self.last
        if last is not None:
            self.seen = max(self.seen, last.order)

    def is_followed_by(self, fill: Fill) -> bool:
        """Whether a fill follows the last step in the order of trading, and the last fill that came."""
        return not self.recomputing and order_of_fill(fill.ts, fill.trade_id, fill.seq) > max(self.latest, self.seen)

    def set_splits(self, splits: Iterable[SplitOfMark]) -> None:
        """Take the splits in force that concern this position, and not all accounts."""
        self.splits = tuple(splits)
        self._changed = True

    def _multipliers_differ(self) -> bool:
        return len(set().union(*(line.named for line in self.lines))) > 1

    def touch(self) -> None:
        """Notice a change of `cash`, or that the recomputation ended."""
        self._changed = True

    def freeze(self, generation: int) -> PositionSnapshot:
        """An immutable copy. Called again with the same generation, it gives the copy made at the first call.

        Without a change in between, it is the same object, by which a scrape recognises what has not changed.
        """
        frozen = self._frozen
        if frozen is None or (self._generation != generation and (self._changed or _last_seq(frozen) != self.last_seq)):
            self._changed = False
            if self.seen != FIRST:
                self.note_last()
            frozen = self._frozen = PositionSnapshot(
                self.key,
                self.terms,
                self.state(),
                self.market.name,
                self.cash,
                self.recomputing,
                self.seen,
                self.names_currency,
                self._multipliers_differ(),
                self.splits,
                self.latest != FIRST,
            )
        self._generation = generation
        return frozen


def _last_seq(held: PositionSnapshot) -> int:
    return 0 if held.state.last is None else held.state.last.seq

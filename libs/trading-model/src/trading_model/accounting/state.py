"""All positions and totals of one stream: a fold over its batches. No I/O."""

from collections.abc import Generator, Iterable, Sequence
from decimal import Decimal

from trading_model.accounting.adjustments import Adjustments, book_key
from trading_model.accounting.book import EMPTY, BookKey, Last
from trading_model.accounting.cash import Cash
from trading_model.accounting.corrections import Corrections, root_of
from trading_model.accounting.dated_positions import DatedCash, DatedPosition, Dater
from trading_model.accounting.fills import (
    UNDECODABLE,
    EventBatch,
    Fill,
    Item,
    LineKey,
    UnknownEvent,
    line_of,
    read_batch,
)
from trading_model.accounting.marks import ACCOUNT_SEPARATOR, GivenPrice, Market, Marks
from trading_model.accounting.order import MOVE, Order, order_of_fill, order_of_other
from trading_model.accounting.positions import NEVER, Checkpoint, Edit, Line, Position
from trading_model.accounting.quota import Quota
from trading_model.accounting.refold import MAX_TAIL, TAIL_STEPS, Fresh, Refold, upper_case
from trading_model.accounting.snapshots import FOLD, LineSnapshot, StateSnapshot, WaitingImport
from trading_model.accounting.steps import Carried, MoveStep, Step, order_of, place_of
from trading_model.accounting.totals import ADDED, REMOVED, Count, Overflow, Totals
from trading_model.accounting.window import Window
from trading_model.contents import LedgerEvent, Price
from trading_model.decimals import MIN, TOO_MUCH, ZERO, amount_fits, exactly
from trading_model.instruments import Instruments, Terms
from trading_model.kinds import ASIDE, FILL, KNOWN_KINDS, UNKNOWN
from trading_model.rates import Rates
from trading_model.symbols import same_currency
from trading_model.trade import Side

OUT_OF_RANGE = "out_of_range"

SLICE = 512
"""Positions frozen between two yields: a fraction of a millisecond."""

EPOCH_BITS = 13
"""A position gets a checkpoint at its first fill in each 2^13 sequences, half of what the window has."""

BUSY = 2**8
"""A position gets another one at each 2^8th purchase: what at most is folded again after a race, and as many sales."""

MAX_PENDING = 8_192
"""Edits that wait for recomputations, of all positions: some 10 MB. Beyond it, these begin again behind them."""

KEPT_KINDS = ("opening", "split", "move", "instrument", "price", "rate", "import")
"""Kinds of events that later events may depend on."""

ImportAmount = tuple[str, str, str, Side, int, Decimal, Decimal]
"""Account, strategy, symbol as sent, side; trades, quantity and notional of an import's fills."""

_NO_SHELF: dict[object, Line] = {}


class TradingState:
    """Positions and totals of one stream, with positions for at most `limit` keys.

    Trades of further keys are counted in `other`, which has no position, so the totals still include all trades.
    """

    def __init__(self, limit: int, stream: str = "", base_currency: str = "") -> None:
        """With a `base_currency`, positions in other currencies are followed in that one too."""
        self.limit = limit
        self.stream = stream
        self.applied = 0
        self.other = Overflow()
        self.rejected = {UNDECODABLE: 0, OUT_OF_RANGE: 0}
        self.events = dict.fromkeys((FILL, ASIDE, UNKNOWN, *KNOWN_KINDS), 0)
        self.incomplete_since = 0
        self.late = 0
        self.imports: list[WaitingImport] = []
        """Imports taken back or restored whose fills are not found yet."""

        self.waits = 0
        """Edits that had to wait for the store so far."""

        self._pending = 0
        self.wants_refold = False
        """Whether a position or an import may wait for the store since the last plan."""

        self._instruments = Instruments()
        self.rates = Rates()
        self.base_currency = base_currency
        self._dater = Dater(base_currency, self.rates) if base_currency else None
        self._dated_cash = DatedCash(self._dater) if self._dater is not None else None
        self._corrections = Corrections()
        self._adjustments = Adjustments(self._instruments)
        self._cash = Cash()
        self._kept: dict[int, LedgerEvent] = {}
        self._prices: dict[int, Price] = {}
        """The prices by hand in force, by sequence."""

        self._quota = Quota(limit)
        self._totals: dict[tuple[str, str, str], Totals] = {}
        self._shelves: dict[tuple[str, str], dict[object, Line]] = {}
        self._positions: dict[BookKey, Position] = {}
        self._shown: list[Position] = []
        self._markets: dict[str, Market] = {}
        self._sourced: dict[Market, None] = {}
        """The markets that have other sources than the last fills of their positions."""

        self._window = Window(0)
        self._edits: dict[Position, list[Edit]] = {}
        """Changes of steps that the end of the batch makes."""

        self._frozen_lines: list[LineSnapshot] | None = None
        self._generation = 0
        self._freezing = False

    @classmethod
    def restored(cls, moment: StateSnapshot) -> "TradingState":
        """The state that a snapshot describes."""
        state = cls(moment.limit, moment.stream, moment.base_currency)
        state._restore(moment)
        return state

    # A snapshot

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

        While it runs, each position is frozen before it changes, so a later slice finds the earlier copy. One freeze at
        a time: two generations would overwrite each other's copies.
        """
        self._generation += 1
        self._freezing = True
        # Copies: positions and symbols opened between two slices are not part of this snapshot.
        generation, positions, totals = self._generation, self._shown.copy(), list(self._totals.values())
        marks = Marks(self._markets.values(), self._sourced)
        moment = StateSnapshot(
            self.stream,
            self.applied,
            self.limit,
            [],
            [],
            {},
            self._line_snapshots(positions),
            self.other.freeze(generation),
            self.rejected.copy(),
            self.events.copy(),
            list(self._cash.sums.items()),
            list(self._kept.values()),
            self.imports.copy(),
            {market.name: market.sources.other for market in self._sourced if market.sources.other is not None},
            self.incomplete_since,
            self.late,
            self._quota.used,
            FOLD,
            self.base_currency,
            [] if self._dated_cash is None else self._dated_cash.entries,
            {} if self._dated_cash is None else self._dated_cash.sums.copy(),
        )
        try:
            for start in range(0, len(totals), SLICE):
                moment.totals.extend([one.freeze(generation) for one in totals[start : start + SLICE]])
                yield
            for start in range(0, len(positions), SLICE):
                frozen = [position.freeze(generation) for position in positions[start : start + SLICE]]
                moment.positions.extend(frozen)
                for one in frozen:
                    marks.add(one.market, one.state.last)
                yield
            for start in range(0, len(marks), SLICE):
                moment.last.update(marks.some(start, start + SLICE))
                yield
        finally:
            self._freezing = False
        return moment

    def _line_snapshots(self, positions: list[Position]) -> list[LineSnapshot]:
        """The lines; made again only after one was opened or changed: each scrape asks for them."""
        if self._frozen_lines is None:
            indexes = {position: index for index, position in enumerate(positions)}
            self._frozen_lines = [
                LineSnapshot(line.key, indexes[line.shown], line.multiplier, line.multipliers_differ)
                for shelf in self._shelves.values()
                for line in shelf.values()
            ]
        return self._frozen_lines

    # Batches

    def apply(self, batch: EventBatch, skip: int = 0) -> None:
        """Apply the events of a batch after its first `skip`. Events that can't be applied are counted and skipped.

        An event of an unknown kind may change figures, so figures are incomplete from there on.
        """
        content = read_batch(batch, skip)
        self._window.add(batch, skip)
        if content.items is None:
            self._apply_fills(content.fills, content.plain)
        else:
            self.rejected[UNDECODABLE] += content.undecodable
            self.events[ASIDE] += content.asides
            self._apply_items(content.items)
        self.applied = batch.last
        if self._edits:
            self._settle()

    def _apply_items(self, items: list[Item]) -> None:
        fills: list[Fill] = []
        for item in items:
            if isinstance(item, Fill):
                fills.append(item)
                continue
            if fills:
                self._apply_fills(fills, False)
                fills = []
            self.applied = item.seq
            if isinstance(item, UnknownEvent):
                self.events[UNKNOWN] += 1
                self.incomplete_since = self.incomplete_since or item.seq
            else:
                self.events[item.kind] += 1
                self._apply_event(item)
        if fills:
            self._apply_fills(fills, False)

    @exactly
    def _apply_fills(self, fills: Sequence[Fill], plain: bool) -> None:  # noqa: C901 - calls would cost a third
        freezing, generation, epoch = self._freezing, self._generation, self.applied >> EPOCH_BITS
        edits = self._edits
        account: str | None = None
        strategy, shelf = "", _NO_SHELF
        rejected = 0
        for fill in fills:
            price, qty, fee = fill.price, fill.qty, fill.fee
            # A NaN compares as false, so it is rejected here too.
            if MIN <= price < TOO_MUCH and MIN <= qty < TOO_MUCH:
                counted = notional = price * qty
            elif self._takes(fill):
                notional = price * qty
                counted = abs(notional)
            else:
                rejected += 1
                continue
            if fee is not None and not (MIN <= fee < TOO_MUCH or amount_fits(fee)):
                rejected += 1
                continue
            if fill.account != account or fill.strategy != strategy:  # most fills have those of the fill before
                account, strategy = fill.account, fill.strategy
                shelf = self._shelves.get((account, strategy), _NO_SHELF)
            line = shelf.get(fill.symbol) if plain else None
            if line is None:
                line = self._line_of(fill)
                account = None  # the key's shelf may be new: look it up for the next fill
                if line is None:
                    continue
            totals, position = line.totals, line.position
            if freezing:  # copy before the change; see freeze_in_slices
                totals.freeze(generation)
                position.freeze(generation)
            if fill.side == "buy":
                bought = totals.buy_trades = totals.buy_trades + 1
                totals.buy_volume += qty
                totals.buy_notional += counted
                if not bought % BUSY:
                    position.epoch = -1
            else:
                totals.sell_trades += 1
                totals.sell_volume += qty
                totals.sell_notional += counted
            if not plain and self._corrections.is_taken_back(fill.import_id):
                totals.correct(REMOVED, fill)
                continue
            ts = fill.ts
            # As texts, times of the same length sort as the times do.
            if ts <= position.ts or len(ts) != position.ts_length:
                if position in edits or not position.is_followed_by(fill):
                    self._take_late(position, fill)
                    continue
                position.ts_length = len(ts)
            if position.epoch != epoch:
                position.keep(epoch, fill.seq - 1, self._window.after)
            position.fill(fill, notional)
        if rejected:
            self.rejected[OUT_OF_RANGE] += rejected
        self.events[FILL] += len(fills) - rejected

    def _takes(self, fill: Fill) -> bool:
        """Whether a fill of an uncommon price is valid: 0, or negative where the instrument says so."""
        price = fill.price
        if not MIN <= fill.qty < TOO_MUCH or not amount_fits(price):
            return False
        terms = self._instruments.find(fill.symbol, fill.currency or "", fill.multiplier)
        return price == ZERO or terms.negative_prices

    def _take_late(self, position: Position, fill: Fill) -> None:
        """Take a fill that does not follow the last step of its position, or that came behind one that doesn't."""
        self.late += position.see(order_of_fill(fill.ts, fill.trade_id, fill.seq))
        self._edit(position, Edit(fill.seq, inserted=(fill,)))

    def _line_of(self, fill: Fill) -> Line | None:
        """The line of a fill, which it opens if need be; None beyond the limit, where it only counts the fill."""
        self.applied = fill.seq - 1
        line = self._line_with_multiplier(fill)
        if line is None:
            self._count_other(fill)
        return line

    def _line_with_multiplier(self, fill: Fill) -> Line | None:
        """The line of a fill, which may name the line's multiplier; None beyond the limit."""
        line = self._line(line_of(fill))
        named = fill.multiplier
        if line is not None and named is not None and line.multiplier not in (None, named):
            line.multipliers_differ = True
            line.position.touch()
            self._frozen_lines = None
        if line is not None and named is not None and (line.multiplier is None or named > line.multiplier):
            line.multiplier = named
            self._frozen_lines = None
            self._renew([line])
        return line

    def _count_other(self, fill: Fill) -> None:
        self.other.count(fill)
        market = self._markets.get(self._instruments.canonical(fill.symbol))
        if market is not None:
            market.offer(Last.of(fill))

    # Lines and positions

    def _line(self, key: LineKey) -> Line | None:
        """The line of a key, which it opens if there is none; None beyond the limit."""
        shelf = self._shelves.get((key.account, key.strategy))
        line = None if shelf is None else shelf.get(_shelf_name(key))
        if line is not None:
            return line
        owner = key[:3]
        if not self._quota.admits(*owner):
            return None
        totals = self._totals.get(owner)
        if totals is None:
            totals = self._totals[owner] = Totals(*owner)
        terms = self._instruments.terms(key.symbol, key.currency)
        return self._add_line(key, totals, terms, self._position(book_key(key, terms), terms))

    def _add_line(self, key: LineKey, totals: Totals, terms: Terms, position: Position) -> Line:
        self._frozen_lines = None
        line = Line(key, totals, terms, position)
        self._quota.take(*key[:3])
        position.lines.append(line)
        self._shelves.setdefault((key.account, key.strategy), {})[_shelf_name(key)] = line
        return line

    def _position(self, key: BookKey, terms: Terms) -> Position:
        """The position of a key, which it opens if there is none."""
        position = self._positions.get(key)
        if position is None:
            position = self._new_position(key, terms)
            self._shown.append(position)
            self._frozen_lines = None
            self._fold_whole(position)
        return position

    def _new_position(self, key: BookKey, terms: Terms) -> Position:
        """A position without steps, in the place of one with the same key."""
        market = self._market(key, terms)
        position = self._make_position(key, terms, market)
        position.cash = self._cash_of(key)
        position.set_splits(self._adjustments.own_splits_of(key))
        position.names_currency = self._instruments.terms(key.symbol).currency != key.currency
        self._positions[key] = position
        return position

    def _make_position(self, key: BookKey, terms: Terms, market: Market) -> Position:
        if self._dater is not None and self._dater.dates(key.currency):
            return DatedPosition(key, terms, self.rates.at, market, self._dater)
        return Position(key, terms, self.rates.at, market)

    def _market(self, key: BookKey, terms: Terms) -> Market:
        """The market that marks a position: of the symbol, or of the symbol in its account."""
        name = f"{key.symbol}{ACCOUNT_SEPARATOR}{key.account}" if terms.mark in ("account", "venue") else key.symbol
        market = self._markets.get(name)
        if market is None:
            market = self._markets[name] = Market(name, self._sourced)
            market.set_splits(self._adjustments.splits_of(key.symbol))
            market.set_given(self._given_prices().get(key.symbol, ()))
        return market

    def _given_prices(self) -> dict[str, list[GivenPrice]]:
        """The prices by hand in force, by canonical symbol."""
        given: dict[str, list[GivenPrice]] = {}
        for seq, content in self._prices.items():
            symbol = self._instruments.terms(content.symbol).canonical
            given.setdefault(symbol, []).append(GivenPrice(seq, content.price, content.ts))
        return given

    def _renew_markets(self) -> None:
        """Give all markets their prices by hand and splits again, after symbols came to mean others."""
        given = self._given_prices()
        for name, market in self._markets.items():
            symbol = name.partition(ACCOUNT_SEPARATOR)[0]
            market.set_given(given.get(symbol, ()))
            market.set_splits(self._adjustments.splits_of(symbol))

    @exactly
    def _fold_whole(self, position: Position) -> None:
        """Fold all steps of a new position, which are in memory."""
        whole = Checkpoint(self._window.after, EMPTY)
        position.checkpoints.append(whole)
        position.refold(whole, self._steps_since(position, whole))

    # Edits: steps out of order, and corrections

    def _edit(self, position: Position, edit: Edit) -> None:
        """Note a change of a position's steps. Those of one batch are made at its end, all at once."""
        self._freeze_position(position)
        position.note_last()
        position.ts_length = NEVER
        self._edits.setdefault(position, []).append(edit)

    @exactly
    def _settle(self) -> None:
        """Change steps in memory, or mark positions until they are recomputed from the store."""
        while self._edits:
            position = next(iter(self._edits))
            edits = self._edits.pop(position)
            if self._positions.get(position.key) is not position:  # another took its place, and has the steps
                continue
            self._freeze_position(position)
            if position.recomputing or not self._edit_in_memory(position, edits):
                self._wait_with_linked(position, edits)
                self.wants_refold = True

    def _edit_in_memory(self, position: Position, edits: list[Edit]) -> bool:
        orders = [order for edit in edits if (order := edit.earliest) is not None]
        if not orders:
            return True
        earliest = min(orders)
        if earliest > position.latest and not any(edit.removed for edit in edits):
            position.checkpoints.append(Checkpoint(edits[0].at - 1, position.state()))
        checkpoint = position.checkpoint_before(earliest, self._window.after)
        if checkpoint is None:
            return False
        for edit in edits:
            for step in edit.removed:
                position.extras.pop(step.seq, None)
            position.extras.update({step.seq: step for step in edit.inserted})
        carried = self._costs_carried_by(position)
        position.refold(checkpoint, self._steps_since(position, checkpoint))
        self._carry_on(position, carried)
        return True

    def _steps_since(self, position: Position, checkpoint: Checkpoint) -> list[Step]:
        """The steps in force after a checkpoint, in the order of trading."""
        own = {line.key for line in position.lines}
        symbols = self._corrections.journaled_as({key.symbol for key in own})
        steps: dict[int, Step] = {}
        for fill in self._window.fills(checkpoint.seq, self.applied, symbols) if own else ():
            taken = self._corrections.effective(fill)
            if taken is not None and line_of(taken) in own and self._is_valid(taken):
                steps[fill.seq] = taken
        for seq, step in position.extras.items():
            taken_extra = self._corrections.effective(step) if isinstance(step, Fill) else None
            if taken_extra is not None and line_of(taken_extra) in own:
                steps[seq] = taken_extra
        latest = checkpoint.state.latest
        everything = [*steps.values(), *self._adjustments.steps_of(position.key)]
        return sorted((step for step in everything if order_of(step) > latest), key=place_of)

    def _is_valid(self, fill: Fill) -> bool:
        """Whether a fill of the window was applied, not rejected."""
        if fill.fee is not None and not amount_fits(fill.fee):
            return False
        return (MIN <= fill.price < TOO_MUCH and MIN <= fill.qty < TOO_MUCH) or self._takes(fill)

    def _freeze_position(self, position: Position) -> None:
        if self._freezing:
            position.freeze(self._generation)

    def _costs_carried_by(self, position: Position) -> dict[int, Decimal | None]:
        """The cost of each move out of a position whose other side depends on it."""
        if not self._adjustments.carried:
            return {}
        return {
            step.seq: step.carried.worth
            for step in self._adjustments.steps_of(position.key)
            if isinstance(step, MoveStep) and step.carries_cost and not step.comes_in
        }

    def _carry_on(self, position: Position, before: dict[int, Decimal | None]) -> None:
        """Fold the other side of a move again if the cost that it brings has changed."""
        for seq, worth in self._costs_carried_by(position).items():
            sink = self._adjustments.sink_of(seq)
            if before.get(seq) == worth or sink is None:
                continue
            line = self._line(sink[0])
            if line is not None and line.position is not position:
                self._edit(line.position, Edit(self.applied, False, since=order_of_other(sink[1], MOVE, seq)))

    # Events of other kinds

    def _apply_event(self, event: LedgerEvent) -> None:
        if event.void is not None or event.replace is not None:
            self._correct(event)
            return
        if event.kind in KEPT_KINDS:
            self._kept[event.seq] = event
        self._set_in_force(event, True, event.seq)

    def _correct(self, event: LedgerEvent) -> None:
        """Apply a void or a replace: what it is about in the end is in force, or is not, or is another fill."""
        root, corrections = root_of(event), self._corrections
        self._kept[event.seq] = event
        if isinstance(root, Fill):
            before = corrections.effective(root)
            corrections.add(event)
            after = corrections.effective(root)
            if before != after:
                self._change(before, after, event.seq)
        elif root is None:
            corrections.add(event)
            self.incomplete_since = self.incomplete_since or event.seq
        else:
            was = corrections.in_force(root.seq)
            corrections.add(event)
            if corrections.in_force(root.seq) != was:
                self._set_in_force(root, not was, event.seq)

    @exactly
    def _change(self, before: Fill | None, after: Fill | None, at: int) -> None:
        """A fill is another one now: count it, and change the steps of its position, or of both."""
        edits: dict[Position, Edit] = {}
        for change, fill in ((REMOVED, before), (ADDED, after)):
            if fill is None:
                continue
            line = self._line_with_multiplier(fill)
            totals = self.other if line is None else line.totals
            if self._freezing:
                totals.freeze(self._generation)
            totals.correct(change, fill)
            if line is not None:
                edit = edits.get(line.position, Edit(at))
                removed = (fill,) if change == REMOVED else edit.removed
                inserted = (fill,) if change == ADDED else edit.inserted
                self._freeze_position(line.position)
                line.position.see(order_of_fill(fill.ts, fill.trade_id, fill.seq))
                edits[line.position] = Edit(at, True, removed, inserted)
        for position, edit in edits.items():
            self._edit(position, edit)

    def _set_in_force(self, event: LedgerEvent, in_force: bool, at: int) -> None:
        """Apply an event that is no correction, or take it back."""
        if event.cash is not None:
            self._add_cash(event, 1 if in_force else -1)
        elif event.opening is not None or event.split is not None or event.move is not None:
            self._adjust(event, in_force, at)
        elif event.instrument is not None:
            instruments = self._instruments
            changed = instruments.say(event.seq, event.instrument) if in_force else instruments.take_back(event.seq)
            if changed:
                self._renew([line for shelf in self._shelves.values() for line in shelf.values()])
                self._renew_markets()
        elif event.mark is not None:
            self._mark(event, in_force)
        elif event.rate is not None:
            if in_force:
                self.rates.say(event.seq, event.rate)
            else:
                self.rates.take_back(event.seq)
            self._value_again((event.rate.base, event.rate.quote), order_of_other(event.rate.ts, 0, 0), at)
        elif event.import_ is not None:
            self._set_import(event.id, in_force, at)

    @exactly
    def _add_cash(self, event: LedgerEvent, sign: int) -> None:
        assert event.cash is not None
        key = self._cash.add(event.cash, sign)
        if key.is_income and self._dated_cash is not None:
            self._dated_cash.add(event.cash, sign)
        if not key.symbol:
            return
        symbol = self._instruments.terms(key.symbol).canonical
        position = self._positions.get(BookKey(key.account, key.strategy, symbol, key.position_side, key.currency))
        if position is not None and key.is_income:
            self._freeze_position(position)
            position.cash += event.cash.amount * sign
            position.touch()

    def _cash_of(self, key: BookKey) -> Decimal:
        """The income of a position in its P&L's currency."""
        owned = [cash for cash in self._cash.sums if cash.symbol and cash.is_income and cash[:2] == key[:2]]
        terms = self._instruments.terms
        return sum(
            (
                self._cash.sums[cash]
                for cash in owned
                if cash[3:5] == key[3:5] and terms(cash.symbol).canonical == key.symbol
            ),
            ZERO,
        )

    def _adjust(self, event: LedgerEvent, in_force: bool, at: int) -> None:
        """Add an opening, a split or a move to the steps of the positions that it concerns, or take it out."""
        lines = [self._line(owner) for owner in self._adjustments.owners_of(event)]
        positions = list(dict.fromkeys(line.position for line in lines if line is not None))
        if event.split is not None:
            split = event.split
            positions = [one for one in self._positions.values() if self._adjustments.concerns(split, one.key)]
        before = {position: self._adjustments.steps_of(position.key) for position in positions}
        if in_force:
            self._adjustments.put(event)
        else:
            self._adjustments.remove(event.seq)
        if event.split is not None:
            self._set_splits(self._instruments.terms(event.split.symbol).canonical)
            for position in positions:
                self._freeze_position(position)
                position.set_splits(self._adjustments.own_splits_of(position.key))
        for position, steps in before.items():
            here = steps if not in_force else self._adjustments.steps_of(position.key)
            changed = tuple(step for step in here if step.seq == event.seq)
            edit = Edit(at, False, inserted=changed) if in_force else Edit(at, False, removed=changed)
            self._edit(position, edit)

    def _set_splits(self, symbol: str) -> None:
        for name, market in self._markets.items():
            if name.partition(ACCOUNT_SEPARATOR)[0] == symbol:
                market.set_splits(self._adjustments.splits_of(symbol))

    def _mark(self, event: LedgerEvent, in_force: bool) -> None:
        """Take a price by hand, or take it back."""
        assert event.mark is not None
        if in_force:
            self._prices[event.seq] = event.mark
        else:
            del self._prices[event.seq]
        symbol = self._instruments.terms(event.mark.symbol).canonical
        given = self._given_prices().get(symbol, ())
        for name, market in self._markets.items():
            if name.partition(ACCOUNT_SEPARATOR)[0] == symbol:
                market.set_given(given)

    def _value_again(self, pair: tuple[str, str], since: Order, at: int) -> None:
        """Value again what a rate changes since its time: fees in its currencies, amounts in the base currency."""
        if self._dated_cash is not None:
            self._dated_cash.value_again(pair)
        for position in list(self._positions.values()):
            fees = any(same_currency(label, code) for label in position.fees for code in pair)
            dated = self._dater is not None and self._dater.is_concerned(pair, position.key.currency)
            changes = (fees or dated) and position.latest > since
            if position.recomputing or position in self._edits or changes:
                self._edit(position, Edit(at, False, since=since))

    def _set_import(self, import_id: str, in_force: bool, at: int) -> None:
        """Take all fills of an import back, or restore them. Those that are not in memory have to be looked up."""
        if self._corrections.is_taken_back(import_id) is not in_force:
            return
        if self._window.after:
            self._corrections.set_import(import_id, in_force)
            self.imports.append(WaitingImport(at, import_id, ADDED if in_force else REMOVED))
            self.wants_refold = True
            return
        fills = [fill for fill in self._window.fills(0, at) if fill.import_id == import_id and self._is_valid(fill)]
        before = [self._corrections.effective(fill) for fill in fills]
        self._corrections.set_import(import_id, in_force)
        for fill, was in zip(fills, before, strict=True):
            now = self._corrections.effective(fill)
            if was != now:
                self._change(was, now, at)

    # Other positions for the same lines, after an instrument changed

    @exactly
    def _renew(self, lines: list[Line]) -> None:
        """Give the lines whose terms changed their new positions, folded from memory or left to be recomputed."""
        old = self._positions_to_renew([line for line in lines if self._terms_of(line) != line.terms])
        if not old:
            return
        carried: dict[int, Decimal | None] = {}
        for position in old:
            self._freeze_position(position)
            position.note_last()
            carried |= self._costs_carried_by(position)
            del self._positions[position.key]
        new: dict[BookKey, Position] = {}
        # The line that names the largest multiplier says that of the position.
        concerned = [line for position in old for line in position.lines]
        for line in sorted(concerned, key=lambda line: -(line.multiplier or ZERO)):
            line.terms = self._terms_of(line)
            key = book_key(line.key, line.terms)
            line.position = new[key] = new.get(key) or self._new_position(key, line.terms)
            line.position.lines.append(line)
        seen = max(position.seen for position in old)
        for position in new.values():
            position.seen = seen
        if self._window.after:
            self._leave_to_refold(list(new.values()), old)
            return
        for position in new.values():
            self._fold_whole(position)
        self._show(list(new.values()), old)
        for position in new.values():
            self._carry_on(position, carried)

    def _positions_to_renew(self, changed: list[Line]) -> list[Position]:
        """The positions that these lines leave, and those that they come to."""
        old = {line.position.key: line.position for line in changed}
        for line in changed:
            key = book_key(line.key, self._terms_of(line))
            if key in self._positions:
                old[key] = self._positions[key]
        return list(old.values())

    def _leave_to_refold(self, new: list[Position], old: list[Position]) -> None:
        """Let new positions be folded from the store. Until then the old ones are shown, marked."""
        self.wants_refold = True
        shown = list(dict.fromkeys(one for position in old for one in position.replaces or [position]))
        for position in new:
            own = {line.key for line in position.lines}
            left = [one for one in old if any(line.key in own for line in one.lines)]
            position.is_hidden = True
            position.replaces = list(dict.fromkeys(shown_one for one in left for shown_one in one.replaces or [one]))
            self._wait_with_linked(position, [Edit(self.applied + 1, False)])
        for position in shown:
            position.recomputing = True
            position.touch()

    def _wait_with_linked(self, position: Position, edits: list[Edit]) -> None:
        """Let a position wait for the store, with those whose cost depends on it by moves."""
        for key in self._adjustments.linked(position.key):
            linked = self._positions.get(key)
            if linked is not None:
                self._freeze_position(linked)
                linked.wait(Edit(edits[-1].at))
        for edit in edits:
            self._wait(position, edit)

    def _wait(self, position: Position, edit: Edit) -> None:
        position.wait(edit)
        self.waits += 1
        self._pending += 1
        if self._pending > MAX_PENDING:
            for waiting in self._positions.values():
                if waiting.recomputing:
                    waiting.drop_pending(self.applied)
            self._pending = 0

    def _terms_of(self, line: Line) -> Terms:
        return self._instruments.terms(line.key.symbol, line.key.currency, line.multiplier)

    def _show(self, new: list[Position], old: list[Position]) -> None:
        """Show new positions in the place of the first of the old ones."""
        place = min((self._shown.index(position) for position in old if position in self._shown), default=None)
        place = len(self._shown) if place is None else place
        self._frozen_lines = None
        self._shown = [position for position in self._shown if position not in old]
        self._shown[place:place] = [position for position in new if position not in self._shown]
        for position in new:
            for line in position.lines:
                line.shown = position

    # Recomputation from the store

    @property
    def is_recomputing(self) -> bool:
        """Whether any position waits for fills from the store, or an import does."""
        return bool(self.imports) or any(position.recomputing for position in self._positions.values())

    def _positions_to_refold(self) -> list[Position]:
        """Those that wait, and those whose cost comes from one that waits, or goes there, by moves: a cost is carried
        within one pass.
        """
        waiting = [position for position in self._positions.values() if position.recomputing]
        for position in waiting.copy():
            for key in self._adjustments.linked(position.key):
                linked = self._positions.get(key)
                if linked is not None and not linked.recomputing:
                    self._freeze_position(linked)
                    linked.wait(Edit(self.applied, False))
                    waiting.append(linked)
        return waiting

    def plan_refold(self) -> Refold | None:
        """What has to be recomputed; None if nothing has."""
        self.wants_refold = False
        positions = self._positions_to_refold()
        if not positions:
            return None
        carried: dict[int, Carried] = {}
        fresh = [Fresh(position, position.blank()) for position in positions]
        for one in fresh:
            one.tail_steps = min(max(TAIL_STEPS // len(fresh), 1), MAX_TAIL)
            one.others = [(step, one) for step in self._adjustments.steps_of(one.position.key, carried)]
        of_line = {upper_case(line.key): one for one in fresh for line in one.position.lines}
        return Refold(self.applied, fresh, of_line, carried)

    @exactly
    def finish_refold(self, refold: Refold, stored: int) -> None:
        """Take the figures of a recomputation whose fills are those in force at `stored`, at most `applied`.

        Then come the edits that waited. A position that changed in another way meanwhile waits for the next one.
        """
        waiting: list[tuple[Position, list[Edit]]] = []
        for seq, link in refold.carried.items():
            self._adjustments.carried.setdefault(seq, Carried()).worth = link.worth
        for fresh in refold.fresh:
            position = fresh.position
            if self._positions.get(position.key) is not position or position.pending_from > min(stored, refold.at):
                continue
            self._freeze_position(position)
            edits = [edit for edit in position.pending if edit.at > (stored if edit.is_stored else refold.at)]
            position.take(fresh.book, *fresh.tail(), stored)
            if position.is_hidden:
                position.is_hidden = False
                self._show([position], position.replaces)
                position.replaces = []
            if edits:
                waiting.append((position, edits))
        self._pending = sum(len(position.pending) for position in self._positions.values())
        self._edits.update(waiting)
        self._settle()

    @exactly
    def settle_import(self, waiting: WaitingImport, amounts: Iterable[ImportAmount], keys: Iterable[LineKey]) -> None:
        """Count the fills of an import that was taken back or restored: the positions of `keys` are recomputed."""
        self.imports.remove(waiting)
        at, _, change = waiting
        for account, strategy, symbol, side, trades, volume, notional in amounts:
            totals = self._totals.get((account, strategy, symbol), self.other)
            if self._freezing:
                totals.freeze(self._generation)
            totals.correct_by(change, side, Count(trades, volume, notional))
        for key in keys:
            position = self._positions.get(self._adjustments.book_key(key))
            if position is not None:
                self._freeze_position(position)
                self._wait_with_linked(position, [Edit(at)])

    # Restoring

    @exactly
    def _restore(self, moment: StateSnapshot) -> None:
        self.applied = moment.applied
        self.rejected |= moment.rejected
        self.events |= moment.events
        self.incomplete_since, self.late = moment.incomplete_since, moment.late
        self._cash.sums = dict(moment.cash)
        self.other.restore(moment.other)
        self._window = Window(moment.applied)
        self._restore_kept(moment.kept)
        self.imports = moment.imports.copy()
        if self._dater is not None:
            self._dated_cash = DatedCash(self._dater, moment.dated_cash)
        for held in moment.totals:
            owner = (held.account, held.strategy, held.symbol)
            totals = self._totals[owner] = Totals(*owner)
            totals.restore(held)
        for one in moment.positions:
            position = self._new_position(one.key, one.terms)
            position.restore(one, moment.applied)
            self._shown.append(position)
        self.wants_refold = self.is_recomputing
        changed: list[Line] = []
        for line in moment.lines:
            terms = self._instruments.terms(line.key.symbol, line.key.currency, line.multiplier)
            added = self._add_line(line.key, self._totals[line.key[:3]], terms, self._shown[line.position])
            added.multiplier, added.multipliers_differ = line.multiplier, line.multipliers_differ
            if added.position.recomputing:  # perhaps because the terms changed
                added.terms = added.position.terms
                changed.append(added)
        self._renew(changed)
        for name, last in moment.elsewhere.items():
            if name in self._markets:
                self._markets[name].offer(last)

    def _restore_kept(self, kept: list[LedgerEvent]) -> None:
        self._kept = {event.seq: event for event in kept}
        for event in kept:
            if event.void is not None or event.replace is not None:
                self._corrections.add(event)
        for event in kept:
            in_force = self._corrections.in_force(event.seq)
            if event.import_ is not None:
                self._corrections.set_import(event.id, in_force)
            elif not in_force:
                continue
            elif event.instrument is not None:
                self._instruments.say(event.seq, event.instrument)
            elif event.rate is not None:
                self.rates.say(event.seq, event.rate)
            elif event.mark is not None:
                self._prices[event.seq] = event.mark
            elif event.opening is not None or event.split is not None or event.move is not None:
                self._adjustments.put(event)


def _shelf_name(key: LineKey) -> object:
    return key[2:] if key.position_side or key.currency else key.symbol

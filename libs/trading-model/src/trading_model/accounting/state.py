"""All positions and totals of one stream: a fold over its batches. No I/O."""

from collections.abc import Generator, Mapping, Sequence

from trading_model.accounting.book import BookKey
from trading_model.accounting.corrections import Corrections, root_of
from trading_model.accounting.dated_positions import DatedCash, Dater
from trading_model.accounting.fills import (
    UNDECODABLE,
    EventBatch,
    Fill,
    Item,
    UnknownEvent,
    read_batch,
)
from trading_model.accounting.holdings import Holdings
from trading_model.accounting.marks import Marks
from trading_model.accounting.order import Order, order_of_fill, order_of_other
from trading_model.accounting.positions import Edit, Line, Position
from trading_model.accounting.restatement import Restatement
from trading_model.accounting.snapshots import FOLD, StateSnapshot
from trading_model.accounting.totals import REMOVED, Totals
from trading_model.contents import LedgerEvent
from trading_model.decimals import MIN, TOO_MUCH, amount_fits, exactly
from trading_model.kinds import ASIDE, FILL, KNOWN_KINDS, UNKNOWN
from trading_model.rates import Rates
from trading_model.symbols import same_currency

OUT_OF_RANGE = "out_of_range"

SLICE = 512
"""Positions frozen between two yields: a fraction of a millisecond."""

EPOCH_BITS = 13
"""A position gets a checkpoint at its first fill in each 2^13 sequences, half of what the window has."""

BUSY = 2**8
"""A position gets another one at each 2^8th purchase: what at most is folded again after a race, and as many sales."""

KEPT_KINDS = ("opening", "split", "move", "instrument", "price", "rate", "import")
"""Kinds of events that later events may depend on."""

_NO_SHELF: dict[object, Line] = {}


class TradingState:
    """Positions and totals of one stream, with positions for at most `limit` keys.

    Trades of further keys are counted in `other`, which has no position, so the totals still include all trades.
    """

    def __init__(self, limit: int, stream: str = "", base_currency: str = "", applied: int = 0) -> None:
        """With a `base_currency`, positions in other currencies are followed in that one too.

        `applied` is the sequence of the last event before those that will be applied.
        """
        self.limit = limit
        self.stream = stream
        self.rejected = {UNDECODABLE: 0, OUT_OF_RANGE: 0}
        self.events = dict.fromkeys((FILL, ASIDE, UNKNOWN, *KNOWN_KINDS), 0)
        self.incomplete_since = 0
        self.late = 0
        self.rates = Rates()
        self.base_currency = base_currency
        self._dater = Dater(base_currency, self.rates) if base_currency else None
        self._dated_cash = DatedCash(self._dater) if self._dater is not None else None
        self._corrections = Corrections()
        self._holdings = Holdings(limit, self.rates, self._dater)
        self.restatement = Restatement(self._holdings, self._corrections, applied)
        self._kept: dict[int, LedgerEvent] = {}
        self._changed_symbols = set[str]()
        """Symbols as sent that instruments came to say something else of, until their positions follow."""

        self._changed_rates: dict[tuple[str, str], Order] = {}
        """The earliest time from which the rate of a pair is another one, until what it values follows."""

    @classmethod
    def restored(cls, moment: StateSnapshot) -> "TradingState":
        """The state that a snapshot describes."""
        state = cls(moment.limit, moment.stream, moment.base_currency, moment.applied)
        state._restore(moment)
        return state

    @property
    def applied(self) -> int:
        """The sequence of the last event applied."""
        return self.restatement.applied

    @property
    def has_market_marks(self) -> bool:
        """Whether an instrument says that the market marks its symbols."""
        return self._holdings.instruments.has_market_marks

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
        """Make a snapshot in slices, for many positions. Batches applied between two slices are not in it.

        While it runs, each position is frozen before it changes, so a later slice finds the earlier copy. One freeze at
        a time: two generations would overwrite each other's copies.
        """
        holdings = self._holdings
        holdings.generation += 1
        holdings.freezing = True
        # Copies: positions and symbols opened between two slices are not part of this snapshot.
        generation, positions, totals = holdings.generation, holdings.shown.copy(), list(holdings.totals.values())
        markets = holdings.markets
        marks = Marks(markets.by_name.values(), markets.sourced)
        moment = StateSnapshot(
            self.stream,
            self.restatement.applied,
            self.limit,
            [],
            [],
            {},
            holdings.line_snapshots(positions),
            holdings.named_multipliers(),
            holdings.other.freeze(generation),
            self.rejected.copy(),
            self.events.copy(),
            list(holdings.cash.sums.items()),
            list(self._kept.values()),
            self.restatement.imports.copy(),
            markets.others(),
            self.incomplete_since,
            self.late,
            holdings.quota.used,
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
            holdings.freezing = False
        return moment

    # Batches

    def apply(self, batch: EventBatch, skip: int = 0) -> None:
        """Apply the events of a batch after its first `skip`. Events that can't be applied are counted and skipped.

        An event of an unknown kind may change figures, so figures are incomplete from there on.
        """
        content = read_batch(batch, skip)
        self.restatement.window.add(batch, skip)
        if content.items is None:
            self._apply_fills(content.fills, content.plain)
        else:
            self.rejected[UNDECODABLE] += content.undecodable
            self.events[ASIDE] += content.asides
            self._apply_items(content.items)
        self.restatement.applied = batch.last
        if self.restatement.edits:
            self.restatement.settle()

    def _apply_items(self, items: list[Item]) -> None:
        fills: list[Fill] = []
        for item in items:
            if isinstance(item, Fill):
                fills.append(item)
                continue
            if fills:
                self._follow_changes()
                self._apply_fills(fills, False)
                fills = []
            self.restatement.applied = item.seq
            if isinstance(item, UnknownEvent):
                self.events[UNKNOWN] += 1
                self.incomplete_since = self.incomplete_since or item.seq
            else:
                self.events[item.kind] += 1
                self._apply_event(item)
        self._follow_changes()
        if fills:
            self._apply_fills(fills, False)

    @exactly
    def _apply_fills(self, fills: Sequence[Fill], plain: bool) -> None:  # noqa: C901 - calls would cost a third
        holdings, restatement = self._holdings, self.restatement
        freezing, generation, epoch = holdings.freezing, holdings.generation, restatement.applied >> EPOCH_BITS
        edits, shelves = restatement.edits, holdings.shelves
        account: str | None = None
        strategy, shelf = "", _NO_SHELF
        rejected = 0
        for fill in fills:
            price, qty, fee = fill.price, fill.qty, fill.fee
            # A NaN compares as false, so it is rejected here too.
            if MIN <= price < TOO_MUCH and MIN <= qty < TOO_MUCH:
                counted = notional = price * qty
            elif holdings.takes(fill):
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
                shelf = shelves.get((account, strategy), _NO_SHELF)
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
            # As texts, times of the same length sort as the times do. The fills of a batch without times have one time,
            # and a trade id that is no number sorts last. To ask for equality first is faster.
            follows = not fill.trade_id.isdigit() if ts == position.ts else ts > position.ts
            if not follows or len(ts) != position.ts_length:
                if position in edits or not position.is_followed_by(fill):
                    self._take_late(position, fill)
                    continue
                position.ts_length = len(ts)
            if position.epoch != epoch:
                position.keep(epoch, fill.seq - 1, restatement.window.after)
            position.fill(fill, notional)
        if rejected:
            self.rejected[OUT_OF_RANGE] += rejected
        self.events[FILL] += len(fills) - rejected

    def _take_late(self, position: Position, fill: Fill) -> None:
        """Take a fill that does not follow the last step of its position, or that came behind one that doesn't."""
        self.late += position.see(order_of_fill(fill.ts, fill.trade_id, fill.seq))
        self.restatement.edit(position, Edit(fill.seq, inserted=(fill,)))

    def _line_of(self, fill: Fill) -> Line | None:
        """The line of a fill, which it opens if need be; None beyond the limit, where it only counts the fill."""
        self.restatement.applied = fill.seq - 1
        line = self.restatement.line(fill)
        if line is None:
            self._holdings.count_other(fill)
        return line

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
            self._follow_changes()
            before = corrections.effective(root)
            corrections.add(event)
            after = corrections.effective(root)
            if before != after:
                self.restatement.change(before, after, event.seq)
        elif root is None:
            corrections.add(event)
            self.incomplete_since = self.incomplete_since or event.seq
        else:
            was = corrections.in_force(root.seq)
            corrections.add(event)
            if corrections.in_force(root.seq) != was:
                self._set_in_force(root, not was, event.seq)

    def _set_in_force(self, event: LedgerEvent, in_force: bool, at: int) -> None:
        """Apply an event that is no correction, or take it back."""
        if event.instrument is not None:
            instruments = self._holdings.instruments
            changed = instruments.say(event.seq, event.instrument) if in_force else instruments.take_back(event.seq)
            self._changed_symbols |= changed
            return
        if event.rate is not None:
            if in_force:
                self.rates.say(event.seq, event.rate)
            else:
                self.rates.take_back(event.seq)
            pair, since = (event.rate.base, event.rate.quote), order_of_other(event.rate.ts, 0, 0)
            self._changed_rates[pair] = min(since, self._changed_rates.get(pair, since))
            return
        self._follow_changes()
        if event.cash is not None:
            self._add_cash(event, 1 if in_force else -1)
        elif event.opening is not None or event.split is not None or event.move is not None:
            self._adjust(event, in_force, at)
        elif event.mark is not None:
            self._holdings.markets.set_price(event.seq, event.mark, in_force)
        elif event.import_ is not None:
            self.restatement.set_import(event.id, in_force, at)

    def _follow_changes(self) -> None:
        """Let positions follow what instruments and rates changed: once for all that came one after another, since each
        time takes as long as there are positions.
        """
        if self._changed_symbols:
            changed = self._changed_symbols
            self._changed_symbols = set()
            self.restatement.renew([line for line in self._holdings.lines if line.key.symbol in changed])
            self._holdings.markets.renew()
        if self._changed_rates:
            changed_rates = self._changed_rates
            self._changed_rates = {}
            self._value_again(changed_rates)

    @exactly
    def _add_cash(self, event: LedgerEvent, sign: int) -> None:
        assert event.cash is not None
        key = self._holdings.cash.add(event.cash, sign)
        if key.is_income and self._dated_cash is not None:
            self._dated_cash.add(event.cash, sign)
        if not key.symbol:
            return
        symbol = self._holdings.instruments.terms(key.symbol).canonical
        position = self._holdings.positions.get(
            BookKey(key.account, key.strategy, symbol, key.position_side, key.currency)
        )
        if position is not None and key.is_income:
            self._holdings.freeze_position(position)
            position.cash += event.cash.amount * sign
            position.touch()

    def _adjust(self, event: LedgerEvent, in_force: bool, at: int) -> None:
        """Add an opening, a split or a move to the steps of the positions that it concerns, or take it out."""
        holdings = self._holdings
        lines = [holdings.line(owner) for owner in holdings.adjustments.owners_of(event)]
        positions = list(dict.fromkeys(line.position for line in lines if line is not None))
        if event.split is not None:
            split = event.split
            symbol = holdings.instruments.terms(split.symbol).canonical
            of_symbol = [one for one in holdings.positions.values() if one.key.symbol == symbol]
            positions = [one for one in of_symbol if holdings.adjustments.concerns(split, one.key)]
        before = {position: holdings.adjustments.steps_of(position.key) for position in positions}
        if in_force:
            holdings.adjustments.put(event)
        else:
            holdings.adjustments.remove(event.seq)
        if event.split is not None:
            holdings.markets.set_splits(symbol)
            for position in positions:
                holdings.freeze_position(position)
                position.set_splits(holdings.adjustments.own_splits_of(position.key))
        for position, steps in before.items():
            here = steps if not in_force else holdings.adjustments.steps_of(position.key)
            changed = tuple(step for step in here if step.seq == event.seq)
            edit = Edit(at, False, inserted=changed) if in_force else Edit(at, False, removed=changed)
            self.restatement.edit(position, edit)

    def _value_again(self, changed: Mapping[tuple[str, str], Order]) -> None:
        """Value again what rates change since their times: fees in their currencies, amounts in the base currency."""
        if self._dated_cash is not None:
            for pair in changed:
                self._dated_cash.value_again(pair)
        first = min(changed.values())
        for position in list(self._holdings.positions.values()):
            waits = position.recomputing or position in self.restatement.edits
            if not waits and position.latest <= first:
                continue
            concerned = [since for pair, since in changed.items() if self._is_valued_by(position, pair)]
            since = first if waits else min(concerned, default=None)
            if since is not None and (waits or position.latest > since):
                self.restatement.edit(position, Edit(self.restatement.applied, False, since=since))

    def _is_valued_by(self, position: Position, pair: tuple[str, str]) -> bool:
        fees = any(same_currency(label, code) for label in position.fees for code in pair)
        return fees or (self._dater is not None and self._dater.is_concerned(pair, position.key.currency))

    # Restoring

    @exactly
    def _restore(self, moment: StateSnapshot) -> None:
        holdings = self._holdings
        self.rejected |= moment.rejected
        self.events |= moment.events
        self.incomplete_since, self.late = moment.incomplete_since, moment.late
        holdings.cash.restore(moment.cash)
        holdings.other.restore(moment.other)
        self._restore_kept(moment.kept)
        self.restatement.imports = moment.imports.copy()
        if self._dater is not None:
            self._dated_cash = DatedCash(self._dater, moment.dated_cash)
        for held in moment.totals:
            owner = (held.account, held.strategy, held.symbol)
            totals = holdings.totals[owner] = Totals(*owner)
            totals.restore(held)
        for one in moment.positions:
            position = holdings.new_position(one.key, one.terms)
            position.restore(one, moment.applied)
            holdings.shown.append(position)
        self.restatement.wants_refold = self.restatement.is_recomputing
        changed: list[Line] = []
        named = {key: dict(counts) for key, counts in moment.multipliers}
        for line in moment.lines:
            multipliers = named.get(line.key, {})
            terms = holdings.instruments.terms(line.key.symbol, line.key.currency, max(multipliers, default=None))
            added = holdings.add_line(line.key, holdings.totals[line.key[:3]], terms, holdings.shown[line.position])
            holdings.restore_named(added, multipliers)
            if added.position.recomputing:  # perhaps because the terms changed
                added.terms = added.position.terms
                changed.append(added)
        self.restatement.renew(changed)
        for name, last in moment.elsewhere.items():
            holdings.markets.offer(name, last)

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
                self._holdings.instruments.say(event.seq, event.instrument)
            elif event.rate is not None:
                self.rates.say(event.seq, event.rate)
            elif event.mark is not None:
                self._holdings.markets.keep_price(event.seq, event.mark)
            elif event.opening is not None or event.split is not None or event.move is not None:
                self._holdings.adjustments.put(event)

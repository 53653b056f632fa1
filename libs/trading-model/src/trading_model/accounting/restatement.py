"""Restates positions whose steps changed: a late fill, a correction, an instrument that says something else. No I/O.

What is in memory is folded again at once. What is older waits: the figures are those before the change, marked, until
the position was folded from the store; see `refold`.
"""

from collections.abc import Iterable
from decimal import Decimal

from trading_model.accounting.adjustments import book_key
from trading_model.accounting.book import EMPTY, BookKey
from trading_model.accounting.corrections import Corrections
from trading_model.accounting.fills import Fill, LineKey, line_of
from trading_model.accounting.holdings import Holdings
from trading_model.accounting.order import MOVE, order_of_fill, order_of_other
from trading_model.accounting.positions import NEVER, Checkpoint, Edit, Line, Position
from trading_model.accounting.refold import MAX_TAIL, TAIL_STEPS, Fresh, Refold, upper_case
from trading_model.accounting.snapshots import WaitingImport
from trading_model.accounting.steps import Carried, MoveStep, Step, order_of, place_of
from trading_model.accounting.totals import ADDED, REMOVED, Count
from trading_model.accounting.window import Window
from trading_model.decimals import ZERO, exactly
from trading_model.trade import Side

MAX_PENDING = 8_192
"""Edits that wait for recomputations, of all positions: some 10 MB. Beyond it, these begin again behind them."""

ImportAmount = tuple[str, str, str, Side, int, Decimal, Decimal]
"""Account, strategy, symbol as sent, side; trades, quantity and notional of an import's fills."""


class Restatement:
    """The changes of one stream's holdings that do not follow in the order of trading."""

    def __init__(self, holdings: Holdings, corrections: Corrections, applied: int) -> None:
        """Events after the sequence `applied` will be in the window."""
        self._holdings = holdings
        self._corrections = corrections
        self.window = Window(applied)
        self.applied = applied
        """The sequence of the last event applied."""

        self.edits: dict[Position, list[Edit]] = {}
        """Changes of steps that the end of the batch makes."""

        self.imports: list[WaitingImport] = []
        """Imports taken back or restored whose fills are not found yet."""

        self.waits = 0
        """Edits that had to wait for the store so far."""

        self._pending = 0
        self.wants_refold = False
        """Whether a position or an import may wait for the store since the last plan."""

        holdings.on_open = self._open

    @property
    def is_recomputing(self) -> bool:
        """Whether any position waits for fills from the store, or an import does."""
        return bool(self.imports) or any(position.recomputing for position in self._holdings.positions.values())

    # Edits: steps out of order, and corrections

    def line(self, fill: Fill) -> Line | None:
        """The line of a new fill in force, which may name the line's multiplier; None beyond the limit."""
        line = self._holdings.line(line_of(fill))
        if line is None or fill.multiplier is None:
            return line
        if fill.import_id is not None and self._corrections.is_taken_back(fill.import_id):
            return line
        if self._holdings.name_multiplier(line, fill.multiplier):
            self.renew([line])
        return line

    def name_multipliers(self, named: Iterable[tuple[LineKey, Decimal | None, int]]) -> None:
        """Add fills in force that name multipliers: key, multiplier, and how many, which may be negative."""
        changed = []
        for key, multiplier, fills in named:
            line = None if multiplier is None else self._holdings.line(key)
            if line is not None and multiplier is not None and self._holdings.name_multiplier(line, multiplier, fills):
                changed.append(line)
        self.renew(changed)

    def _open(self, position: Position) -> None:
        """Fold a new position. If one with the same key is shown until others replace it, it waits with these: no two
        are shown with one key.
        """
        if position.key in self._holdings.outdated:
            self._leave_to_refold([position], [])
        else:
            self.fold_whole(position)

    @exactly
    def fold_whole(self, position: Position) -> None:
        """Fold all steps of a new position, which are in memory."""
        whole = Checkpoint(self.window.after, EMPTY)
        position.checkpoints.append(whole)
        position.refold(whole, self._steps_since(position, whole))

    def edit(self, position: Position, edit: Edit) -> None:
        """Note a change of a position's steps. Those of one batch are made at its end, all at once."""
        self._holdings.freeze_position(position)
        position.note_last()
        position.ts_length = NEVER
        self.edits.setdefault(position, []).append(edit)

    @exactly
    def change(self, before: Fill | None, after: Fill | None, at: int) -> None:
        """A fill is another one now: count it, and change the steps of its position, or of both."""
        edits: dict[Position, Edit] = {}
        named = ((after, 1), (before, -1))
        self.name_multipliers((line_of(fill), fill.multiplier, fills) for fill, fills in named if fill is not None)
        for change, fill in ((REMOVED, before), (ADDED, after)):
            if fill is None:
                continue
            line = self._holdings.line(line_of(fill))
            totals = self._holdings.other if line is None else line.totals
            if self._holdings.freezing:
                totals.freeze(self._holdings.generation)
            totals.correct(change, fill)
            if line is not None:
                edit = edits.get(line.position, Edit(at))
                removed = (fill,) if change == REMOVED else edit.removed
                inserted = (fill,) if change == ADDED else edit.inserted
                self._holdings.freeze_position(line.position)
                line.position.see(order_of_fill(fill.ts, fill.trade_id, fill.seq))
                edits[line.position] = Edit(at, True, removed, inserted)
        for position, edit in edits.items():
            self.edit(position, edit)

    @exactly
    def settle(self) -> None:
        """Change steps in memory, or mark positions until they are recomputed from the store."""
        while self.edits:
            position = next(iter(self.edits))
            edits = self.edits.pop(position)
            if self._holdings.positions.get(position.key) is not position:  # another took its place, and has the steps
                continue
            self._holdings.freeze_position(position)
            if position.recomputing or not self._edit_in_memory(position, edits):
                self._wait_with_linked(position, edits)
                self.wants_refold = True
        self.window.forget()

    def _edit_in_memory(self, position: Position, edits: list[Edit]) -> bool:
        orders = [order for edit in edits if (order := edit.earliest) is not None]
        if not orders:
            return True
        earliest = min(orders)
        if earliest > position.latest and not any(edit.removed for edit in edits):
            position.checkpoints.append(Checkpoint(edits[0].at - 1, position.state()))
        checkpoint = position.checkpoint_before(earliest, self.window.after)
        if checkpoint is None:
            return False
        for edit in edits:
            for step in edit.removed:
                position.extras.pop(step.seq, None)
            # Not a fill that comes late itself: it is in the window until it is in all checkpoints.
            position.extras.update({step.seq: step for step in edit.inserted if step.seq != edit.at})
        carried = self._costs_carried_by(position)
        position.refold(checkpoint, self._steps_since(position, checkpoint))
        self._carry_on(position, carried)
        return True

    def _steps_since(self, position: Position, checkpoint: Checkpoint) -> list[Step]:
        """The steps in force after a checkpoint, in the order of trading."""
        own = {line.key for line in position.lines}
        symbols = self._corrections.journaled_as({key.symbol for key in own})
        steps: dict[int, Step] = {}
        for fill in self.window.fills(checkpoint.seq, self.applied, symbols) if own else ():
            taken = self._corrections.effective(fill)
            if taken is not None and line_of(taken) in own and self._holdings.is_valid(taken):
                steps[fill.seq] = taken
        for seq, step in position.extras.items():
            taken_extra = self._corrections.effective(step) if isinstance(step, Fill) else None
            if taken_extra is not None and line_of(taken_extra) in own:
                steps[seq] = taken_extra
        latest = checkpoint.state.latest
        everything = [*steps.values(), *self._holdings.adjustments.steps_of(position.key)]
        return sorted((step for step in everything if order_of(step) > latest), key=place_of)

    def _costs_carried_by(self, position: Position) -> dict[int, Decimal | None]:
        """The cost of each move out of a position whose other side depends on it."""
        if not self._holdings.adjustments.carried:
            return {}
        return {
            step.seq: step.carried.worth
            for step in self._holdings.adjustments.steps_of(position.key)
            if isinstance(step, MoveStep) and step.carries_cost and not step.comes_in
        }

    def _carry_on(self, position: Position, before: dict[int, Decimal | None]) -> None:
        """Fold the other side of a move again if the cost that it brings has changed."""
        for seq, worth in self._costs_carried_by(position).items():
            sink = self._holdings.adjustments.sink_of(seq)
            if before.get(seq) == worth or sink is None:
                continue
            line = self._holdings.line(sink[0])
            if line is not None and line.position is not position:
                self.edit(line.position, Edit(self.applied, False, since=order_of_other(sink[1], MOVE, seq)))

    # Other positions for the same lines, after an instrument changed

    @exactly
    def renew(self, lines: list[Line]) -> None:
        """Give the lines whose terms changed their new positions, folded from memory or left to be recomputed."""
        old = self._positions_to_renew([line for line in lines if self._holdings.terms_of(line) != line.terms])
        if not old:
            return
        carried: dict[int, Decimal | None] = {}
        for position in old:
            self._holdings.freeze_position(position)
            position.note_last()
            carried |= self._costs_carried_by(position)
            del self._holdings.positions[position.key]
        new: dict[BookKey, Position] = {}
        # The line that names the largest multiplier says that of the position.
        concerned = [line for position in old for line in position.lines]
        for line in sorted(concerned, key=lambda line: -(line.multiplier or ZERO)):
            line.terms = self._holdings.terms_of(line)
            key = book_key(line.key, line.terms)
            line.position = new[key] = new.get(key) or self._holdings.new_position(key, line.terms)
            line.position.lines.append(line)
        seen = max(position.seen for position in old)
        for position in new.values():
            position.seen = seen
        if self.window.after:
            self._leave_to_refold(list(new.values()), old)
            return
        for position in new.values():
            self.fold_whole(position)
        self.window.forget()
        self._holdings.show(list(new.values()), old)
        for position in new.values():
            self._carry_on(position, carried)

    def _positions_to_renew(self, changed: list[Line]) -> list[Position]:
        """The positions that these lines leave, and those that they come to."""
        old = {line.position.key: line.position for line in changed}
        for line in changed:
            key = book_key(line.key, self._holdings.terms_of(line))
            if key in self._holdings.positions:
                old[key] = self._holdings.positions[key]
        return list(old.values())

    def _leave_to_refold(self, new: list[Position], old: list[Position]) -> None:
        """Let new positions be folded from the store. Until then the old ones are shown, marked."""
        self.wants_refold = True
        shown = list(dict.fromkeys(one for position in old for one in position.replaces or [position]))
        for position in new:
            own = {line.key for line in position.lines}
            left = [one for one in old if any(line.key in own for line in one.lines)]
            left += [one for one in (self._holdings.outdated.get(position.key),) if one is not None]
            position.is_blank = True
            position.replaces = list(dict.fromkeys(shown_one for one in left for shown_one in one.replaces or [one]))
            self._wait_with_linked(position, [Edit(self.applied + 1, False)])
        for position in shown:
            self._holdings.outdated[position.key] = position
            position.recomputing = True
            position.touch()

    # Recomputation from the store

    def _wait_with_linked(self, position: Position, edits: list[Edit]) -> None:
        """Let a position wait for the store, with those whose cost depends on it by moves."""
        for key in self._holdings.adjustments.linked(position.key):
            linked = self._holdings.positions.get(key)
            if linked is not None:
                self._holdings.freeze_position(linked)
                linked.wait(Edit(edits[-1].at))
        for edit in edits:
            self._wait(position, edit)

    def _wait(self, position: Position, edit: Edit) -> None:
        position.wait(edit)
        self.waits += 1
        self._pending += 1
        if self._pending > MAX_PENDING:
            for waiting in self._holdings.positions.values():
                if waiting.recomputing:
                    waiting.drop_pending(self.applied)
            self._pending = 0

    def _positions_to_refold(self) -> list[Position]:
        """Positions that wait, and those whose cost comes from one that waits, or goes there, by moves: a cost is
        carried within one pass.
        """
        waiting = [position for position in self._holdings.positions.values() if position.recomputing]
        seen = set[BookKey]()
        for position in waiting.copy():
            if position.key in seen:
                continue
            group = self._holdings.adjustments.linked(position.key)
            seen |= group
            for key in group:
                linked = self._holdings.positions.get(key)
                if linked is not None and not linked.recomputing:
                    self._holdings.freeze_position(linked)
                    linked.wait(Edit(self.applied, False))
                    waiting.append(linked)
        return waiting

    @property
    def waiting_fills(self) -> int:
        """The number of fills accepted for the positions that wait: about what has to be folded."""
        waiting = [one for one in self._holdings.positions.values() if one.recomputing]
        return sum(line.totals.buy_trades + line.totals.sell_trades for one in waiting for line in one.lines)

    def plan_refold(self) -> Refold | None:
        """What has to be recomputed; None if nothing has."""
        self.wants_refold = False
        positions = self._positions_to_refold()
        if not positions:
            return None
        carried: dict[int, Carried] = {}
        fresh = [
            Fresh(position, position.blank(), [upper_case(line.key) for line in position.lines])
            for position in positions
        ]
        for one in fresh:
            one.tail_steps = min(max(TAIL_STEPS // len(fresh), 1), MAX_TAIL)
            one.others = [(step, one) for step in self._holdings.adjustments.steps_of(one.position.key, carried)]
        return Refold(self.applied, fresh, carried)

    @exactly
    def finish_refold(self, refold: Refold, stored: int) -> None:
        """Take the figures of a recomputation whose fills are those in force at `stored`, at most `applied`.

        Then come the edits that waited. A position that changed in another way meanwhile waits for the next one.
        """
        holdings = self._holdings
        waiting: list[tuple[Position, list[Edit]]] = []
        for seq, link in refold.carried.items():
            holdings.adjustments.carried.setdefault(seq, Carried()).worth = link.worth
        for fresh in refold.fresh:
            position = fresh.position
            if holdings.positions.get(position.key) is not position or position.pending_from > min(stored, refold.at):
                continue
            holdings.freeze_position(position)
            edits = [edit for edit in position.pending if edit.at > (stored if edit.is_stored else refold.at)]
            position.take(fresh.book, *fresh.tail(), stored)
            position.cash = holdings.cash.income_of(position.key)  # some may have come while another one had its key
            if edits:
                waiting.append((position, edits))
        self._show_recomputed()
        self._pending = sum(len(position.pending) for position in holdings.positions.values())
        self.edits.update(waiting)
        self.settle()

    def _show_recomputed(self) -> None:
        """Show positions that replace others, once all that replace the same ones have figures."""
        hidden = [position for position in self._holdings.positions.values() if position.replaces]
        kept = {old for position in hidden if position.is_blank for old in position.replaces}
        grew = True
        while grew:
            before = len(kept)
            kept.update(
                old for position in hidden if not kept.isdisjoint(position.replaces) for old in position.replaces
            )
            grew = len(kept) > before
        for position in hidden:
            if kept.isdisjoint(position.replaces):
                self._holdings.show([position], position.replaces)

    # Imports taken back or restored

    def set_import(self, import_id: str, in_force: bool, at: int) -> None:
        """Take all fills of an import back, or restore them. Those that are not in memory have to be looked up."""
        if self._corrections.is_taken_back(import_id) is not in_force:
            return
        if self.window.after:
            self._corrections.set_import(import_id, in_force)
            self.imports.append(WaitingImport(at, import_id, ADDED if in_force else REMOVED))
            self.wants_refold = True
            return
        found = sorted(self.window.fills(0, at), key=lambda fill: fill.seq)
        fills = [fill for fill in found if fill.import_id == import_id and self._holdings.is_valid(fill)]
        self.window.forget()
        before = [self._corrections.effective(fill) for fill in fills]
        self._corrections.set_import(import_id, in_force)
        for fill, was in zip(fills, before, strict=True):
            now = self._corrections.effective(fill)
            if was != now:
                self.change(was, now, at)

    @exactly
    def settle_import(
        self,
        waiting: WaitingImport,
        amounts: Iterable[ImportAmount],
        keys: Iterable[LineKey],
        named: Iterable[tuple[LineKey, Decimal, int]],
    ) -> None:
        """Count the fills of an import that was taken back or restored: the positions of `keys` are recomputed.

        `named` says how many fills name a multiplier.
        """
        self.imports.remove(waiting)
        at, _, change = waiting
        for account, strategy, symbol, side, trades, volume, notional in amounts:
            totals = self._holdings.totals.get((account, strategy, symbol), self._holdings.other)
            if self._holdings.freezing:
                totals.freeze(self._holdings.generation)
            totals.correct_by(change, side, Count(trades, volume, notional))
        sign = 1 if change == ADDED else -1
        self.name_multipliers((key, multiplier, sign * fills) for key, multiplier, fills in named)
        for key in keys:
            position = self._holdings.positions.get(self._holdings.adjustments.book_key(key))
            if position is not None:
                self._holdings.freeze_position(position)
                self._wait_with_linked(position, [Edit(at)])

"""Puts the trades of one instrument into the order of their ids: each once, and none missing without a word. No I/O.

A trade that follows the last one is passed on. A later one is held, and the ids before it are a hole that has to be
fetched from the venue. A hole is given up where the venue's own answer shows that the ids are not there; without an
answer after `fill_seconds`. A `Gap` goes out then, and what was held. What comes for it afterwards is passed on as
late. What a venue says against its own live trades is left out. Times are seconds of a monotonic clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from market_feed.decisions.limits import Limits
from market_feed.decisions.patience import Patience
from market_feed.decisions.recent import RecentTrades
from market_feed.market import Gap, GapFilled, Origin, Trade, TradeRun
from telemetry_stream.id_spaces import IdSpace

ABSENT = "absent_at_venue"
NO_ANSWER = "no_answer"
TOO_MANY_HELD = "too_many_held"
TOO_LARGE = "too_large"

FOR_EVER = (ABSENT, TOO_LARGE)
"""The reasons for which a gap is not asked for again."""

LATER_US = 1_000_000
"""A trade so much later than all that are known is none of them: times of consecutive trades go back by less."""

MIN_ANEW, MAX_ANEW = 5, 1_000
"""Trades that show that a venue numbers anew, and how many are kept until it says so too."""

Passed = Trade | Gap | GapFilled


@dataclass(slots=True)
class Counters:
    """What was met, as totals."""

    duplicates: dict[Origin, int] = field(default_factory=lambda: {"live": 0, "backfill": 0})
    conflicts: int = 0
    """Repetitions that say something else, and what is left out since live trades contradict it."""

    broken_ranges: int = 0
    """Consecutive aggregates whose single trades are not consecutive."""

    gaps: int = 0
    missing: int = 0
    filled: int = 0
    late: int = 0
    unfillable: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys((ABSENT, NO_ANSWER, TOO_MANY_HELD, TOO_LARGE), 0)
    )


@dataclass(slots=True)
class Hole:
    """The ids `first` to `last` that are missing before what is held. `patience` counts since the last progress."""

    first: int
    last: int
    noticed_at: float
    patience: Patience


class Continuity:
    """The trades of one instrument."""

    def __init__(
        self,
        limits: Limits,
        known: IdSpace | None = None,
        gaps: Sequence[Gap] = (),
        *,
        latest_us: int = 0,
        counters: Counters | None = None,
    ) -> None:
        """`known` is what the journal has, `gaps` are those that it tells of; none of its trades is later than
        `latest_us`, by the venue's time. `counters` go on.
        """
        self.counters = counters or Counters()
        self.hole: Hole | None = None
        """What has to be fetched; the next one shows once this one is closed."""

        self._limits = limits
        self.owed: list[tuple[int, int]] = []
        """Given up, but the venue may still have them."""

        self._space = IdSpace(known.head, list(known.gaps)) if known else None
        self._given_up: list[tuple[int, int]] = []
        """Told of, and not whole since."""

        self._counted_until = 0
        self._begins_anywhere = known is None
        self._held: dict[int, Trade] = {}
        self._heap: list[int] = []
        self._highest_held = 0
        """No held trade has a higher id."""

        self.recent = RecentTrades()
        """The last trades that were passed on."""

        self.anew: list[Trade] = []
        """The last live trades, if their ids are known but they are later than all that are: the venue may number anew.
        """

        self._latest_us = latest_us
        self._last_single_id = 0
        for gap in gaps:
            missing = self._space.missing_between(gap.first, gap.last) if self._space else []
            if missing:
                self._given_up.append((gap.first, gap.last))
                self.owed += missing if gap.reason not in FOR_EVER else []

    @property
    def last(self) -> int | None:
        """The id of the last trade passed on; None before the first."""
        return self._space.head if self._space else None

    @property
    def last_single_id(self) -> int:
        """The id of its last single trade; 0 if unknown."""
        return self._last_single_id

    def note_last_single_id(self, number: int) -> None:
        """The venue says that nothing follows the last trade, whose last single trade is this one."""
        if not self._last_single_id and not self._held:
            self._last_single_id = number

    @property
    def held(self) -> int:
        """The number of trades that wait for a hole."""
        return len(self._held)

    def begin_at(self, first: int) -> None:
        """The next trade has this id; those before are not wanted. Without effect if that much is known already."""
        self._begins_anywhere = False
        if self._space is None:
            self._space = IdSpace(first - 1)
        else:
            self._space.head = max(self._space.head, first - 1)
        self._last_single_id = 0

    def begin_anywhere(self) -> None:
        """The next trade is the first that is wanted, whatever its id. What is held is not wanted either."""
        self._begins_anywhere = True
        self._held, self._heap, self._highest_held, self.hole = {}, [], 0, None

    def take(self, trades: Iterable[Trade], now: float) -> list[Passed]:
        """What can be passed on now, in order."""
        passed: list[Passed] = []
        for trade in trades:
            if self._begins_anywhere:
                self.begin_at(trade.id)
            space = self._space
            assert space is not None
            if trade.id == space.head + 1:
                if self._held and trade.origin == "live":
                    self._drop_far_above(trade.id)
                self._pass(trade, space, passed)
            elif trade.id <= space.head:
                self._take_earlier(trade, space, passed)
            else:
                self._hold(trade)
        if self._held or self.hole is not None:
            self._release(passed, now)
        return passed

    def take_run(self, run: TradeRun) -> bool:
        """Whether the run follows and can be passed on as it is; else nothing of it is taken."""
        if self._held:
            return False
        if self._begins_anywhere:
            self.begin_at(run.first)
        space = self._space
        if space is None or run.first != space.head + 1:
            return False
        space.head = run.last
        self._note_passed(max(run.times) * run.unit.value)
        ends = run.last_ids
        if self._last_single_id and run.first_ids[0] != self._last_single_id + 1:
            self.counters.broken_ranges += 1
        if run.first_ids[1:] != [end + 1 for end in ends[:-1]]:
            self.counters.broken_ranges += sum(
                first != end + 1 for first, end in zip(run.first_ids[1:], ends, strict=False)
            )
        self._last_single_id = ends[-1]
        self.recent.add_run(run)
        return True

    def page_ended(self, asked: int, trades: Iterable[Trade], now: float, head: int = 0) -> list[Passed]:
        """The venue's answer to a request for the trades from `asked` on, in ascending order of ids.

        An answer that begins after `asked` says that the ids before do not exist, or no longer. An empty one says
        nothing: a venue's database may be behind its streams. So does one that passes over a trade which came live, or
        the last single trade that the venue named, `head`.
        """
        found = self._credible(asked, sorted(trades, key=lambda trade: trade.id), head)
        passed: list[Passed] = []
        if found:
            self._settle(asked, found[0].id, found[-1].id)
        if found and self.hole is not None and self.hole.first == asked and found[0].id > asked:
            passed += self._give_up(min(found[0].id - 1, self.hole.last), ABSENT, now)
        passed += self.take(found, now)
        return passed

    def tick(self, now: float, head: int = 0) -> list[Passed]:
        """Give up what can't be waited for any longer. Call it often: see `Patience`.

        `head` is the last single trade that the venue has named just now, 0 if it has not: what is held must not be far
        above.
        """
        hole, limits = self.hole, self._limits
        if hole is None:
            return []
        waited_enough = hole.patience.waited(now) >= limits.fill_seconds
        if len(self._held) > limits.max_held:
            until, reason = hole.last, TOO_MANY_HELD
        elif hole.last - hole.first >= limits.max_fetched and (len(self._held) > 1 or waited_enough):
            until, reason = hole.last - limits.max_fetched, TOO_LARGE
        elif waited_enough:
            until, reason = hole.last, NO_ANSWER
        else:
            return []
        denied = [held for held, trade in self._held.items() if self._is_denied(trade, head)]
        if denied:
            passed: list[Passed] = []
            self._drop(denied)
            self._release(passed, now)
            return passed
        return self._give_up(until, reason, now)

    def end(self, now: float) -> list[Passed]:
        """Nothing more will come: give up every hole, and pass on what is held."""
        passed: list[Passed] = []
        while self.hole is not None:
            passed += self._give_up(self.hole.last, NO_ANSWER, now)
        return passed

    def _pass(self, trade: Trade, space: IdSpace, passed: list[Passed]) -> None:
        space.head = trade.id
        self._note_passed(trade.time_us)
        self.recent.add(trade)
        if trade.first_id:
            if self._last_single_id and trade.first_id != self._last_single_id + 1:
                self.counters.broken_ranges += 1
            self._last_single_id = trade.last_id
        else:
            self._last_single_id = trade.id
        if trade.origin == "backfill":
            self.counters.filled += 1
        passed.append(trade)

    def _note_passed(self, time_us: int) -> None:
        """A trade follows: ids go on, whatever came in between."""
        self._latest_us = max(self._latest_us, time_us)
        if self.anew:
            self.counters.conflicts += len(self.anew)
            self.anew = []

    def _take_earlier(self, trade: Trade, space: IdSpace, passed: list[Passed]) -> None:
        if trade.origin == "live" and trade.time_us > self._latest_us + LATER_US:
            self._note_anew(trade)
            return
        if space.gaps and space.claim(trade.id):
            trade.late = True
            self.counters.late += 1
            passed.append(trade)
            self._look_for_filled(trade.id, space, passed)
            return
        self._repeat(trade, self.recent.find(trade.id))

    def _note_anew(self, trade: Trade) -> None:
        if self.anew and (trade.id <= self.anew[-1].id or len(self.anew) >= MAX_ANEW):
            self.counters.conflicts += 1
        else:
            self.anew.append(trade)

    def _repeat(self, trade: Trade, earlier: Trade | None) -> None:
        self.counters.duplicates[trade.origin] += 1
        if earlier is not None and not earlier.says_the_same(trade):
            self.counters.conflicts += 1

    def _look_for_filled(self, number: int, space: IdSpace, passed: list[Passed]) -> None:
        for gap in self._given_up:
            if gap[0] <= number <= gap[1] and not space.missing_between(*gap):
                self._given_up.remove(gap)
                passed.append(GapFilled(*gap))
                return

    def _settle(self, asked: int, first: int, last: int) -> None:
        """Nothing more is owed where the venue's answer, from `asked` to `last`, has no trade or has it in it."""
        self.owed = [
            (max(a, last + 1) if asked <= a <= last or first <= a <= last else a, b)
            for a, b in self.owed
            if not asked <= a <= b <= last
        ]

    def _credible(self, asked: int, found: list[Trade], head: int) -> list[Trade]:
        """The trades of an answer that are wanted and do not contradict what came live."""
        found = [trade for trade in found if trade.id >= asked]
        if not found or self._space is None:
            return found
        if asked <= self._space.head:
            return [trade for trade in found if trade.id <= self._space.head]
        if self._held:
            skips = found[-1].id > self._heap[0] and not any(trade.id == self._heap[0] for trade in found)
            kept = [] if skips else [trade for trade in found if trade.id <= self._highest_held]
        else:
            kept = [] if head and (found[0].first_id or found[0].id) > head else found
        if not kept:
            self.counters.conflicts += len(found)
        return kept

    def _drop_far_above(self, number: int) -> None:
        """Drop held trades whose ids are far above that of a later live trade: the venue had not come to them."""
        limit = number + self._limits.max_held
        if self._highest_held > limit:
            self._drop([held for held in self._held if held > limit])
            self._counted_until = number

    def _is_denied(self, trade: Trade, head: int) -> bool:
        """Whether a held trade can't be: its single trades are an earlier one's, or far above the venue's last."""
        single = trade.first_id or trade.id
        return single <= self._last_single_id or (head > 0 and single > head + self._limits.max_held)

    def _drop(self, held: Iterable[int]) -> None:
        """Drop held trades that contradict what else the venue says."""
        for number in held:
            del self._held[number]
            self.counters.conflicts += 1
        self._heap = sorted(self._held)
        self._highest_held = self._heap[-1] if self._heap else 0

    def _hold(self, trade: Trade) -> None:
        if trade.id in self._held:
            self._repeat(trade, self._held[trade.id])
            return
        self._held[trade.id] = trade
        self._highest_held = max(self._highest_held, trade.id)
        heappush(self._heap, trade.id)

    def _release(self, passed: list[Passed], now: float) -> None:
        """Pass on what follows, and note the hole before the rest."""
        space = self._space
        assert space is not None
        while self._heap and self._heap[0] <= space.head + 1:
            trade = self._held.pop(heappop(self._heap))
            if trade.id == space.head + 1:
                self._pass(trade, space, passed)
            else:
                self._repeat(trade, self.recent.find(trade.id))
        if not self._heap:
            self.hole = None
            return
        first, last = space.head + 1, self._heap[0] - 1
        if self.hole is None or self.hole.last < first:
            self.hole = Hole(first, last, now, Patience(now))
            self.counters.gaps += last > self._counted_until
            self.counters.missing += max(0, last - max(first - 1, self._counted_until))
            self._counted_until = max(self._counted_until, last)
        else:
            if first > self.hole.first:
                self.hole.patience.restart(now)
            self.hole.first, self.hole.last = first, min(last, self.hole.last)

    def _give_up(self, until: int, reason: str, now: float) -> list[Passed]:
        """Say that the hole's ids up to `until` are missing, and pass on what follows."""
        hole, space = self.hole, self._space
        assert hole is not None
        assert space is not None
        gap = Gap(hole.first, until, reason)
        self.counters.unfillable[reason] += gap.last - gap.first + 1
        self._given_up.append((gap.first, gap.last))
        if reason not in FOR_EVER:
            self.owed.append((gap.first, gap.last))
        space.skip(gap.last)
        self._last_single_id = 0  # what the next aggregate begins with can't be compared
        passed: list[Passed] = [gap]
        hole.first = until + 1
        hole.patience.restart(now)
        self._release(passed, now)
        return passed

"""One round over all symbols: what is new goes to the app, and then the position is remembered."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from trading_app.follow.position import Position, Reach
from trading_app.follow.reader import UnifiedReader, key_of
from trading_app.follow.source import Source, Unavailable, Unified
from trading_app.follow.windows import MILLISECONDS_PER_DAY, Seen, read_span, split
from trading_client import FieldError, TradingClient, TradingClientError
from trading_files.readings import BadRow, EventRow, FillRow, Question, Reading, SkippedRow

OVERLAP_MS = 600_000
"""How much of the past is asked for again in each round: an exchange may show a trade late, and clocks differ."""

ALL = "*"
"""Stands for all symbols in the position's file."""

APP_SECONDS = 60.0
"""How long a round waits for the app; what waits in the spool is kept."""

DELAYS = (0.5, 2.0, 8.0)
"""Seconds before a request is repeated."""

Answer = TypeVar("Answer")
Fetch = Callable[[str | None, int, int | None], Sequence[Unified]]

_FUNDING = "funding "


@dataclass(slots=True)
class Counts:
    """What one follower did. `problems` has the first reasons of what was not taken."""

    trades: int = 0
    payments: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    bad: int = 0
    problems: list[str] = field(default_factory=list)

    def add_problem(self, text: str) -> None:
        """Count what could not be taken."""
        self.bad += 1
        if len(self.problems) < 20:
            self.problems.append(text)


class Follower:
    """Follows symbols of a source; none means all of them in one.

    `say_instrument` is called with an event that says what a symbol is. `has` is called with a trade, or with the kind
    and the id of another event, and returns whether the ledger has it. Both may raise Unavailable. `clock` gives Unix
    time in seconds, for exchanges that can't be asked for theirs: how far a round has come is a time of the exchange,
    and a clock here may be ahead of it. A request that the exchange does not answer is repeated after each of `delays`,
    in seconds, before the round is given up.
    """

    def __init__(
        self,
        source: Source,
        client: TradingClient,
        position: Position,
        reader: UnifiedReader,
        symbols: Sequence[str],
        say_instrument: Callable[[EventRow], object],
        has: Callable[[Mapping[str, str]], bool],
        clock: Callable[[], float] = time.time,
        delays: Sequence[float] = DELAYS,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.counts = Counts()
        self._source = source
        self._client = client
        self._position = position
        self._reader = reader
        self._symbols: Sequence[str | None] = symbols or [None]
        self._say_instrument = say_instrument
        self._has = has
        self._taken: Mapping[str, str] | None = None
        self._clock = clock
        self._delays = delays
        self._sleep = sleep
        self._is_prepared = False
        self._first_ms: int | None = None
        self._seen: dict[str, Seen] = {}
        self._said: set[str] = set()
        self._unsaid: list[EventRow] = []

    def round(self, since_ms: int | None) -> None:
        """Take everything that is new since the last round, or since a time; None for that of the first round. Raises
        FollowError, TradingClientError.
        """
        if not self._is_prepared:
            self._repeat(lambda: self._source.prepare([symbol for symbol in self._symbols if symbol]))
            self._is_prepared = True
        self._require_same_ledger()
        theirs = self._repeat(self._source.now_ms)
        now_ms = int(self._clock() * 1_000) if theirs is None else theirs
        self._first_ms = now_ms if self._first_ms is None else self._first_ms
        since_ms = self._first_ms if since_ms is None else since_ms
        for symbol in self._symbols:
            self._follow(symbol or ALL, since_ms, now_ms, symbol, self._trades, self._reader.trade)
            if self._source.has_funding(symbol):
                self._follow(f"{_FUNDING}{symbol}", since_ms, now_ms, symbol, self._source.funding, self._funding)

    def _follow(
        self,
        name: str,
        since_ms: int,
        now_ms: int,
        symbol: str | None,
        fetch: Fetch,
        read: Callable[[Unified], list[Reading]],
    ) -> None:
        span = self._source.span(symbol)
        reach = self._position.reach(name, self._allowed(since_ms, now_ms, span.days_back))
        if reach.through > now_ms + OVERLAP_MS:  # the clock was ahead: until when everything was taken is not known
            reach = Reach(reach.since, reach.since)
        seen = self._seen.setdefault(name, Seen(key_of))
        begin = self._allowed(max(reach.since, reach.through - OVERLAP_MS), now_ms, span.days_back)

        def ask(since_ms: int, until_ms: int | None) -> Sequence[Unified]:
            return self._repeat(lambda: fetch(symbol, since_ms, until_ms))

        for since, until in split(begin, now_ms, span):
            try:
                for page in read_span(ask, key_of, since, until):
                    for item in seen.fresh(page):
                        self._take(read(item))
            except TradingClientError:
                del self._seen[name]  # the next round has to take again what could not be recorded
                raise
            self._wait_for_app()
            reach = Reach(reach.since, max(reach.through, now_ms if until is None else until))
            self._position.save(name, reach, self._newest_taken())
        seen.forget(reach.through - 2 * OVERLAP_MS)

    def _require_same_ledger(self) -> None:
        """Begin again if the ledger has lost what it had: a copy was put back, and the exchange still has the rest."""
        witness = self._position.witness
        if witness and not self._has(witness):
            which = witness.get("trade_id") or witness.get("id")
            self.counts.problems.append(f"the ledger has {which} no more, so all is taken again from the beginning")
            self._position.begin_again()
            self._seen.clear()

    def _newest_taken(self) -> Mapping[str, str] | None:
        """The last event that was sent since the last time, if the ledger has it: it may have been refused."""
        taken, self._taken = self._taken, None
        return taken if taken is not None and self._has(taken) else None

    def _repeat(self, call: Callable[[], Answer]) -> Answer:
        for delay in self._delays:
            try:
                return call()
            except Unavailable:
                self._sleep(delay)
        return call()

    def _allowed(self, since_ms: int, now_ms: int, days_back: float | None) -> int:
        """The time to begin at: an exchange shows a limited number of days."""
        if days_back is None:
            return since_ms
        return max(since_ms, now_ms - int(days_back * MILLISECONDS_PER_DAY) + OVERLAP_MS)

    def _trades(self, symbol: str | None, since_ms: int, until_ms: int | None) -> Sequence[Unified]:
        return self._reader.identified(self._source.trades(symbol, since_ms, until_ms))

    def _funding(self, payment: Unified) -> list[Reading]:
        """A payment, which some exchanges give in the form of a trade."""
        return self._reader.trade(payment) if "side" in payment else self._reader.funding(payment)

    def _take(self, readings: Sequence[Reading]) -> None:
        for reading in readings:
            match reading:
                case FillRow():
                    self._record(reading.members)
                case EventRow(kind="cash"):
                    self._pay(reading.members)
                case EventRow():
                    self._say(reading)
                case SkippedRow():
                    self.counts.skipped[reading.reason] = self.counts.skipped.get(reading.reason, 0) + 1
                case BadRow():
                    self.counts.add_problem(f"{reading.column} {reading.message}".strip())
                case Question():
                    self.counts.add_problem(reading.text)

    def _record(self, members: Mapping[str, str]) -> None:
        try:
            self._client.record(**_arguments(members))
        except FieldError as error:
            self.counts.add_problem(f"trade {members.get('trade_id')}: {error}")
        else:
            self.counts.trades += 1
            self._taken = members

    def _pay(self, members: Mapping[str, str]) -> None:
        arguments = _arguments(members)
        arguments["event_id"] = arguments.pop("id", None)
        try:
            self._client.cash(**arguments)
        except FieldError as error:
            self.counts.add_problem(f"payment {members.get('id')}: {error}")
        else:
            self.counts.payments += 1
            self._taken = {"kind": "cash", "id": str(arguments["event_id"])}

    def _say(self, row: EventRow) -> None:
        said = repr(sorted(row.members.items()))
        if said not in self._said:
            self._said.add(said)
            self._unsaid.append(row)

    def _wait_for_app(self) -> None:
        """The position moves only over what the app has, or has refused."""
        if not self._client.flush(APP_SECONDS):
            raise Unavailable(f"the app does not take the trades: {self._client.status().trouble or 'no answer'}")
        while self._unsaid:
            self._say_instrument(self._unsaid[0])
            del self._unsaid[0]


def _arguments(members: Mapping[str, str]) -> dict[str, Any]:
    return dict(members)

"""A ledger through the sidecar's fold in this process: batches of any size, deliveries that overlap, restarts from a
snapshot, recomputations from the store of fills while batches go on.
"""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from metrics_sidecar import recompute, snapshot
from telemetry_stream.events import Batch, StreamPosition
from tests.support.ledger_builder import Event
from tests.support.ledger_figures import Figures
from tests.support.sidecar_figures import figures_of_fold
from trading_history.writer import HistoryWriter
from trading_model.accounting.refold import Refold
from trading_model.accounting.state import TradingState

STREAM = "a-stream"
MAX_POSITIONS = 10_000
MAX_BATCH = 40


def batch_of(events: Sequence[Event]) -> Batch:
    """Consecutive events as a batch of the stream."""
    text = b",".join(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for event in events)
    return Batch(STREAM, events[0]["seq"], events[-1]["seq"], text)


def fold_in_memory(events: Sequence[Event]) -> Figures:
    """The figures after one event a batch, without restarts."""
    state = TradingState(MAX_POSITIONS, STREAM)
    for event in events:
        state.apply(batch_of([event]))
    return figures_of_fold(state)


def fold_with_restarts(events: Sequence[Event], seed: int) -> Figures:
    """The figures after random batches, of which some come again, and random restarts."""
    with _following(events, seed) as follower:
        return follower.follow()


def fold_between_restarts(events: Sequence[Event]) -> Figures:
    """The figures after a restart behind each event, so that all that is older comes from the store of fills."""
    with _following(events, 0) as follower:
        return follower.follow_between_restarts()


def fold_waiting(events: Sequence[Event]) -> Figures:
    """The figures after a restart behind each event, where the store is asked at the end alone. What is shown meanwhile
    has each series once.
    """
    with _following(events, 0) as follower:
        return follower.follow_waiting()


def state_with_one_restart(events: Sequence[Event], after: int) -> TradingState:
    """The state after a restart behind the first `after` events, so that these come from the store of fills. It is
    used once all events are applied.
    """
    with _following(events, 0) as follower:
        return follower.follow_with_one_restart(after)


def fold_with_one_restart(events: Sequence[Event], after: int) -> Figures:
    """The figures of that state."""
    return figures_of_fold(state_with_one_restart(events, after))


@contextmanager
def _following(events: Sequence[Event], seed: int) -> Iterator["_Follower"]:
    with TemporaryDirectory(prefix="ledger-") as folder:
        follower = _Follower(events, random.Random(seed), Path(folder))
        try:
            yield follower
        finally:
            follower.history.close()


class _Follower:
    """What the sidecar's tasks do, one after another in an order by chance."""

    def __init__(self, events: Sequence[Event], chance: random.Random, folder: Path) -> None:
        self.history = HistoryWriter(folder)
        self._events = events
        self._chance = chance
        self._folder = folder
        self._state = TradingState(MAX_POSITIONS, STREAM)
        self._refold: tuple[Refold, int] | None = None

    def follow(self) -> Figures:
        """Apply all events; settle what waits for the store at the end."""
        while self._state.applied < len(self._events):
            self._apply_more()
            self._chance.choices((self._restart, self._begin, self._finish, lambda: None), (1, 4, 4, 8))[0]()
        self._finish()
        self._settle()
        return figures_of_fold(self._state)

    def follow_between_restarts(self) -> Figures:
        """Apply each event, restart, and settle what waits for the store."""
        for event in self._events:
            self._state.apply(batch_of([event]))
            self._restart()
            self._settle()
        return figures_of_fold(self._state)

    def follow_waiting(self) -> Figures:
        """Apply each event and restart; settle what waits for the store at the end."""
        for event in self._events:
            self._state.apply(batch_of([event]))
            self._restart()
        self._settle()
        return figures_of_fold(self._state)

    def follow_with_one_restart(self, after: int) -> TradingState:
        """Apply all events, with one restart, and settle what waits for the store."""
        if after:
            self._state.apply(batch_of(self._events[:after]))
            self._restart()
        self._state.apply(batch_of(self._events[after:]))
        self._settle()
        return self._state

    def _settle(self) -> None:
        while self._state.restatement.is_recomputing:
            self._begin()
            self._finish()

    def _apply_more(self) -> None:
        applied = self._state.applied
        skip = self._chance.randint(0, min(applied, 5)) if self._chance.random() < 0.3 else 0
        more = self._events[applied - skip : applied + self._chance.randint(1, MAX_BATCH)]
        self._state.apply(batch_of(more), skip)

    def _restart(self) -> None:
        """Kill −9 after a snapshot was saved, with whatever was going on. What was shown then has each series once."""
        state = self._state
        figures_of_fold(state)
        saved = snapshot.Snapshot(StreamPosition(STREAM, state.applied), state.freeze())
        self._state = TradingState.restored(snapshot.decode_body(b"".join(snapshot.encode(saved))).moment)
        self._refold = None

    def _begin(self) -> None:
        """What the recomputer does first: bring the store up to date, find the fills of imports, plan and fold."""
        state = self._state
        if self._refold is not None or not state.restatement.is_recomputing:
            return
        stored = self.history.position.sequence
        if stored < state.applied:
            self.history.apply(batch_of(self._events[stored : state.applied]))
            self.history.commit(StreamPosition(STREAM, state.applied))
        for waiting in state.restatement.imports.copy():
            state.restatement.settle_import(waiting, *recompute.find_import(self._folder, waiting))
        refold = state.restatement.plan_refold()
        if refold is not None:
            self._refold = refold, recompute.fold_from_store(self._folder, refold).sequence

    def _finish(self) -> None:
        """What it does last, when more events may be applied."""
        if self._refold is not None:
            self._state.restatement.finish_refold(*self._refold)
            self._refold = None

"""Recomputes positions from the store of fills: those with a correction or a late fill older than what is in memory."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import structlog

from metrics_sidecar.follow import Tracker
from telemetry_stream.events import StreamPosition
from telemetry_stream.place import Place
from telemetry_stream.refusals import Obstacle
from trading_history.errors import StoreUnavailable
from trading_history.follow import bring_up_to_date
from trading_history.reader import HistoryReader, ImportTotal
from trading_model.accounting.fills import LineKey
from trading_model.accounting.refold import Refold
from trading_model.accounting.snapshots import WaitingImport
from trading_model.accounting.state import TradingState

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5.0
"""Pause after the store could not be used."""

QUIET_SECONDS = 0.2
"""A pass begins once no further correction came for so long: an import is worked in in one pass, not in a hundred."""

MAX_QUIET_SECONDS = 2.0
"""It begins at the latest after this time."""

FOLD_SECONDS = 40e-6
"""What folding a fill takes, beside the work of the event loop. A long pass waits longer, since what comes after its
beginning needs a second one: for a pause of a hundredth of its own time, at most as long as it takes itself.
"""

LOOK_SECONDS = 0.01
"""Pause between two looks at how far the state has come, while it is behind the store."""


class Quiet:
    """When a pass begins: once corrections have stopped coming, or have come for too long. No I/O."""

    def __init__(self, began: float) -> None:
        """`began` is the time on any clock, seconds."""
        self._began = began
        self._seen: int | None = None

    def pause(self, now: float, corrections: int, fills: int) -> float:
        """Seconds until the next look; 0 when the pass begins. `corrections` counts all that came, `fills` those
        that the pass would fold.
        """
        fold_seconds = FOLD_SECONDS * fills
        if corrections == self._seen or now - self._began >= max(MAX_QUIET_SECONDS, fold_seconds):
            return 0
        self._seen = corrections
        return max(QUIET_SECONDS, fold_seconds / 100)


class Recomputer:
    """Brings positions that wait for the store up to date, one pass for all that wait. Figures change at its end."""

    def __init__(self, tracker: Tracker, place: Place, explain: Callable[[Obstacle], str]) -> None:
        self.passes = 0
        self._tracker = tracker
        self._place = place
        self._explain = explain

    async def run(self) -> None:
        """Work until cancelled. A store that can't be used is logged and tried again."""
        while True:
            await self._tracker.recomputation_wanted.wait()
            self._tracker.recomputation_wanted.clear()
            while self._tracker.state.restatement.is_recomputing:
                try:
                    await self._wait_until_quiet(self._tracker.state)
                    await self._pass(self._tracker.state)
                except StoreUnavailable as error:
                    log.error(
                        "positions wait for their correction: the store of fills can't be used",
                        reason=str(error),
                        retry_seconds=RETRY_SECONDS,
                    )
                    await asyncio.sleep(RETRY_SECONDS)

    async def _wait_until_quiet(self, state: TradingState) -> None:
        quiet = Quiet(time.monotonic())
        while (pause := quiet.pause(time.monotonic(), state.restatement.waits, state.restatement.waiting_fills)) > 0:
            await asyncio.sleep(pause)

    async def _pass(self, state: TradingState) -> None:
        began = time.monotonic()
        await bring_up_to_date(self._place, self._tracker.subscriber.position, self._explain)
        if state is not self._tracker.state:  # another history began
            return
        for waiting in state.restatement.imports.copy():
            found = await asyncio.to_thread(find_import, self._place.folder, waiting)
            if state is self._tracker.state:
                state.restatement.settle_import(waiting, *found)
        refold = state.restatement.plan_refold()
        if refold is None:
            return
        stored = await asyncio.to_thread(fold_from_store, self._place.folder, refold)
        while state is self._tracker.state and state.applied < stored.sequence:
            await asyncio.sleep(LOOK_SECONDS)
        if state is self._tracker.state and stored.stream == state.stream:
            state.restatement.finish_refold(refold, stored.sequence)
            self.passes += 1
            log.info(
                "positions recomputed",
                positions=len(refold.fresh),
                applied=state.applied,
                seconds=round(time.monotonic() - began, 3),
            )


def fold_from_store(folder: Path, refold: Refold) -> StreamPosition:
    """Fold the fills of the store in a folder; for a thread. Gives the position that they are of."""
    reader = HistoryReader(folder)
    try:
        with reader.snapshot() as snapshot:
            # Between two runs of fills, the event loop gets its turn: it has trades to apply.
            refold.fold(snapshot.fills, lambda: time.sleep(0))
            return snapshot.position
    finally:
        reader.close()


def find_import(
    folder: Path, waiting: WaitingImport
) -> tuple[list[ImportTotal], list[LineKey], list[tuple[LineKey, Decimal, int]]]:
    """What an import's fills in the store of a folder add up to, their keys, and the multipliers that they name."""
    reader = HistoryReader(folder)
    try:
        with reader.snapshot() as snapshot:
            return (
                snapshot.import_totals(waiting.id, waiting.at),
                snapshot.import_keys(waiting.id),
                snapshot.import_multipliers(waiting.id, waiting.at),
            )
    finally:
        reader.close()

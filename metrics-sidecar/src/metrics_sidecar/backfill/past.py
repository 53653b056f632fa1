"""The sidecar's state at each instant of the past, as it was known then: folded from the journal by commit time."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType

from metrics_sidecar.backfill.series import Piece
from metrics_sidecar.exposition.base_currency import base_families
from metrics_sidecar.exposition.pipeline import ledger_families
from metrics_sidecar.exposition.state_document import sum_by_currency
from metrics_sidecar.exposition.text import Exposition
from metrics_sidecar.recompute import find_import, fold_from_store
from service_kit.cooperative import run_at_once
from service_kit.metrics.text import header, sample_lines
from telemetry_stream.events import Batch, StreamPosition
from telemetry_stream.log import StreamReader
from telemetry_stream.wire import cut
from trading_history.follow import MAX_PENDING_ALONE
from trading_history.writer import HistoryWriter
from trading_model.accounting.state import TradingState
from trading_model.field_rules import format_timestamp

PAGE_EVENTS = 10_000
SECOND_NS = 1_000_000_000


class Past:
    """Walks through a journal once, from its first event on."""

    def __init__(self, journal: StreamReader, state: TradingState, folder: Path) -> None:
        """`state` is empty. `folder` is for a store of fills, which corrections of older trades need."""
        self.state = state
        self._journal = journal
        self._folder = folder
        self._exposition = Exposition()
        self._opened = ExitStack()
        self._store: HistoryWriter | None = None

    def __enter__(self) -> "Past":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._opened.close()

    def steps(self, seconds: int, end: int, first: int = 0) -> Iterator[int]:
        """The steps from `first` up to but not including `end` at which the state is another one, in order.

        Step N is at N times `seconds`, Unix time. At each, `state` has what was committed until then. Raises
        DamagedHistory, StoreUnavailable.
        """
        length_ns = seconds * SECOND_NS
        step: int | None = None
        for page in self._pages():
            done = page.first - 1
            for commit in page.commits:
                next_step = max(-(-commit.committed_at_ns // length_ns), first)
                if step is not None and next_step > step:
                    self._apply(cut(page, self.state.applied, done))
                    yield self._settled(step)
                if next_step >= end:
                    return
                step, done = next_step, commit.last
            self._apply(cut(page, self.state.applied, done))
        if step is not None:
            yield self._settled(step)

    def _pages(self) -> Iterator[Batch]:
        """Whole rows of the journal: only these have a commit time."""
        done, head = 0, self._journal.head()
        while done < head:
            limit = PAGE_EVENTS
            page = self._journal.read(done, limit)
            while not page.commits:
                limit *= 2
                page = self._journal.read(done, limit)
            done = page.commits[-1].last
            yield cut(page, page.first - 1, done)

    def _apply(self, batch: Batch) -> None:
        if batch.count:
            self.state.apply(batch)

    def pieces(self, unix_seconds: int) -> Iterator[Piece]:
        """What the sidecar showed of the ledger at that time, from `state`."""
        moment = self.state.freeze()
        family = b""
        for piece in self._exposition.render(moment, (), openmetrics=True):
            if piece.startswith(b"#"):
                family = piece
            elif piece:
                yield family, piece
        others = ledger_families(moment)
        if moment.base_currency:
            sums = run_at_once(sum_by_currency(moment))
            others += base_families(sums.base_totals(self.state.rates, format_timestamp(unix_seconds * SECOND_NS)))
        for one in others:
            yield header(one.metric, openmetrics=True).encode(), sample_lines(one).encode()

    # Corrections of trades that are older than what the state has in memory

    def _settled(self, step: int) -> int:
        restatement = self.state.restatement
        while restatement.wants_refold:
            folder = self._folder_with_fills()
            for waiting in restatement.imports.copy():
                restatement.settle_import(waiting, *find_import(folder, waiting))
            refold = restatement.plan_refold()
            if refold is not None:
                stored = fold_from_store(folder, refold)
                restatement.finish_refold(refold, stored.sequence)
        return step

    def _folder_with_fills(self) -> Path:
        """The folder of a store that has the fills up to the state's last event."""
        if self._store is None:
            self._store = self._opened.enter_context(closing(HistoryWriter(self._folder)))
        done, until = self._store.position.sequence, self.state.applied
        while done < until:
            page = self._journal.read(done, min(PAGE_EVENTS, until - done))
            self._store.apply(page)
            done = page.last
            if self._store.pending >= MAX_PENDING_ALONE or done == until:
                self._store.commit(StreamPosition(self._journal.stream, done))
        return self._folder

"""What is done with the rows of a large file while the rest of it is being read: the ledger is asked, and another
process computes figures. Both follow the spool.
"""

from concurrent.futures import Future, ThreadPoolExecutor

from trading_app.imports.compare import Comparison, compare
from trading_app.imports.figures import FileFigures
from trading_app.imports.folding import fold_apart
from trading_app.imports.instruments import said_by
from trading_app.imports.ledger import Ledger
from trading_app.imports.spool import Spool

LARGE = 20_000
"""Rows from which it pays: for fewer, the start of a process takes longer than it saves."""


class Ahead:
    """A context manager around the reading of one file."""

    def __init__(self, spool: Spool, ledger: Ledger | None) -> None:
        self._spool = spool
        self._ledger = ledger
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="ahead")
        self._compared: Future[Comparison] | None = None
        self._folded: Future[FileFigures | None] | None = None

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.abandon()
        self._pool.shutdown()

    def see(self, rows: int) -> None:
        """Begin, if that many rows are enough."""
        if rows < LARGE or self._folded is not None:
            return
        self._folded = self._pool.submit(self._fold)
        if self._ledger is not None:
            self._compared = self._pool.submit(compare, self._spool, self._spool.lines_with_ids(), self._ledger)

    def abandon(self) -> None:
        """End soon: nobody wants the results. The ledger can't be used any more."""
        self._spool.abandon()
        if self._ledger is not None:
            self._ledger.stop()

    def compared(self) -> Comparison | None:
        """What the ledger has of the fills whose ids the file gives; None if it was not asked. Raises as `compare`."""
        return None if self._compared is None else self._compared.result()

    def figures(self) -> FileFigures | None:
        """The figures of all fills; None if they have to be computed otherwise. Raises CallRefused, Unanswered."""
        return None if self._folded is None else self._folded.result()

    def _fold(self) -> FileFigures | None:
        said = [] if self._ledger is None else said_by(self._ledger)
        return fold_apart(said, self._spool.blocks_as_they_come())

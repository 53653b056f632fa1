"""Asks the history in threads, so that the event loop never waits for it.

The file is opened for each question: a rebuild puts another one in its place.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

from starlette.responses import Response

from service_kit.lifecycle.daemon_thread import run_in_daemon_thread
from trading_app.context import Context
from trading_app.history.answers import Form, Made, Table, make, respond
from trading_app.problems import TradeProblem
from trading_app.query.question import refused
from trading_history.errors import HistoryError, NewerStore, StoreMissing
from trading_history.past import Past, TooMuchPast
from trading_history.queries.keys import Wanted
from trading_history.queries.market_marks import MAX_MARKS, TooManyMarks
from trading_history.queries.position_fold import MAX_FILLS, TooManyFills
from trading_history.reader import HistoryReader, Snapshot

AT_ONCE = 2
"""Questions that are answered at the same time; others wait for their turn."""

RETRY_SECONDS = 5

Reply = TypeVar("Reply")


class Earlier(NamedTuple):
    """A past: what was known up to a sequence, as far as answers about the wanted keys depend on it."""

    sequence: int
    wanted: Wanted
    with_figures: bool = True


class HistoryStore:
    """The history in the ledger's folder, if it is of this ledger."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def folder(self) -> Path:
        """Where the history and the candles are."""
        return self._context.settings.data_folder

    async def ask(
        self, question: Callable[[Snapshot], Reply], earlier: Earlier | None = None, *, even_if_empty: bool = False
    ) -> Reply:
        """The reply to a question, about what is known now or was earlier. Raises TradeProblem (`history_…`, and for a
        past that can't be asked), and what the question raises.

        A history that has nothing of a ledger with events is being built; it is asked only where `even_if_empty`.
        """
        stream = self._context.stream
        ledger, is_begun = stream.id, stream.head > 0 and not even_if_empty
        async with self._turns:
            return await run_in_daemon_thread(lambda: self._ask(question, ledger, is_begun, earlier), "history")

    async def answer(self, form: Form, read: Callable[[Snapshot], Table], earlier: Earlier | None = None) -> Response:
        """The table that is read, as an answer. Raises TradeProblem."""
        self._context.outgoing.check()
        made = await self.ask(
            lambda snapshot: make(form, read(snapshot), is_settled=snapshot.figures_are_settled), earlier
        )
        return respond(made, self._context.outgoing)

    async def answer_from_folder(self, form: Form, read: Callable[[Path], Table | None]) -> Response | None:
        """A table from another store in the folder, as an answer; None where that has nothing. Raises TradeProblem."""
        self._context.outgoing.check()
        folder = self.folder

        def make_it() -> Made | None:
            try:
                table = read(folder)
            except HistoryError as error:
                raise _problem(error, folder) from error
            return None if table is None else make(form, table)

        async with self._turns:
            made = await run_in_daemon_thread(make_it, "candles")
        return None if made is None else respond(made, self._context.outgoing)

    def _ask(
        self, question: Callable[[Snapshot], Reply], ledger: str, is_begun: bool, earlier: Earlier | None
    ) -> Reply:
        try:
            with closing(HistoryReader(self.folder)) as reader, reader.snapshot() as snapshot:
                _check(snapshot, ledger, is_begun=is_begun)
                past = None if earlier is None else _past(snapshot, earlier)
                if past is None:
                    return question(snapshot)
            with closing(past):  # the store is not held any more: folding takes long
                return question(past.snapshot())
        except TooManyFills:
            detail = f"must be average: the positions have more than {MAX_FILLS} trades; ask for some of them"
            raise refused("method", detail) from None
        except TooManyMarks:
            detail = f"must be own: the positions that the market marks have more than {MAX_MARKS} values in this range"
            raise refused("marks", f"{detail}; ask for a shorter one, or for some of them") from None
        except HistoryError as error:
            raise _problem(error, self.folder) from error


def _past(snapshot: Snapshot, earlier: Earlier) -> Past | None:
    """The past that is asked about; None for what is known now. Raises TradeProblem."""
    known = snapshot.position.sequence
    if earlier.sequence > known:
        raise refused("as_of", f"must not be later than {known}, to which the history has come")
    if earlier.sequence == known:
        return None
    try:
        return Past(snapshot, earlier.sequence, earlier.wanted, with_figures=earlier.with_figures)
    except TooMuchPast as error:
        detail = f"asks about more than {error.max_fills} trades; choose an account, a strategy or a symbol with less"
        raise refused("as_of", detail) from None


def _check(snapshot: Snapshot, ledger: str, *, is_begun: bool) -> None:
    """Raises TradeProblem for a history of another ledger, and for one that has nothing of a ledger that `is_begun`:
    its answers would be those of a ledger without events.
    """
    position = snapshot.position
    if is_begun and not position.sequence:
        raise _missing("it builds it now, and has none of the ledger's events yet")
    if position.sequence and position.stream != ledger:
        raise TradeProblem(
            "history_foreign",
            "the history is of another ledger than this app writes: trading-analytics follows another one, or has not"
            " seen the restored one yet; compare DATA_DIR and WEBAPP_REPLAY_ADDR of both",
            retry_after=RETRY_SECONDS,
        )


def _problem(error: HistoryError, folder: Path) -> TradeProblem:
    """What a client gets to read, without the path of the folder."""
    if isinstance(error, StoreMissing):
        return _missing("is it running (ANALYTICS_ENABLED, make apps-up)?")
    if isinstance(error, NewerStore):
        detail = "a later version of trading-analytics made the history: upgrade this app too"
        return TradeProblem("history_newer", detail, retry_after=60)
    return TradeProblem("history_unavailable", str(error).replace(f"{folder}/", ""), retry_after=RETRY_SECONDS)


def _missing(advice: str) -> TradeProblem:
    detail = f"trading-analytics has not built the history yet: {advice}"
    return TradeProblem("history_missing", detail, retry_after=RETRY_SECONDS)

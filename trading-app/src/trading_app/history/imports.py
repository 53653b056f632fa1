"""GET /api/imports: the imported files that the history knows, newest first."""

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from trading_app.history.answers import Form, Table
from trading_app.history.cursor import Whole, read_cursor, write_cursor
from trading_app.history.parameters import Cursor, FormatName, Limit
from trading_app.history.schemas import table_responses
from trading_app.history.store import HistoryStore
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_history.queries.imports import StoredImport, imports
from trading_history.reader import Snapshot

PAGE_IMPORTS = 100
NEWEST = 2**62


class ImportRow(msgspec.Struct, frozen=True):
    """An imported file; without `in_force` it is taken back, and none of its trades counts."""

    id: str
    seq: int
    name: str
    digest: str
    preset: str | None
    rows: int
    taken: int
    skipped: int
    account: str | None
    in_force: bool


def add_to(api: FastAPI, store: HistoryStore) -> None:
    """Add the call."""

    @api.get(
        "/api/imports",
        tags=["history"],
        summary="Imported files in the history, newest first",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses("Imports", "imports", ImportRow),
    )
    async def list_imports(
        request: Request, limit: Limit = PAGE_IMPORTS, cursor: Cursor = None, given_format: FormatName = None
    ) -> Response:
        """`GET /imports` has who took each, when, and the event that took it back."""
        (before,) = read_cursor(cursor, tuple[Whole]) or (NEWEST,)

        def read(snapshot: Snapshot) -> Table:
            found = imports(snapshot, before, limit + 1)
            link = write_cursor((found[limit - 1].seq,)) if len(found) > limit else ""
            rows = [_row(one) for one in found[:limit]]
            return Table("imports", ImportRow, rows, snapshot.position.sequence, cursor=link)

        return await store.answer(Form.of(request, given_format), read)


def _row(stored: StoredImport) -> ImportRow:
    content = stored.content
    return ImportRow(
        stored.id,
        stored.seq,
        content.name,
        content.digest,
        content.preset,
        content.rows,
        content.taken,
        content.skipped,
        content.account,
        stored.in_force,
    )

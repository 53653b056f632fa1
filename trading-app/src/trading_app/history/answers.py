"""Answers of the history API: one table in the form that is asked for, with its cursor, its ETag and its sequence."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from urllib.parse import urlencode

import msgspec
from fastapi import Request
from starlette.responses import Response

from trading_app.history.parquet import to_parquet
from trading_app.history.tables import to_csv, to_lines
from trading_app.outgoing import PIECE_BYTES, OutgoingBudget, PacedResponse, Piece
from trading_app.query.parquet_table import NotInstalled
from trading_app.query.question import MEDIA_TYPES, Format, format_of, refused

AS_OF = "History-As-Of"
"""The header with the sequence up to which the history had the ledger."""

RESTATING = "History-Restating"
"""The header of figures that do not have all events up to that sequence yet: `true`; in JSON also a member."""

FIGURES = frozenset(("positions", "round_trips", "performance", "pnl", "equity", "drawdown"))
"""Tables that are folded: after a change of the past they come forward in pieces. All others are right at once."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one struct, of the history at the sequence `as_of`; None where they are not of the ledger.

    `name` is the member with the rows in a JSON document, which has the members `more` too. `cursor` begins the next
    page; empty on the last one. Of a `closed` range, an ETag is given.
    """

    name: str
    row: type[msgspec.Struct]
    rows: Sequence[msgspec.Struct]
    as_of: int | None
    more: Mapping[str, object] = field(default_factory=dict)
    cursor: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """How a request wants its answer."""

    request: Request
    format: Format

    @classmethod
    def of(cls, request: Request, given: Format | None) -> "Form":
        """By the parameter `format`, else by the header `Accept`."""
        return cls(request, given or format_of(request.headers.get("accept", "")))


@dataclass(frozen=True, slots=True)
class Made:
    """A body and its headers, made in the thread that read the history."""

    body: bytes
    media_type: str
    headers: Mapping[str, str]
    is_known: bool = False


def make(form: Form, table: Table, *, is_settled: bool = True) -> Made:
    """The answer. `is_settled`: figures have all that the history has. Raises TradeProblem."""
    headers = {} if table.as_of is None else {AS_OF: str(table.as_of)}
    if not is_settled and table.name in FIGURES:
        headers[RESTATING] = "true"
        table = replace(table, more={"restating": True, **table.more}, closed=False)
    if table.cursor:
        headers["Link"] = _next_page(form.request, table.cursor)
    body = _body(form.format, table)
    if table.closed:
        headers["ETag"] = _etag(form.format, table, body)
        headers["Cache-Control"] = "private, no-cache"  # to be kept, and asked about: a late trade changes the past
        if _is_known(form.request.headers.get("if-none-match", ""), headers["ETag"]):
            return Made(b"", "", headers, is_known=True)
    if form.format in ("csv", "parquet"):
        headers["Content-Disposition"] = f'attachment; filename="{table.name}.{form.format}"'
    return Made(body, MEDIA_TYPES[form.format], headers)


def respond(made: Made, outgoing: OutgoingBudget) -> Response:
    """The response, sent piece by piece as its client reads."""
    if made.is_known:
        return Response(status_code=304, headers=dict(made.headers))
    return PacedResponse(_pieces(made.body, outgoing), made.media_type, made.headers)


async def _pieces(body: bytes, outgoing: OutgoingBudget) -> AsyncGenerator[Piece, None]:
    with outgoing.hold_whole(len(body)):
        for start in range(0, max(len(body), 1), PIECE_BYTES):
            yield body[start : start + PIECE_BYTES], start + PIECE_BYTES >= len(body)


def _body(form: Format, table: Table) -> bytes:
    match form:
        case "json":
            return msgspec.json.encode({"as_of": table.as_of, **table.more, table.name: table.rows})
        case "ndjson":
            return to_lines(table.rows)
        case "csv":
            return to_csv(table.row, table.rows)
        case "parquet":
            try:
                return to_parquet(table.row, table.rows)
            except NotInstalled:
                raise refused("format", "can't be parquet: pyarrow is not installed (docs/exporting.md)") from None


def _etag(form: Format, table: Table, body: bytes) -> str:
    """Weak: it does not cover `as_of`, which grows with every trade while the figures stay."""
    content = body if form != "json" else msgspec.json.encode([table.more, table.rows])
    return f'W/"{blake2b(content, digest_size=12, person=form.encode()).hexdigest()}"'


def _is_known(header: str, etag: str) -> bool:
    """Whether If-None-Match lists the ETag. The comparison is the weak one (RFC 9110, 13.1.2)."""
    listed = [one.strip().removeprefix("W/") for one in header.split(",")]
    return etag.removeprefix("W/") in listed or listed == ["*"]


def _next_page(request: Request, cursor: str) -> str:
    parameters = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f'<{request.url.path}?{urlencode([*parameters, ("cursor", cursor)])}>; rel="next"'

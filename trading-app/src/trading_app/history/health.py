"""GET /api/health: in one word for each part, whether the figures can be relied on. Needs no credential."""

from typing import Literal

import msgspec
from fastapi import FastAPI
from starlette.responses import Response

from trading_app.context import Context
from trading_app.history.store import HistoryStore
from trading_app.http.openapi import problem_responses, schema_of, success
from trading_app.http.operations import OPEN
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.page.sidecar_feed import SidecarFeed
from trading_app.problems import TradeProblem

Status = Literal["ok", "behind", "missing", "failed"]


class Part(msgspec.Struct, frozen=True):
    """A part. `behind` is the number of events of the ledger that it does not have yet; null if that is unknown."""

    status: Status
    behind: int | None


class Health(msgspec.Struct, frozen=True):
    """`status` is `ok` if every part is. `ledger`: trades are accepted. `sidecar`: live figures. `history`: /api."""

    status: Literal["ok", "degraded"]
    ledger: Part
    sidecar: Part
    history: Part


def add_to(api: FastAPI, context: Context, store: HistoryStore, feed: SidecarFeed) -> None:
    """Add the call."""

    @api.get(
        "/api/health",
        tags=["history"],
        summary="The state of the ledger, the sidecar and the history, in a word each",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=success("The state of each part", application_json=schema_of(Health))
        | problem_responses("invalid_parameter"),
        openapi_extra=OPEN,
    )
    async def health() -> Response:
        """Always 200 while the app answers. `/readyz` says whether trades are accepted, and why not."""
        ledger = Part("failed" if context.stream.obstacle() else "ok", 0)
        parts = (ledger, _sidecar(context, feed), await _history(context, store))
        is_good = all(part.status == "ok" for part in parts)
        document = Health("ok" if is_good else "degraded", *parts)
        return Response(msgspec.json.encode(document), media_type="application/json")


def _sidecar(context: Context, feed: SidecarFeed) -> Part:
    latest = feed.latest
    if latest.state is None or latest.status != "up":
        return Part("missing", None)
    if latest.state.stream != context.stream.id:
        return Part("failed", None)
    return _behind(context.stream.head - latest.state.applied)


async def _history(context: Context, store: HistoryStore) -> Part:
    try:
        sequence = await store.ask(lambda snapshot: snapshot.position.sequence, even_if_empty=True)
    except TradeProblem as problem:
        return Part("missing" if problem.code == "history_missing" else "failed", None)
    return _behind(context.stream.head - sequence)


def _behind(events: int) -> Part:
    return Part("behind" if events > 0 else "ok", max(events, 0))

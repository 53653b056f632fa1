"""Health, readiness and the app's own metrics."""

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from service_kit.metrics.negotiation import wants_openmetrics
from service_kit.metrics.process import process_families
from service_kit.metrics.text import OPENMETRICS, TEXT, render
from trading_app.context import Context
from trading_app.http.openapi import ACCESS_CODES, EXPOSITION, problem_responses
from trading_app.problems import TradeProblem

OPEN: dict[str, object] = {"security": []}  # no token is needed, even if tokens are set


def add_to(api: FastAPI, context: Context) -> None:
    """Add the calls."""

    @api.get(
        "/health", tags=["operations"], summary="The same as /healthz", response_class=JSONResponse, openapi_extra=OPEN
    )
    @api.get(
        "/healthz",
        tags=["operations"],
        summary="Whether the process is alive",
        response_class=JSONResponse,
        openapi_extra=OPEN,
    )
    async def healthz() -> dict[str, str]:
        """The process is alive. Says nothing about the journal."""
        return {"status": "ok"}

    @api.get(
        "/readyz",
        tags=["operations"],
        summary="Whether the app can accept trades: journal open, disk writable, publisher bound",
        responses=problem_responses("not_ready"),
        response_class=JSONResponse,
        openapi_extra=OPEN,
    )
    async def readyz() -> dict[str, str]:
        """503 with the reason if it can't."""
        obstacle = context.stream.obstacle()
        if obstacle:
            raise TradeProblem("not_ready", obstacle, retry_after=5)
        return {"status": "ready"}

    @api.get(
        "/metrics",
        tags=["operations"],
        summary="The app's own metrics, as Prometheus text or OpenMetrics",
        response_class=Response,
        responses=EXPOSITION | problem_responses(*ACCESS_CODES),
    )
    async def metrics(request: Request) -> Response:
        """docs/app-metrics.md explains each."""
        openmetrics = wants_openmetrics(request.headers.get("accept", ""))
        body = render([*context.metrics.families(), *process_families()], openmetrics)
        return Response(body, headers={"Content-Type": OPENMETRICS if openmetrics else TEXT})

"""CORS: which calls from other origins browsers may make."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from service_kit.problems import Problem
from service_kit.responses import answer_problem
from trading_app.http.request_boundary import current_request_id
from trading_app.metrics import AppMetrics

METHODS = ("GET", "POST")
HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID")
EXPOSED_HEADERS = ("X-Request-ID", "Retry-After", "Link", "ETag", "History-As-Of", "History-Restating")


class Cors(CORSMiddleware):
    """Starlette's CORS middleware, with counted problem documents as refusals."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], metrics: AppMetrics) -> None:
        super().__init__(app, origins, METHODS, HEADERS, expose_headers=EXPOSED_HEADERS)
        self._metrics = metrics

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight request."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        problem = Problem("bad_request", f"{bytes(response.body).decode()}: see WEBAPP_CORS_ORIGINS")
        self._metrics.refusals[problem.code] += 1
        answer = answer_problem(problem, current_request_id())
        headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return Response(answer.body, answer.status, headers, answer.content_type.decode())

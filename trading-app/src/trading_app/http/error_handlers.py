"""Answers every error behind FastAPI with a problem document, or with the page if a browser sent its form."""

from collections.abc import Callable, MutableMapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from service_kit.problems import FieldProblem, Problem
from service_kit.responses import answer_problem
from telemetry_stream.errors import DamagedHistory, StoreBusy, StreamClosed
from trading_app.http.request_boundary import INTERNAL_ERROR
from trading_app.intake.results import refusal
from trading_app.intake.service import PATHS
from trading_app.problems import TradeProblem, damaged_history, store_busy

_CODES = {404: "not_found", 405: "method_not_allowed"}


Page = Callable[[Request, Problem], Response]
"""Shows a problem as the page, to a browser whose form was refused."""


def add_error_handlers(
    api: FastAPI, refusals: MutableMapping[str, int], page_for: Callable[[Request], Page | None]
) -> None:
    """Answer every error in one form, and count it in `refusals` by code.

    `page_for` returns how the page shows a problem with a request; None if the answer is a problem document.
    """

    def answer(request: Request, problem: Problem) -> Response:
        refusals[problem.code] += 1
        answered = answer_problem(problem, request.scope["state"]["request_id"])
        headers = {name.decode(): value.decode("latin-1") for name, value in answered.headers}
        show_page = page_for(request)
        if show_page is not None:
            page = show_page(request, problem)
            page.headers.update(headers)
            return page
        return Response(answered.body, answered.status, headers, answered.content_type.decode())

    async def on_problem(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return answer(request, problem)

    async def on_damage(request: Request, damage: Exception) -> Response:
        assert isinstance(damage, DamagedHistory)
        return answer(request, damaged_history(damage))

    async def on_busy(request: Request, busy: Exception) -> Response:
        assert isinstance(busy, StoreBusy)
        return answer(request, store_busy(busy))

    async def on_end(request: Request, end: Exception) -> Response:
        assert isinstance(end, StreamClosed)
        return answer(request, refusal(end))

    async def on_invalid_parameter(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, _invalid_parameter(error))

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(request, _http_problem(api, request, error))

    async def on_exception(request: Request, _error: Exception) -> Response:
        # Not counted here: Edge logs and counts the exception, which Starlette raises again.
        answered = answer_problem(INTERNAL_ERROR, request.scope["state"]["request_id"])
        return Response(answered.body, answered.status, media_type=answered.content_type.decode())

    api.add_exception_handler(Problem, on_problem)
    api.add_exception_handler(DamagedHistory, on_damage)
    api.add_exception_handler(StoreBusy, on_busy)
    api.add_exception_handler(StreamClosed, on_end)
    api.add_exception_handler(RequestValidationError, on_invalid_parameter)
    api.add_exception_handler(HTTPException, on_http_error)
    api.add_exception_handler(Exception, on_exception)


def _invalid_parameter(error: RequestValidationError) -> Problem:
    errors = [FieldProblem(f"{found['loc'][0]}/{found['loc'][-1]}", str(found["msg"])) for found in error.errors()]
    return TradeProblem("invalid_parameter", f"{errors[0].pointer}: {errors[0].detail}", errors)


def _http_problem(api: FastAPI, request: Request, error: HTTPException) -> Problem:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(api, request.scope["path"]))
    details = {404: f"see {request.base_url}docs for the API", 405: f"{request.method} is not allowed on this path"}
    detail = details.get(error.status_code, str(error.detail))
    return Problem(_CODES.get(error.status_code, "bad_request"), detail, headers=headers)


def _methods(api: FastAPI, path: str) -> list[str]:
    """Every method allowed on this path. A single route knows only its own methods.

    Of several paths that fit, the one with the fewest parameters counts: /hooks/{name}/unread before
    /hooks/{name}/{secret}.
    """
    in_front = {"POST"} if path in PATHS else set()
    routes = [route for route in api.routes if isinstance(route, Route) and route.path_regex.match(path)]
    fewest = min((len(route.param_convertors) for route in routes), default=0)
    closest = [route for route in routes if len(route.param_convertors) == fewest]
    methods = in_front.union(*(route.methods or () for route in closest))
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)

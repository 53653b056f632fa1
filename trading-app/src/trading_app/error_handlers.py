"""FastAPI's errors, and ours behind it, as problem documents; for a browser's form as the page."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from trading_app.answers import answer_problem
from trading_app.context import Context
from trading_app.edge import INTERNAL_ERROR
from trading_app.page import accepts_page, render_page
from trading_app.problems import FieldProblem, Problem
from trading_app.routes import PATHS

_CODES = {404: "not_found", 405: "method_not_allowed"}


def add_error_handlers(api: FastAPI, context: Context) -> None:
    """Answer every error in one form."""

    def answer(request: Request, problem: Problem) -> Response:
        context.metrics.refusals[problem.code] += 1
        answered = answer_problem(problem, request.scope["state"]["request_id"])
        headers = {name.decode(): value.decode("latin-1") for name, value in answered.headers}
        if request.method == "POST" and request.scope["path"] == "/trade" and accepts_page(request):
            page = render_page(request, context, {"problem": problem}, problem.status)
            page.headers.update(headers)
            return page
        return Response(answered.body, answered.status, headers, answered.content_type.decode())

    async def on_problem(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return answer(request, problem)

    async def on_invalid_parameter(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, _invalid_parameter(error))

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(request, _http_problem(api, request, error))

    async def on_exception(request: Request, _error: Exception) -> Response:
        # Edge logs and counts it.
        answered = answer_problem(INTERNAL_ERROR, request.scope["state"]["request_id"])
        return Response(answered.body, answered.status, media_type=answered.content_type.decode())

    api.add_exception_handler(Problem, on_problem)
    api.add_exception_handler(RequestValidationError, on_invalid_parameter)
    api.add_exception_handler(HTTPException, on_http_error)
    api.add_exception_handler(Exception, on_exception)


def _invalid_parameter(error: RequestValidationError) -> Problem:
    errors = [FieldProblem(f"{found['loc'][0]}/{found['loc'][-1]}", str(found["msg"])) for found in error.errors()]
    return Problem("invalid_parameter", f"{errors[0].pointer}: {errors[0].detail}", errors)


def _http_problem(api: FastAPI, request: Request, error: HTTPException) -> Problem:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(api, request.scope["path"]))
    details = {404: f"see {request.base_url}docs for what there is", 405: f"{request.method} is not for this path"}
    detail = details.get(error.status_code, str(error.detail))
    return Problem(_CODES.get(error.status_code, "bad_request"), detail, headers=headers)


def _methods(api: FastAPI, path: str) -> list[str]:
    """Every method that is for this path; a route by itself knows only its own."""
    taken_in_front = {"POST"} if path in PATHS else set()
    routes = [route for route in api.routes if isinstance(route, Route) and route.path == path]
    methods = taken_in_front.union(*(route.methods or () for route in routes))
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)

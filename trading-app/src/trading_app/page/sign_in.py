"""Signs browsers in and out: exchanges a token for a cookie that only this app's own pages can use."""

from urllib.parse import parse_qs

import structlog
from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from service_kit.problems import Problem
from service_kit.responses import answer_problem, read_body
from trading_app.access.call import PAGES, Call
from trading_app.access.caller import Caller
from trading_app.access.gate import Gate
from trading_app.context import Context
from trading_app.page.page import accepts_page, refuse_foreign_form
from trading_app.page.templates import PAGE_HEADERS, render

log = structlog.get_logger(__name__)

MAX_FORM_BYTES = 16_384


def add_to(api: FastAPI, context: Context, gate: Gate) -> None:
    """Add the calls."""

    @api.get("/sign-in", include_in_schema=False)
    async def sign_in_page(request: Request) -> Response:
        if not gate.guarded or gate.sessions.find(gate.session_key(Call.of(request.scope))):
            return _go_to(_wanted(request))
        return _render(request, context)

    @api.post("/sign-in", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        if not gate.guarded:
            return _go_to("/")
        try:
            refuse_foreign_form(request, gate)
            caller = await _caller(request, gate)
        except Problem as problem:
            return _refuse(request, context, problem)
        call = Call.of(request.scope)
        log.info("signed in", name=caller.name[:200], address=call.host)
        answer = _go_to(_wanted(request))
        gate.sessions.end(gate.session_key(call))
        _set_cookie(answer, gate, call, gate.sessions.begin(caller))
        return answer

    @api.post("/sign-out", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        refuse_foreign_form(request, gate)
        call = Call.of(request.scope)
        caller = gate.sessions.end(gate.session_key(call))
        if caller is not None:
            log.info("signed out", name=caller.name[:200], address=call.host)
        answer = _go_to("/sign-in")
        _set_cookie(answer, gate, call, "")
        return answer

    @api.get("/page/session", include_in_schema=False, status_code=204)
    async def session() -> Response:
        """204 if the session is valid, else 401. An EventSource does not show the page why it was refused."""
        return Response(status_code=204, headers={"Cache-Control": "no-store"})


def _wanted(request: Request) -> str:
    """The page that the browser asked for before it was led here; never an address of another site."""
    page = f"/{request.query_params.get('page', '')}"
    return page if page in PAGES else "/"


async def _caller(request: Request, gate: Gate) -> Caller:
    body = await read_body(dict(request.scope["headers"]), request.receive, MAX_FORM_BYTES)
    try:
        [token] = parse_qs(body, strict_parsing=True, max_num_fields=10)[b"token"]
    except (KeyError, ValueError):
        raise Problem("bad_request", "the form must have one field, token") from None
    caller = await gate.identify(token.strip(), Call.of(request.scope).host)
    if "read" not in caller.scopes:
        raise Problem("forbidden", "the page needs a token with the scope read; this one does not have it")
    return caller


def _refuse(request: Request, context: Context, problem: Problem) -> Response:
    context.metrics.refusals[problem.code] += 1
    answered = answer_problem(problem, request.scope["state"]["request_id"])
    headers = {name.decode(): value.decode("latin-1") for name, value in answered.headers}
    if not accepts_page(request):
        return Response(answered.body, answered.status, headers, answered.content_type.decode())
    page = _render(request, context, problem)
    page.headers.update(headers)
    return page


def _render(request: Request, context: Context, problem: Problem | None = None) -> Response:
    shown = {
        "problem": problem,
        "id_tokens": context.settings.id_provider is not None,
        "wanted": _wanted(request),
        "unsent": "unsent" in request.query_params,
        # A link from another site comes without the SameSite=Strict cookie; our own link, shown then, comes with it.
        "followed": request.headers.get("sec-fetch-site") == "cross-site",
    }
    status = problem.status if problem else 200
    return render(request, "sign_in.html", shown, PAGE_HEADERS, status)


def _go_to(path: str) -> Response:
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


def _set_cookie(answer: Response, gate: Gate, call: Call, key: str) -> None:
    """Set the cookie, or delete it if `key` is empty. It has no Max-Age, so it ends with the browser's session."""
    name, secure = gate.cookie_name(call), gate.is_secure(call)
    if key:
        answer.set_cookie(name, key, httponly=True, samesite="strict", secure=secure)
    else:
        answer.delete_cookie(name, httponly=True, samesite="strict", secure=secure)

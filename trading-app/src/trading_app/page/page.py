"""The page, its form and its static files."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from service_kit.problems import Problem
from trading_app.access.gate import Gate
from trading_app.context import Context
from trading_app.intake.service import Intake, Intended
from trading_app.page.templates import PAGE_HEADERS, render
from trading_app.routes import take
from trading_model.fields import SENT

HERE = Path(__file__).parents[1]
MAX_FORM_BYTES = 65_536
ALWAYS_SHOWN = ("symbol", "side", "price", "qty", "account", "strategy")
"""Fields of the form; the others are under "More fields"."""


def add_to(api: FastAPI, context: Context, gate: Gate, intake: Intake) -> None:
    """Add the page, its form and its files."""
    packages: list[str | tuple[str, str]] = [("litecharts", "js"), ("fastapi_swagger", "resources")]
    api.mount("/static", PageFiles(directory=HERE / "static", packages=packages))

    @api.get("/", include_in_schema=False)
    async def page(request: Request, seq: Annotated[int | None, Query(ge=1, le=2**62)] = None) -> Response:
        return render_page(request, context, {"seq": seq})

    @api.post("/trade", include_in_schema=False)
    async def trade_of_form(request: Request) -> Response:
        # Only forms get here: IntakeRoutes, in front, answers JSON.
        refuse_foreign_form(request, gate)
        answer = await take(context, intake, await _read_form(request, intake))
        if not accepts_page(request):
            return Response(answer.body, answer.status, media_type="application/json")
        return RedirectResponse(f"/?seq={msgspec.json.decode(answer.body)['seq']}", status_code=303)


class PageFiles(StaticFiles):
    """The page's own files, and third-party JavaScript from installed packages.

    Browsers revalidate them each time, so that files of two versions never mix after an update. Range requests get the
    whole file, as a server may answer (RFC 9110, 14.2).
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = [header for header in scope["headers"] if header[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)

    def file_response(self, *args: Any, **named: Any) -> Response:
        """The response for one file."""
        response = super().file_response(*args, **named)
        response.headers.update({"Cache-Control": "no-cache", "Accept-Ranges": "none"})
        return response


def page_of_form(context: Context) -> Callable[[Request], Callable[[Request, Problem], Response] | None]:
    """A function from a request to how the page shows a problem with it; None if it is not the page's form."""

    def show(request: Request, problem: Problem) -> Response:
        return render_page(request, context, {"problem": problem}, problem.status)

    def page_for(request: Request) -> Callable[[Request, Problem], Response] | None:
        is_form = request.method == "POST" and request.scope["path"] == "/trade"
        return show if is_form and accepts_page(request) else None

    return page_for


def accepts_page(request: Request) -> bool:
    """Whether the caller is a browser that shows a page."""
    return "text/html" in request.headers.get("accept", "")


def render_page(request: Request, context: Context, shown: dict[str, object], status: int = 200) -> Response:
    """The page with the result of the last form: `seq` of the accepted trade or the `problem`, and the fields."""
    problem = shown.get("problem")
    errors = problem.errors if isinstance(problem, Problem) else ()
    given = getattr(request.state, "form_fields", {})
    variables = {
        "errors_at": {error.pointer.removeprefix("#/"): error.detail for error in errors},
        "given": given,
        "more_given": any(given.get(each.name) for each in SENT if each.name not in ALWAYS_SHOWN),
        "base_url": str(request.base_url).rstrip("/"),
        "head": context.stream.head,
        # Left out if the sidecar wants a token: a link can't send one.
        "sidecar_url": "" if context.settings.sidecar_token else context.settings.sidecar_url,
        "caller": request.state.caller,
    }
    return render(request, "index.html", variables | shown, PAGE_HEADERS, status)


async def _read_form(request: Request, intake: Intake) -> Intended:
    body = await request.body()
    if len(body) > MAX_FORM_BYTES:
        raise Problem("too_large", f"a form has at most {MAX_FORM_BYTES} bytes; send JSON")
    try:
        async with request.form(max_files=0, max_fields=50) as form:
            fields = {name: str(value) for name, value in form.multi_items()}
    except HTTPException as error:
        raise Problem("bad_request", f"the form can't be read: {error.detail}") from None
    request.state.form_fields = fields
    return intake.read_form(request.state.caller, fields, dict(request.scope["headers"]), body, time.time_ns())


def refuse_foreign_form(request: Request, gate: Gate) -> None:
    """Refuse a form that another site made the browser send; its headers name the site. Raises Problem."""
    if gate.is_from_here(dict(request.scope["headers"])) is False:
        origin = request.headers.get("origin", "another site")
        raise Problem("foreign_origin", f"the form comes from {origin[:100]!r}; send JSON for calls from elsewhere")

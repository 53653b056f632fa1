"""The page, and the form on it."""

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from trading_app.context import Context
from trading_app.problems import Problem
from trading_app.routes import Intake, Intended, take

HERE = Path(__file__).parent
MOST_FORM_BYTES = 65_536
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

_templates = Jinja2Templates(HERE / "templates")


def add_to(api: FastAPI, context: Context, intake: Intake) -> None:
    """Add the page, its form and its files."""
    api.mount("/static", PageFiles(directory=HERE / "static", packages=[("litecharts", "js")]))

    @api.get("/", include_in_schema=False)
    async def page(request: Request, seq: Annotated[int | None, Query(ge=1, le=2**62)] = None) -> Response:
        return render_page(request, context, {"seq": seq})

    @api.post("/trade", include_in_schema=False)
    async def trade_of_form(request: Request) -> Response:
        # JSON does not come so far: the intake in front has answered it.
        _refuse_foreign_form(request)
        answer = await take(context, intake, await _read_form(request, intake))
        if not accepts_page(request):
            return Response(answer.body, answer.status, media_type="application/json")
        return RedirectResponse(f"/?seq={msgspec.json.decode(answer.body)['seq']}", status_code=303)


class PageFiles(StaticFiles):
    """The page's own files and the charts' JavaScript, which an installed package carries.

    A browser asks each time whether they are still the same: after an update, old and new must not meet.
    """

    def file_response(self, *args: Any, **named: Any) -> Response:
        """One file."""
        response = super().file_response(*args, **named)
        response.headers["Cache-Control"] = "no-cache"
        return response


def accepts_page(request: Request) -> bool:
    """Whether the caller is a browser that shows a page."""
    return "text/html" in request.headers.get("accept", "")


def render_page(request: Request, context: Context, shown: dict[str, object], status: int = 200) -> Response:
    """The page, with what the last form brought: `seq` of the trade that was taken, or the `problem`, and the fields
    `given`.
    """
    problem = shown.get("problem")
    errors = problem.errors if isinstance(problem, Problem) else ()
    variables = {
        "errors_at": {error.pointer.removeprefix("#/"): error.detail for error in errors},
        "given": getattr(request.state, "form_fields", {}),
        "base_url": str(request.base_url).rstrip("/"),
        "head": context.stream.head,
        "sidecar_url": context.settings.sidecar_url,
    }
    return _templates.TemplateResponse(request, "index.html", variables | shown, status, PAGE_HEADERS)


async def _read_form(request: Request, intake: Intake) -> Intended:
    body = await request.body()
    if len(body) > MOST_FORM_BYTES:
        raise Problem("too_large", f"a form has at most {MOST_FORM_BYTES} bytes; send JSON")
    try:
        async with request.form(max_files=0, max_fields=50) as form:
            fields = {name: str(value) for name, value in form.multi_items()}
    except HTTPException as error:
        raise Problem("bad_request", f"the form can't be read: {error.detail}") from None
    request.state.form_fields = fields
    return intake.read_form(fields, dict(request.scope["headers"]), body, time.time_ns())


def _refuse_foreign_form(request: Request) -> None:
    """A browser sends forms for any site that asks it to; such a form tells where it is from."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Problem("foreign_origin", f"the form comes from {origin[:100]!r}; send JSON for calls from elsewhere")

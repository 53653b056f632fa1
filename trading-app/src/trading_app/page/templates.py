"""The HTML templates. jinja2 is imported for the first page: it takes a twentieth of the CPU time of a start."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from fastapi.templating import Jinja2Templates

FOLDER = Path(__file__).parents[1] / "templates"

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every page."""


def render(
    request: Request, name: str, variables: Mapping[str, Any], headers: Mapping[str, str], status: int = 200
) -> Response:
    """The page that a template gives with these variables."""
    return _templates().TemplateResponse(request, name, dict(variables), status, headers)


def render_text(name: str, variables: Mapping[str, Any]) -> str:
    """The text of the page that a template gives, where no request reached a route."""
    return _templates().get_template(name).render(variables)


@cache
def _templates() -> "Jinja2Templates":
    from fastapi.templating import Jinja2Templates  # noqa: PLC0415 -- slow, and only pages need it

    return Jinja2Templates(FOLDER)

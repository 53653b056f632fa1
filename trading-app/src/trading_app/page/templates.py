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


def render(
    request: Request, name: str, variables: Mapping[str, Any], headers: Mapping[str, str], status: int = 200
) -> Response:
    """The page that a template gives with these variables."""
    return _templates().TemplateResponse(request, name, dict(variables), status, headers)


@cache
def _templates() -> "Jinja2Templates":
    from fastapi.templating import Jinja2Templates  # noqa: PLC0415 -- slow, and only pages need it

    return Jinja2Templates(FOLDER)

"""GET /import: drop a trader's file, see what it would change, take it; and the imports so far, to take back."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from trading_app.page.templates import PAGE_HEADERS, render
from trading_files.presets import shelf


def add_to(api: FastAPI) -> None:
    """Add the call."""

    @api.get("/import", include_in_schema=False)
    async def import_page(request: Request) -> Response:
        presets = sorted(((each.title or each.name, each.name) for each in shelf.outlines()), key=str)
        variables = {"presets": presets, "caller": request.state.caller}
        return render(request, "import.html", variables, PAGE_HEADERS)

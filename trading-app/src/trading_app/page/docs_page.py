"""GET /docs: the API in Swagger UI, to read and to try out. An installed package provides its files."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from trading_app.page.templates import PAGE_HEADERS, render

# Swagger UI uses `data:` icons, and its script sets styles.
POLICY = f"{PAGE_HEADERS['Content-Security-Policy']}; img-src 'self' data:; style-src 'self' 'unsafe-inline'"


def add_to(api: FastAPI) -> None:
    """Add the call."""

    @api.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        headers = PAGE_HEADERS | {"Content-Security-Policy": POLICY}
        return render(request, "docs.html", {"title": api.title}, headers)

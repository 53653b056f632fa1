"""GET /history: P&L over any range, by day, by strategy, account and symbol, and the trades behind it."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from trading_app.context import Context
from trading_app.page.templates import PAGE_HEADERS, render


def add_to(api: FastAPI, context: Context) -> None:
    """Add the call."""

    @api.get("/history", include_in_schema=False)
    async def history_page(request: Request) -> Response:
        settings = context.settings
        variables = {
            "caller": request.state.caller,
            "day_boundary": settings.day_boundary,
            "base_currency": settings.base_currency,
        }
        return render(request, "history.html", variables, PAGE_HEADERS)

"""Adds the calls below /api."""

from fastapi import FastAPI

from service_kit.clock import Clock
from trading_app.context import Context
from trading_app.history import (
    candles,
    drawdown,
    equity,
    health,
    imports,
    metrics,
    performance,
    pnl,
    positions,
    round_trips,
    symbols,
    trades,
)
from trading_app.history.accounts import Accounts
from trading_app.history.markets import MarketsFeed
from trading_app.history.question import Defaults
from trading_app.history.store import HistoryStore
from trading_app.page.sidecar_feed import SidecarFeed


def add_to(api: FastAPI, context: Context, feed: SidecarFeed, clock: Clock, accounts: Accounts) -> None:
    """Add the calls."""
    settings = context.settings
    api.state.history = Defaults(settings.day_boundary, settings.base_currency, clock)
    store = HistoryStore(context)
    health.add_to(api, context, store, feed)
    symbols.add_to(api, store)
    trades.add_to(api, store)
    imports.add_to(api, store)
    positions.add_to(api, store)
    round_trips.add_to(api, store)
    pnl.add_to(api, store)
    equity.add_to(api, store)
    drawdown.add_to(api, store, accounts)
    candles.add_to(api, store)
    metrics.add_to(api, context, MarketsFeed(settings.analytics_url, settings.analytics_token, clock), feed)
    performance.add_to(api, store, accounts)

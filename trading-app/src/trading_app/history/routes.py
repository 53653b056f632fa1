"""Adds the calls below /api."""

from fastapi import FastAPI

from service_kit.clock import Clock
from trading_app.context import Context
from trading_app.history import (
    candles,
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
from trading_app.history.question import asking, asking_for_conversion
from trading_app.history.store import HistoryStore
from trading_app.page.sidecar_feed import SidecarFeed


def add_to(api: FastAPI, context: Context, feed: SidecarFeed, clock: Clock, accounts: Accounts) -> None:
    """Add the calls."""
    store = HistoryStore(context)
    boundary = context.settings.day_boundary
    health.add_to(api, context, store, feed)
    symbols.add_to(api, store)
    trades.add_to(api, store, boundary, clock)
    imports.add_to(api, store)
    positions.add_to(api, store)
    ask = asking(boundary, clock)
    round_trips.add_to(api, store, ask)
    ask_conversion = asking_for_conversion(context.settings.base_currency)
    pnl.add_to(api, store, ask, ask_conversion)
    equity.add_to(api, store, ask, ask_conversion, accounts)
    candles.add_to(api, store, boundary, clock)
    metrics.add_to(
        api, context, MarketsFeed(context.settings.analytics_url, context.settings.analytics_token, clock), feed
    )
    performance.add_to(api, store, ask, ask_conversion, accounts)

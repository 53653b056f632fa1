"""The venues that the settings name."""

from market_feed.environment import Settings
from market_feed.venues.binance.venue import Binance
from market_feed.venues.coinbase.venue import Coinbase
from market_feed.venues.venue import Venue


def venues(settings: Settings) -> list[tuple[Venue, str]]:
    """The venues to follow, each with its REST URL."""
    found: list[tuple[Venue, str]] = []
    if "binance" in settings.venues:
        binance = Binance(settings.binance_stream_url, settings.binance_unit, settings.wanted)
        found.append((binance, settings.binance_rest_url))
    if "coinbase" in settings.venues:
        found.append((Coinbase(settings.coinbase_stream_url, settings.wanted), settings.coinbase_rest_url))
    return found

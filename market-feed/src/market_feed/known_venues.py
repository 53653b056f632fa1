"""The venues that the settings name."""

from market_feed.environment import Settings
from market_feed.venues.binance.venue import Binance
from market_feed.venues.coinbase.venue import Coinbase
from market_feed.venues.venue import Venue
from service_kit.settings import SettingError


def venues(settings: Settings) -> list[tuple[Venue, str]]:
    """The venues to follow, each with its REST URL. Raises SettingError: one has nothing of what is wanted."""
    found: list[tuple[Venue, str]] = []
    if "binance" in settings.venues:
        binance = Binance(settings.binance_stream_url, settings.binance_unit, settings.wanted)
        found.append((binance, settings.binance_rest_url))
    if "coinbase" in settings.venues:
        found.append((Coinbase(settings.coinbase_stream_url, settings.wanted), settings.coinbase_rest_url))
    for venue, _ in found:
        if not set(venue.kinds) & set(settings.wanted.kinds):
            raise SettingError(f"FEED_KINDS: {venue.name} has none of {', '.join(settings.wanted.kinds)}")
    return found

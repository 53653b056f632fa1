"""Parses request rates in settings."""

from limits import RateLimitItem, parse_many


def parse_rates(written: str) -> list[RateLimitItem]:
    """The rates in a text such as `5000/second` or `100/second;20000/hour`, the notation of the library `limits`.

    Raises ValueError.
    """
    rates = parse_many(written)
    if any(rate.get_expiry() <= 0 or rate.amount <= 0 for rate in rates):
        raise ValueError(written)
    return rates

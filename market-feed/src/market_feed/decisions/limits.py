"""The operator's limits. No I/O."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a hole may stay open without progress, how many trades are held meanwhile and fetched at most."""

    fill_seconds: float = 60.0
    max_held: int = 50_000
    max_fetched: int = 1_000_000


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """When a market is stale, a connection silent, and how often quotes are passed on (0: each), in seconds.

    `rotate_at` is the time of the day at which connections are replaced, seconds after midnight UTC; None for an hour
    before the venue ends them.
    """

    continuity: Limits = field(default_factory=Limits)
    stale_seconds: float = 15.0
    silent_seconds: float = 60.0
    rotate_at: int | None = None
    quote_seconds: float = 0.0

"""Keeps within a venue's limits: weights a minute, connection attempts, and what the venue forbids. No I/O.

Times are seconds of a monotonic clock.
"""

import re
from collections import deque
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII).fullmatch


class RollingBudget:
    """At most `limit` within any `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._spent: deque[tuple[float, int]] = deque()
        self.used = 0
        """Within the last `seconds`, as of the last call."""

    @property
    def pace(self) -> float:
        """Seconds between two of amount 1 that never have to wait."""
        return self._seconds / self._limit

    def wait(self, amount: int, now: float) -> float:
        """Seconds until `amount` may be spent; 0 if it may now. More than the limit counts as the limit."""
        self._forget(now)
        excess = self.used + min(amount, self._limit) - self._limit
        for at, spent in self._spent:
            if excess <= 0:
                break
            excess -= spent
            if excess <= 0:
                return max(at + self._seconds - now, 0.001)
        return 0.0

    def spend(self, amount: int, now: float) -> None:
        """Count what was spent."""
        self._forget(now)
        self._spent.append((now, amount))
        self.used += amount

    def raise_to(self, used: int, now: float) -> None:
        """The venue says that so much is used: others on the same address count too."""
        self._forget(now)
        if used > self.used:
            self.spend(used - self.used, now)

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0][0] <= now - self._seconds:
            self.used -= self._spent.popleft()[1]


DEFAULT_BAN_SECONDS = {429: 60.0, 418: 120.0, 403: 300.0, 451: 300.0}
"""By HTTP status, how long nothing is asked if the venue names no time."""

SHORTEST_BAN_SECONDS, LONGEST_BAN_SECONDS = 1.0, 259_200.0
"""Of what a venue names. No venue here bans for more than three days."""

CAUSES = {
    429: "too many requests",
    418: "banned for too many requests",
    403: "refused by the venue's firewall",
    451: "refused for this place: set the URL of a host that serves it",
}


def _named_seconds(retry_after: str, date: str) -> float | None:
    """What Retry-After says, as seconds or as a date (RFC 9110, 10.2.3), which is compared with the answer's own; None
    for anything else.
    """
    if _SECONDS(retry_after):
        return float(retry_after)
    try:
        return (parsedate_to_datetime(retry_after) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


class Ban:
    """What the venue forbids for a while, over all instruments."""

    def __init__(self) -> None:
        self._until = float("-inf")
        self.status = 0
        """The HTTP status that said so last."""

    def note(self, status: int, retry_after: str, now: float, date: str = "") -> float:
        """The venue refused; gives the seconds for which nothing may be asked, 0 for a status that forbids nothing.

        `retry_after` and `date` are the values of these headers, empty if they are missing.
        """
        seconds = DEFAULT_BAN_SECONDS.get(status, 0.0)
        named = _named_seconds(retry_after, date) if status in (418, 429, 503) else None
        if named is not None:
            seconds = min(max(named, SHORTEST_BAN_SECONDS), LONGEST_BAN_SECONDS)
        if seconds:
            self.status = status
            self._until = max(self._until, now + seconds)
        return seconds

    def wait(self, now: float) -> float:
        """Seconds for which nothing may be asked; 0 if it may."""
        return max(self._until - now, 0.0)

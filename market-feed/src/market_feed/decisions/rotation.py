"""When a connection is replaced before the venue ends it. No I/O. Times are seconds since 1970."""

from collections.abc import Callable

DAY = 86_400
MARGIN_SECONDS = 3_600
"""A connection is replaced so long before its lifetime ends."""


def rotation_due(
    opened_at: float,
    lifetime: float | None,
    rotate_at: int | None,
    is_busy: Callable[[float], bool],
    now: float,
) -> bool:
    """Whether a connection is to be replaced now.

    `rotate_at` are seconds after midnight UTC, each day; None for an hour before `lifetime` ends. `is_busy` says
    whether a time is in a window of the schedule: rotation waits for its end. Without an hour of its own it does not
    wait beyond half of the margin.
    """
    if rotate_at is not None:
        chosen = now - (now - rotate_at) % DAY
        return opened_at < chosen and not is_busy(now)
    if lifetime is None:
        return False
    left = opened_at + lifetime - now
    return left <= MARGIN_SECONDS and (not is_busy(now) or left <= MARGIN_SECONDS / 2)

"""RFC 3339 times of trades as Unix time. No I/O."""

from datetime import date
from functools import lru_cache

EPOCH = date(1970, 1, 1).toordinal()


def unix_seconds(ts: str) -> str:
    """Unix seconds of an RFC 3339 time in UTC, `2026-01-31T23:59:59.5Z`, with all its decimals; `NaN` if invalid."""
    try:
        whole = _minute(ts[:17]) + int(ts[17:19])
    except ValueError:
        return "NaN"
    decimals = ts[20:-1].rstrip("0")
    if not decimals:
        return str(whole)
    if not (decimals.isascii() and decimals.isdigit()):
        return "NaN"
    return f"{whole}.{decimals}" if whole >= 0 else _before_1970(whole, decimals)


@lru_cache(maxsize=1024)
def _minute(ts: str) -> int:
    """Unix seconds of a minute, `2026-01-31T23:59:`. Cached: trades of one minute share it."""
    day = date.fromisoformat(ts[:10]).toordinal() - EPOCH
    return day * 86_400 + int(ts[11:13]) * 3600 + int(ts[14:16]) * 60


def _before_1970(whole: int, decimals: str) -> str:
    """Unix seconds before 1970: `whole` is negative, `decimals` count forward from it."""
    parts = 10 ** len(decimals)
    seconds, rest = divmod(-whole * parts - int(decimals), parts)
    return f"-{seconds}.{rest:0{len(decimals)}d}"


def unix_ns(ts: str) -> int:
    """Unix nanoseconds of an RFC 3339 time in UTC with at most 9 decimals. Raises ValueError if invalid."""
    decimals = ts[20:-1]
    if not (ts.isascii() and ts.endswith("Z") and len(decimals) <= 9 and (not decimals or decimals.isdigit())):
        raise ValueError(f"not a time in UTC: {ts!r}")
    return (_minute(ts[:17]) + int(ts[17:19])) * 1_000_000_000 + int(decimals.ljust(9, "0"))

"""The ids of rows that a file gives none: made from what a row says, however it is written. No I/O.

The same fill gets the same id from any export: numbers count by value, times by instant, words in any case, and a fee
of 0 is none. Equal rows of one file are numbered, so each of them counts. The account is no part of the id: it is part
of a fill's identity.
"""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from trading_model.field_rules import case_folded

_DIGEST_BYTES = 16


def row_content(members: Mapping[str, str]) -> str:
    """What identifies a fill without an id: one text for all ways to write the same."""
    get = members.get
    fee = number(get("fee", "0"))
    paid = "" if fee == "0" else f"{fee} {get('fee_currency', '').upper()}"
    return "\x1f".join(
        (
            case_folded(members["symbol"]),
            members["side"].lower(),
            number(members["price"]),
            number(members["qty"]),
            get("ts", ""),
            paid,
            get("position_side", "").lower(),
            get("venue", ""),
            get("order_id", ""),
        )
    )


def event_content(kind: str, members: Mapping[str, str]) -> str:
    """The same for an event of another kind: its members, numbers by value."""
    return kind + "\x1f" + "\x1f".join(f"{name}={_by_value(members[name])}" for name in sorted(members))


def row_digest(content: str) -> bytes:
    """The digest of a row's content, 16 bytes."""
    return blake2b(content.encode(), digest_size=_DIGEST_BYTES).digest()


def row_id(digest: bytes, occurrence: int = 1) -> str:
    """The id of the nth row with this content."""
    return f"row-{digest.hex()}" if occurrence == 1 else f"row-{digest.hex()}-{occurrence}"


def sent_digest(cells: Mapping[str, str]) -> bytes:
    """The digest from which `trading-app send` makes a row's id, from the cells as written."""
    content = msgspec.json.encode(sorted((name.strip().lower(), text) for name, text in cells.items() if text))
    return blake2b(b"\0" + content, digest_size=_DIGEST_BYTES).digest()


def sent_id(digest: bytes, occurrence: int) -> str:
    """The id that `trading-app send` makes of the nth row with this content."""
    return f"file-{digest.hex()}" if occurrence == 1 else f"file-{digest.hex()}-{occurrence}"


def number(digits: str) -> str:
    """One text for all ways to write a number in plain digits: `10.00` and `+010` are `10`."""
    whole, point, fraction = digits.partition(".")
    fraction = fraction.rstrip("0") if point else ""
    sign = "-" if whole[:1] == "-" else ""
    whole = whole.lstrip("+-0") or "0"
    if not fraction:
        return "0" if whole == "0" else sign + whole
    return f"{sign}{whole}.{fraction}"


def instant(ts: str) -> str:
    """One text for all ways to write a time in RFC 3339 and UTC: with the fewest of 0, 3, 6 or 9 decimals."""
    if "." not in ts:
        return ts
    second, _, rest = ts.partition(".")
    decimals = rest[:-1].rstrip("0")
    if not decimals:
        return f"{second}Z"
    return f"{second}.{decimals:0<{-(-len(decimals) // 3) * 3}}Z"


def sortable(ts: str) -> str:
    """A time in that form as a text that sorts as the times do."""
    return f"{ts[:19]}.{ts[20:-1]:0<9}"


def _by_value(text: str) -> str:
    return number(text) if text.replace(".", "", 1).lstrip("-").isdecimal() else text

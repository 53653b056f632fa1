"""The ids of rows that a file gives none: made from what a row says, however it is written. No I/O.

The same fill gets the same id from any export: numbers count by value, times by instant, words in any case, and a fee
of 0 is none. Equal rows of one file are numbered, so each of them counts. The account is no part of the id: it is part
of the identity of a fill, of cash and of an opening.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec

from trading_model.field_rules import case_folded

_DIGEST_BYTES = 16
_OWNERS = {"cash": ("account", "strategy"), "opening": ("account",)}
"""By kind, the members of an event that say whose it is. A position is its strategy's, so an opening is."""

_DECIMALS = {20: ".000000000", 24: "000000", 27: "000", 30: ""}
"""The digits that a time of this length needs for nine decimals."""


def row_content(members: Mapping[str, str]) -> str:
    """What identifies a fill without an id: one text for all ways to write the same."""
    return row_contents({name: [text] for name, text in members.items()})[0]


def row_contents(columns: Mapping[str, Sequence[str | None]]) -> list[str]:
    """What identifies each of many fills without ids, from their members as columns."""
    count = len(columns["symbol"])

    def texts(name: str) -> Sequence[str]:
        return [text or "" for text in columns[name]] if name in columns else [""] * count

    paid = [
        "" if fee == "0" else f"{fee} {currency.upper()}"
        for fee, currency in zip(map(number, texts("fee")), texts("fee_currency"), strict=True)
    ]
    parts = (
        map(case_folded, texts("symbol")),
        map(str.lower, texts("side")),
        map(number, texts("price")),
        map(number, texts("qty")),
        texts("ts"),
        paid,
        map(str.lower, texts("position_side")),
        texts("venue"),
        texts("order_id"),
    )
    return ["\x1f".join(row) for row in zip(*parts, strict=True)]


def event_content(kind: str, members: Mapping[str, str]) -> str:
    """What identifies an event of another kind without an id: its members but for its owner, numbers by value."""
    return earlier_event_content(kind, {name: members[name] for name in members.keys() - _OWNERS.get(kind, ())})


def earlier_event_content(kind: str, members: Mapping[str, str]) -> str:
    """What identified an event at first: its members with the owner, so that other options gave another id."""
    return kind + "\x1f" + "\x1f".join(f"{name}={_by_value(members[name])}" for name in sorted(members))


def earlier_event_contents(kind: str, members: Mapping[str, str]) -> Sequence[str]:
    """All that such an id may have been made of: the default account was named, or was not."""
    if members.get("account", "default") != "default":
        return [earlier_event_content(kind, members)]
    bare = {name: text for name, text in members.items() if name != "account"}
    return [earlier_event_content(kind, said) for said in (bare, {**bare, "account": "default"})]


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


def instants(texts: list[str]) -> list[str]:
    """One text for all ways to write each of many times, nearly all of which are written so already: as `instant`."""
    if "000Z" in "".join(texts) or not _DECIMALS.keys() >= set(map(len, texts)):
        return list(map(instant, texts))
    return texts


def sortable(ts: str) -> str:
    """A text that sorts as the times do, of a time that `instant` gave."""
    return f"{ts[:19]}.{ts[20:-1]:0<9}"


def from_sortable(at: str) -> str:
    """The time of a text that `sortable` gave."""
    return instant(f"{at}Z")


def sortables(times: list[str]) -> list[str]:
    """Texts that sort as the times do, of times that `instants` gave."""
    return [ts[:-1] + _DECIMALS[len(ts)] for ts in times]


def _by_value(text: str) -> str:
    return number(text) if text.replace(".", "", 1).lstrip("-").isdecimal() else text

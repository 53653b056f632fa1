"""Fills of a file as they are spooled: identity, time, and the line to send, column by column. No I/O."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, cast

import msgspec

from trading_app.imports import row_ids
from trading_files.readings import FillRow, FillRows
from trading_model.field_rules import case_folded

DEFAULT = "default"

Columns = dict[str, list[str | None]]

_MANGLED = re.compile(r"\d[.,]\d+[Ee]\+?\d+")


class FillLines(NamedTuple):
    """Fills that all have ids of the file, or all ids that were made.

    `ats` are the times as texts that sort; `owners` are account, strategy and symbol. `made` and `sent` are the
    digests of ids, as the spool has them.
    """

    places: list[int]
    ats: list[str]
    owners: list[tuple[str, str, str]]
    trade_ids: list[str]
    identities: list[int]
    made: list[bytes] | None
    sent: list[bytes | None]
    lines: list[bytes]


def uniform(fills: FillRows) -> Iterator[FillRows]:
    """The fills in parts of which each has trade ids for all, or for none."""
    ids = fills.columns.get("trade_id", ())
    if None not in ids or not any(ids):
        yield fills
        return
    for row in fills.rows():
        yield one(row)


def one(row: FillRow) -> FillRows:
    """One fill as columns."""
    return FillRows([row.place], {name: [text] for name, text in row.members.items()})


def without_mangled_ids(fills: FillRows) -> tuple[FillRows, list[int]]:
    """The fills without ids in exponent form, as spreadsheets write long numbers; and the places of those."""
    ids = fills.columns.get("trade_id")
    if ids is None or not any(text is not None and ("." in text or "," in text) for text in ids):
        return fills, []
    mangled = [text is not None and _MANGLED.fullmatch(text) is not None for text in ids]
    kept = [None if is_mangled else text for text, is_mangled in zip(ids, mangled, strict=True)]
    places = [place for place, is_mangled in zip(fills.places, mangled, strict=True) if is_mangled]
    return FillRows(fills.places, fills.columns | {"trade_id": kept}), places


def fill_lines(fills: FillRows, take_sent: Callable[[int], bytes | None]) -> FillLines:
    """The lines of fills that are uniform. `take_sent` gives the digest of the id that `send` made, by place."""
    columns = fills.columns.copy()
    given = columns.pop("trade_id", [None])
    times = row_ids.instants(_complete(columns, "ts"))
    columns["ts"] = [*times]
    symbols, accounts = _complete(columns, "symbol"), _with_default(columns, "account", len(times))
    made: list[bytes] | None = None
    sent: list[bytes | None] = [None] * len(times)
    if None in given:
        contents = row_ids.row_contents(columns)
        made = [row_ids.row_digest(content) for content in contents]
        trade_ids = [row_ids.row_id(digest) for digest in made]
        identities = list(map(hash, zip(accounts, contents, strict=True)))
        sent = [take_sent(place) for place in fills.places]
    else:
        trade_ids = cast("list[str]", given)
        folded = {symbol: case_folded(symbol) for symbol in set(symbols)}
        parts = (
            accounts,
            columns.get("venue", sent),
            map(folded.__getitem__, symbols),
            columns.get("position_side", sent),
            map(str.lower, _complete(columns, "side")),
            trade_ids,
        )
        identities = list(map(hash, zip(*parts, strict=True)))
    return FillLines(
        fills.places,
        row_ids.sortables(times),
        list(zip(accounts, _with_default(columns, "strategy", len(times)), symbols, strict=True)),
        trade_ids,
        identities,
        made,
        sent,
        _lines({"trade_id": [*trade_ids], **columns}),
    )


def _complete(columns: Columns, name: str) -> list[str]:
    """A member that each fill has."""
    return cast("list[str]", columns[name])


def _with_default(columns: Columns, name: str, count: int) -> list[str]:
    return [text or DEFAULT for text in columns[name]] if name in columns else [DEFAULT] * count


def _lines(columns: Columns) -> list[bytes]:
    """JSON objects of the members that each fill has."""
    make = _members(tuple(columns))
    return [_encode(make(*row)) for row in zip(*columns.values(), strict=True)]


@lru_cache(maxsize=64)
def _members(names: tuple[str, ...]) -> type[Any]:
    """The type of an object with these members; those that are None are left out. Dicts take three times as long."""
    return msgspec.defstruct("Members", [(name, str | None, None) for name in names], omit_defaults=True, gc=False)


_encode = msgspec.json.Encoder().encode

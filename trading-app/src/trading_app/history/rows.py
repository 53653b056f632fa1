"""Rows of answers from the structs of the history: amounts with all their digits, times as RFC 3339. No I/O."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from trading_model.decimals import show
from trading_model.field_rules import format_timestamp

Row = TypeVar("Row", bound=msgspec.Struct)


def row_of(kind: type[Row], source: msgspec.Struct, **given: object) -> Row:
    """A row whose fields are those of `source` with the same names; a field `…_at` is the time `…_ns` of `source`."""
    values = dict(given)
    for name in kind.__struct_fields__:
        if name not in values:
            stem = name.removesuffix("_at")
            values[name] = shown(getattr(source, name)) if stem == name else instant(getattr(source, f"{stem}_ns"))
    return kind(**values)


def shown(value: Any) -> Any:
    """A value as it is answered."""
    if isinstance(value, Decimal):
        return show(value)
    if isinstance(value, Mapping):
        return {name: shown(member) for name, member in value.items()}
    return list(value) if isinstance(value, tuple) else value


def instant(time_ns: int | None) -> str | None:
    """RFC 3339 of Unix nanoseconds."""
    return None if time_ns is None else format_timestamp(time_ns)

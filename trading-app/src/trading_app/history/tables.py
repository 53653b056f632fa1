"""Rows as tables: NDJSON and CSV, from a struct whose fields are declared once. No I/O.

A field's type says what it is in each form: `Amount` and `Instant` are texts with exact digits and times; a struct or a
list is a cell with JSON.
"""

import csv
import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import inspect

from trading_app.query.csv_table import BYTE_ORDER_MARK, marked

Amount = Annotated[
    str, msgspec.Meta(description="A decimal with all its digits.", extra_json_schema={"format": "decimal"})
]
Instant = Annotated[str, msgspec.Meta(description="RFC 3339 in UTC.", extra_json_schema={"format": "date-time"})]

Kind = Literal["text", "amount", "instant", "integer", "flag", "json"]


class Column(NamedTuple):
    """A column of a table, and what its cells are."""

    name: str
    kind: Kind


@lru_cache(maxsize=64)
def columns_of(row: type[msgspec.Struct]) -> tuple[Column, ...]:
    """The columns of rows of this struct."""
    known = inspect.type_info(row)
    assert isinstance(known, inspect.StructType)
    return tuple(Column(field.encode_name, _kind_of(field.type)) for field in known.fields)


def to_lines(rows: Sequence[msgspec.Struct]) -> bytes:
    """NDJSON."""
    return msgspec.json.Encoder().encode_lines(rows)


def to_csv(row: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> bytes:
    """CSV as `query.csv_table` has it: safe in a spreadsheet."""
    columns = columns_of(row)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.name for column in columns])
    for each in rows:
        values = msgspec.structs.astuple(each)
        writer.writerow([_cell(column.kind, value) for column, value in zip(columns, values, strict=True)])
    return BYTE_ORDER_MARK + out.getvalue().encode()


def _cell(kind: Kind, value: object) -> object:
    if value is None:
        return ""
    match kind:
        case "text":
            return marked(str(value))
        case "json":
            return marked(msgspec.json.encode(value).decode())
        case "flag":
            return "true" if value else "false"
        case _:
            return value


def _kind_of(type_: inspect.Type) -> Kind:
    if isinstance(type_, inspect.UnionType):
        others = [one for one in type_.types if not isinstance(one, inspect.NoneType)]
        return _kind_of(others[0]) if len(others) == 1 else "json"
    if isinstance(type_, inspect.Metadata):
        form = (type_.extra_json_schema or {}).get("format")
        if form in ("decimal", "date-time"):
            return "amount" if form == "decimal" else "instant"
        return _kind_of(type_.type)
    if isinstance(type_, inspect.BoolType):
        return "flag"
    if isinstance(type_, inspect.IntType):
        return "integer"
    if isinstance(type_, inspect.StrType | inspect.LiteralType):
        return "text"
    return "json"

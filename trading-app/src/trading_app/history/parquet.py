"""Rows as Parquet. Needs pyarrow, which is not installed by default.

An amount is there twice, as in GET /trades: DECIMAL(38, 18), empty where its digits don't fit, and `…_text`.
"""

import importlib
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from trading_app.history.tables import Column, columns_of
from trading_app.query.parquet_table import DECIMALS, DIGITS, NotInstalled, fitting


def to_parquet(row: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> bytes:
    """One Parquet file. Raises NotInstalled."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise NotInstalled(str(error)) from None
    columns = columns_of(row)
    values = list(zip(*map(msgspec.structs.astuple, rows), strict=True)) if rows else [()] * len(columns)
    arrays = [pair for column, cells in zip(columns, values, strict=True) for pair in _arrays(arrow, column, cells)]
    out = io.BytesIO()
    table = arrow.Table.from_arrays([array for _, array in arrays], names=[name for name, _ in arrays])
    parquet.write_table(table, out, compression="zstd")
    return out.getvalue()


def _arrays(arrow: Any, column: Column, cells: Sequence[Any]) -> list[tuple[str, Any]]:
    match column.kind:
        case "amount":
            decimals = arrow.array([fitting(cell) for cell in cells], arrow.decimal128(DIGITS, DECIMALS))
            return [(column.name, decimals), (f"{column.name}_text", arrow.array(cells, arrow.string()))]
        case "instant":
            times = arrow.array(cells, arrow.string()).cast(arrow.timestamp("ns", tz="UTC"))
            return [(column.name, times)]
        case "json":
            texts = [None if cell is None else msgspec.json.encode(cell).decode() for cell in cells]
            return [(column.name, arrow.array(texts, arrow.string()))]
        case _:
            kinds = {"integer": arrow.int64(), "flag": arrow.bool_(), "text": arrow.string()}
            return [(column.name, arrow.array(cells, kinds[column.kind]))]

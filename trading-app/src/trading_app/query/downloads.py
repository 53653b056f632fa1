"""Formats pages as files to keep: CSV and Parquet."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from trading_app.outgoing import Piece
from trading_app.query.csv_table import CsvTable
from trading_app.query.pages import Page
from trading_app.query.parquet_table import ParquetTable


async def csv_pieces(pages: AsyncGenerator[tuple[Page, bool], None], table: CsvTable) -> AsyncGenerator[Piece, None]:
    """The trades of the pages as CSV. Raises DamagedHistory, so that no client mistakes a part for the whole."""
    beginning = table.beginning()
    async with aclosing(pages):
        async for page, last in pages:
            yield beginning + await asyncio.to_thread(table.rows, page.events), last
            beginning = b""


async def parquet_pieces(
    pages: AsyncGenerator[tuple[Page, bool], None], table: ParquetTable
) -> AsyncGenerator[Piece, None]:
    """The trades of the pages as one Parquet file. Raises DamagedHistory likewise."""
    async with aclosing(pages):
        async for page, last in pages:
            piece = await asyncio.to_thread(table.rows, page.events)
            if last:
                piece += await asyncio.to_thread(table.end)
            yield piece, last

"""GET /api/symbols: what was ever traded, by whom, and when first and last."""

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from trading_app.history.answers import Form, Table
from trading_app.history.parameters import FormatName, Label, SymbolLabel, read_wanted
from trading_app.history.schemas import table_responses
from trading_app.history.store import HistoryStore
from trading_app.history.tables import Instant
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_history.queries.keys import TradedKey, traded_keys
from trading_history.reader import Snapshot
from trading_model.field_rules import format_timestamp


class SymbolRow(msgspec.Struct, frozen=True):
    """A symbol in upper case, as trades were sent under it, without regard to aliases."""

    symbol: str
    first_trade_at: Instant
    last_trade_at: Instant
    accounts: list[str]
    strategies: list[str]
    position_sides: list[str]
    currencies: list[str]


def add_to(api: FastAPI, store: HistoryStore) -> None:
    """Add the call."""

    @api.get(
        "/api/symbols",
        tags=["history"],
        summary="The symbols of all trades, with accounts and strategies",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses("Symbols", "symbols", SymbolRow),
    )
    async def symbols(
        request: Request,
        account: Label = None,
        strategy: Label = None,
        symbol: SymbolLabel = None,
        given_format: FormatName = None,
    ) -> Response:
        """`currencies` are those that trades named themselves. Trades that are voided don't count."""
        wanted = read_wanted(account, strategy, symbol)

        def read(snapshot: Snapshot) -> Table:
            return Table("symbols", SymbolRow, _rows(traded_keys(snapshot, wanted)), snapshot.position.sequence)

        return await store.answer(Form.of(request, given_format), read)


def _rows(traded: list[TradedKey]) -> list[SymbolRow]:
    by_symbol: dict[str, list[TradedKey]] = {}
    for one in traded:
        by_symbol.setdefault(one.key.symbol, []).append(one)
    return [_row(symbol, keys) for symbol, keys in sorted(by_symbol.items())]


def _row(symbol: str, keys: list[TradedKey]) -> SymbolRow:
    return SymbolRow(
        symbol,
        format_timestamp(min(one.first_ns for one in keys)),
        format_timestamp(max(one.last_ns for one in keys)),
        sorted({one.key.account for one in keys}),
        sorted({one.key.strategy for one in keys}),
        sorted({one.key.position_side for one in keys} - {""}),
        sorted({one.key.currency for one in keys} - {""}),
    )

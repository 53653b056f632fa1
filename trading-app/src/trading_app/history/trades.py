"""GET /api/trades: a search of fills by ranges, the newest first, with what was said of each since."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from trading_app.history.answers import Form, Table
from trading_app.history.cursor import Whole, read_cursor, write_cursor
from trading_app.history.parameters import (
    AsOf,
    Cursor,
    FormatName,
    Label,
    Limit,
    SymbolLabel,
    Tag,
    read_tag,
    read_wanted,
)
from trading_app.history.question import WhenAsked
from trading_app.history.rows import shown
from trading_app.history.schemas import table_responses
from trading_app.history.slippage import in_bps, of_fills
from trading_app.history.store import Earlier, HistoryStore
from trading_app.history.tables import Amount, Instant
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.query.parameters import SideName
from trading_app.query.question import checked, refused
from trading_history.queries.slippage import Slippage
from trading_history.queries.trades import Between, FoundFill, Place, Search, search
from trading_history.queries.value import Value
from trading_history.reader import Snapshot
from trading_model.field_rules import check_identifier, format_timestamp, read_decimal
from trading_model.trade import Side

PAGE_TRADES = 100


class TradeCorrection(msgspec.Struct, frozen=True):
    """A void or a replacement of a trade, or of one of these; without `in_force` it is voided itself."""

    seq: int
    kind: Literal["void", "replace"]
    id: str
    reason: str
    in_force: bool


class TradeRow(msgspec.Struct, frozen=True):
    """A trade with what it says since its replacements. `in_force` is false where it, or its import, is voided.

    `slippage_bps` is what its price was worse than `slippage_reference`, in hundredths of a percent: more than 0 is a
    cost. Without it, `slippage_reason` says why.
    """

    seq: int
    trade_id: str
    symbol: str
    side: Side
    price: Amount
    qty: Amount
    ts: Instant
    account: str
    strategy: str
    position_side: str | None
    venue: str | None
    order_id: str | None
    fee: Amount | None
    fee_currency: str | None
    currency: str | None
    multiplier: Amount | None
    tags: list[str] | None
    import_id: str | None
    in_force: bool
    corrections: list[TradeCorrection]
    slippage_bps: Amount | None
    slippage_reference: Amount | None
    slippage_reason: str | None


Order = Annotated[Literal["asc", "desc"], Query(description="`desc`: the newest first, by the time of trading.")]
Identifier = Annotated[str | None, Query(max_length=128)]
AmountLimit = Annotated[
    str | None, Query(max_length=40, pattern=r"^(-?(0|[1-9][0-9]*)(\.[0-9]+)?)?$", description="Included. A decimal.")
]
Voided = Annotated[bool, Query(description="Also trades that are voided, themselves or with their import.")]


def add_to(api: FastAPI, store: HistoryStore) -> None:
    """Add the call."""

    @api.get(
        "/api/trades",
        tags=["history"],
        summary="Search trades in the order of trading, the newest first",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses("Trades", "trades", TradeRow),
    )
    async def trades(
        request: Request,
        when: WhenAsked,
        account: Label = None,
        strategy: Label = None,
        symbol: SymbolLabel = None,
        side: SideName = None,
        tag: Tag = None,
        order_id: Identifier = None,
        import_id: Identifier = None,
        min_price: AmountLimit = None,
        max_price: AmountLimit = None,
        min_qty: AmountLimit = None,
        max_qty: AmountLimit = None,
        voided: Voided = False,
        order: Order = "desc",
        limit: Limit = PAGE_TRADES,
        as_of: AsOf = None,
        cursor: Cursor = None,
        given_format: FormatName = None,
    ) -> Response:
        """At most `limit` trades; the header `Link` leads to the next page. A page is shorter where side, tag and
        amounts match little among 50,000 trades. `GET /trades/{seq}` has the whole story of each.
        """
        wanted = Search(
            read_wanted(account, strategy, symbol),
            when.range.from_ns,
            when.range.to_ns,
            side,
            read_tag(tag),
            checked("order_id", order_id, check_identifier),
            checked("import_id", import_id, check_identifier),
            _between("price", min_price, max_price),
            _between("qty", min_qty, max_qty),
            voided,
        )
        begin = read_cursor(cursor, tuple[Whole, str, Whole])
        place = None if begin is None else Place(*begin)

        def read(snapshot: Snapshot) -> Table:
            found, after = search(snapshot, wanted, limit, place, newest_first=order == "desc")
            slippages = of_fills(store.folder, found, when.now_ns)
            rows = [row_of(*pair) for pair in zip(found, slippages, strict=True)]
            link = "" if after is None else write_cursor(after)
            return Table("trades", TradeRow, rows, snapshot.position.sequence, cursor=link, closed=when.closed)

        earlier = None if as_of is None else Earlier(as_of, wanted.wanted, with_figures=False)
        return await store.answer(Form.of(request, given_format), read, earlier)


def row_of(fill: FoundFill, slippage: Slippage) -> TradeRow:
    """A found fill as it is answered."""
    return TradeRow(
        fill.place.seq,
        fill.trade_id,
        fill.symbol,
        fill.side,  # type: ignore[arg-type]  # the writer took it from a fill
        fill.price,
        fill.qty,
        format_timestamp(fill.place.ts_ns),
        fill.key.account,
        fill.key.strategy,
        fill.key.position_side or None,
        fill.venue,
        fill.order_id,
        fill.fee,
        fill.fee_currency,
        fill.key.currency or None,
        fill.multiplier,
        None if fill.tags is None else msgspec.json.decode(fill.tags, type=list[str]),
        fill.import_id,
        fill.in_force,
        [TradeCorrection(*one) for one in fill.corrections],  # type: ignore[arg-type]  # the writer took the kinds
        shown(in_bps(Value(slippage.share)).value),
        shown(slippage.reference),
        slippage.reason or None,
    )


def _between(name: str, lowest: str | None, highest: str | None) -> Between:
    """The limits of an amount, from text. Raises TradeProblem."""
    between = Between(_amount(f"min_{name}", lowest), _amount(f"max_{name}", highest))
    if between.lowest is not None and between.highest is not None and between.lowest > between.highest:
        raise refused(f"max_{name}", f"must not be less than min_{name}")
    return between


def _amount(name: str, given: str | None) -> Decimal | None:
    text = checked(name, given, lambda text: read_decimal(text.encode()))
    return None if text is None else Decimal(text)

"""The JSON of `GET /state`; every price, quantity and amount is a string of plain digits. No I/O."""

from collections.abc import Iterator

import msgspec

from metrics_sidecar.exposition.text import SLICE
from trading_model.accounting.figures import figures
from trading_model.accounting.marks import Mark
from trading_model.accounting.positions import PositionSnapshot
from trading_model.accounting.state import StateSnapshot
from trading_model.decimals import exactly, show
from trading_model.kinds import ASIDE, FILL, UNKNOWN

Document = dict[str, object]
_encode = msgspec.json.Encoder().encode


def render_state(head: Document, moment: StateSnapshot) -> Iterator[bytes]:
    """The JSON object in pieces: the members of `head`, then totals, symbols and positions.

    Pieces of SLICE items, so that other tasks can run in between; each is encoded as an array or object, and its
    brackets are cut off.
    """
    yield _encode({**head, **_summary(moment)})[:-1] + b',"symbols":{'
    marks = list(moment.last.items())
    for start in range(0, len(marks), SLICE):
        yield (b"," if start else b"") + _encode(_symbols(marks[start : start + SLICE]))[1:-1]
    yield b'},"positions":['
    for start in range(0, len(moment.positions), SLICE):
        documents = _position_documents(moment.positions[start : start + SLICE], moment.last)
        yield (b"," if start else b"") + _encode(documents)[1:-1]
    yield b"]}\n"


def _summary(moment: StateSnapshot) -> Document:
    everything = [*moment.positions, moment.other]
    buys, sells = sum(held.buy_trades for held in everything), sum(held.sell_trades for held in everything)
    return {
        "totals": {
            "trades": buys + sells,
            "buys": buys,
            "sells": sells,
            "rejected": moment.rejected,
            "events": {FILL: moment.fills, ASIDE: moment.asides, UNKNOWN: moment.unknown},
            "positions": len(moment.positions),
            "positions_limit": moment.limit,
        },
        "incomplete_since": moment.incomplete_since or None,
        "other": _totals_document(moment.other),
    }


def _symbols(marks: list[tuple[str, Mark]]) -> Document:
    return {symbol: {"last_price": show(mark.price), "last_trade_ts": mark.ts} for symbol, mark in marks}


@exactly
def _position_documents(positions: list[PositionSnapshot], last: dict[str, Mark]) -> list[Document]:
    return [_position_document(held, last[held.symbol]) for held in positions]


def _position_document(held: PositionSnapshot, mark: Mark) -> Document:
    shown = figures(held, mark.price)
    return {
        "account": held.account,
        "strategy": held.strategy,
        "symbol": held.symbol,
        **_totals_document(held),
        "position": show(held.quantity),
        "average_entry_price": show(shown.average_entry_price),
        "last_price": show(mark.price),
        "realized_pnl": show(shown.realized_pnl),
        "unrealized_pnl": show(shown.unrealized_pnl),
        "net_pnl": show(shown.net_pnl),
    }


def _totals_document(held: PositionSnapshot) -> Document:
    return {
        "trades": {"buy": held.buy_trades, "sell": held.sell_trades},
        "volume": {"buy": show(held.buy_volume), "sell": show(held.sell_volume)},
        "notional": {"buy": show(held.buy_notional), "sell": show(held.sell_notional)},
        "fees": {currency: show(fee) for currency, fee in held.fees.items()},
    }

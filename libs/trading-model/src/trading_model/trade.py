"""A trade as it is in the journal, on the wire and in every answer of the API. No I/O."""

from decimal import Decimal
from typing import Literal

import msgspec

Side = Literal["buy", "sell"]
PositionSide = Literal["long", "short"]


class FillContent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A fill without its sequence, as other events name it.

    `price` is in quote units per base unit, `qty` in base units, with the digits the client sent; `qty` is more than 0,
    `price` 0 or more, and less only where the symbol's instrument says so. `ts` is the time of the trade, RFC 3339 in
    UTC. `fee` is in `fee_currency`, negative for a rebate; without a currency it is in the symbol's quote currency.
    `currency` is that of the P&L, `multiplier` what one unit of `qty` stands for; without them the symbol and its
    instrument say. `trade_id` is unique within account, venue, symbol, position side and side. `import_id` names the
    import that brought the fill.
    """

    trade_id: str
    symbol: str
    price: Decimal
    qty: Decimal
    side: Side
    ts: str
    account: str
    strategy: str
    venue: str | None = None
    order_id: str | None = None
    fee: Decimal | None = None
    fee_currency: str | None = None
    currency: str | None = None
    position_side: PositionSide | None = None
    multiplier: Decimal | None = None
    tags: tuple[str, ...] | None = None
    import_id: str | None = None


class Trade(FillContent, frozen=True, gc=False, kw_only=True):
    """A fill as it is in the journal, with its sequence."""

    seq: int

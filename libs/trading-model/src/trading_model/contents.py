"""What each kind of event says: its content as journaled, docs/wire-contract.md "Kinds". No I/O.

Amounts are decimals in the digits as sent, times RFC 3339 in UTC, symbols as a fill has them. Every kind but the fill
has an `id`, unique within its kind. A sender that repeats an id with the same content gets the first event again.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from trading_model.symbols import plain_currency
from trading_model.trade import FillContent, PositionSide

Income = Literal["funding", "interest", "borrow", "dividend", "tax", "commission", "rebate", "reward", "adjustment"]
"""Reasons for cash that count in the net P&L."""

Flow = Literal["deposit", "withdrawal"]
"""Reasons for cash that are never P&L."""

Settlement = Literal["linear", "inverse"]
MarkSource = Literal["last", "account", "venue", "market"]
"""Whose last price marks a position: the symbol's, that of the position's own account, that of its venue, or the
market data's.
"""


class Void(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`target` never happened, whatever its kind; for an import, none of its fills did.

    `was` is the target as journaled without its sequence: the members of a fill, or `kind`, `id` and its content.
    """

    was: msgspec.Raw
    reason: str = ""


class Replace(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The fill `target` was really `fill`. The last one in force holds, by sequence.

    `was` is the target as journaled. `fill` has the target's `trade_id`; its place in the order changes only with `ts`.
    """

    fill: FillContent
    was: FillContent
    reason: str = ""


class Cash(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Money without a fill, signed: + is received. Without a strategy it is the account's own."""

    currency: str
    amount: Decimal
    reason: Income | Flow
    ts: str
    account: str = "default"
    strategy: str | None = None
    symbol: str | None = None
    position_side: PositionSide | None = None
    venue: str | None = None
    text: str | None = None

    @property
    def plain_currency(self) -> str:
        """The currency by the code of P&L: BTC for XBT."""
        return plain_currency(self.currency)


class Split(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """From `ts` on, `n` units for each `d` held before. Without an account, in all accounts.

    `quantity` is what the broker booked, `cash` what it paid for the fraction, in the P&L's currency; both need
    an account.
    """

    symbol: str
    n: int
    d: int
    ts: str
    account: str | None = None
    strategy: str | None = None
    quantity: Decimal | None = None
    cash: Decimal | None = None


class Opening(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """At `ts` the position is `quantity`, negative when short, at the average price `average`."""

    symbol: str
    quantity: Decimal
    average: Decimal
    ts: str
    account: str = "default"
    strategy: str = "default"
    position_side: PositionSide | None = None
    currency: str | None = None


class Holder(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One side of a move: whose position, and how much of it, negative for a short one."""

    symbol: str
    quantity: Decimal
    account: str = "default"
    strategy: str = "default"
    position_side: PositionSide | None = None
    currency: str | None = None


class Move(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename={"source": "from", "sink": "to"}):
    """Quantity without a trade, from one position to another; one of the two may be missing (a deposit of coins).

    `price` closes at the source and opens at the sink there; without it the cost moves along and nothing is realised.
    """

    ts: str
    reason: Literal["transfer", "reward", "rename", "merger", "reassignment"]
    source: Holder | None = None
    sink: Holder | None = None
    price: Decimal | None = None
    text: str | None = None


class Instrument(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a symbol, or each symbol that `pattern` matches, is. What is left out is not said by this event.

    `pattern` has `*` for any characters. `multiplier` is per unit as sent. `lot` is the smallest tradable quantity,
    `dust` the worth below which a position counts as closed. `aliases` are other symbols of the same instrument.
    The last event in force for a symbol holds; one for the symbol before one for a pattern.
    """

    symbol: str | None = None
    pattern: str | None = None
    currency: str | None = None
    multiplier: Decimal | None = None
    settlement: Settlement | None = None
    lot: Decimal | None = None
    dust: Decimal | None = None
    aliases: tuple[str, ...] | None = None
    negative_prices: bool | None = None
    mark: MarkSource | None = None


class Price(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A mark of a symbol at a time, by hand or a day's close."""

    symbol: str
    price: Decimal
    ts: str
    source: str | None = None


class Rate(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One unit of `base` was worth `rate` units of `quote` at `ts`, and for `max_age` seconds from then on."""

    base: str
    quote: str
    rate: Decimal
    ts: str
    max_age: int | None = None


class Import(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A file that was taken. Its fills bear the event's `id` as `import_id`."""

    name: str
    digest: str
    preset: str | None = None
    rows: int = 0
    taken: int = 0
    skipped: int = 0
    account: str | None = None


class Note(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A text or tags for a fill (`target`), an order or a day. Changes no figure."""

    text: str | None = None
    tags: tuple[str, ...] | None = None
    order_id: str | None = None
    account: str | None = None
    day: str | None = None


class LedgerEvent(msgspec.Struct, frozen=True, gc=False):
    """Any event of the ledger but a fill, as journaled. The member named as its `kind` is set; for `price`, `mark`.

    No event but a fill has a member `price` of its own, so that no reader mistakes one for a fill.
    """

    seq: int
    kind: str
    id: str = ""
    aside: bool = False
    target: int = 0
    void: Void | None = None
    replace: Replace | None = None
    cash: Cash | None = None
    split: Split | None = None
    opening: Opening | None = None
    move: Move | None = None
    instrument: Instrument | None = None
    mark: Price | None = None
    rate: Rate | None = None
    # `import` is a word of Python's
    import_: Import | None = msgspec.field(default=None, name="import")
    note: Note | None = None

    @property
    def content(self) -> msgspec.Struct | None:
        """What it says; None if the member is missing."""
        content: msgspec.Struct | None = getattr(self, MEMBERS.get(self.kind, self.kind), None)
        return content


MEMBERS = {"price": "mark", "import": "import_"}
"""The names of LedgerEvent's attributes that are not those of their kind."""

CONTENTS: dict[str, type[msgspec.Struct]] = {
    "void": Void,
    "replace": Replace,
    "cash": Cash,
    "split": Split,
    "opening": Opening,
    "move": Move,
    "instrument": Instrument,
    "price": Price,
    "rate": Rate,
    "import": Import,
    "note": Note,
}
"""The content of each kind, by its name."""

"""The last price of each symbol, at which all its positions are marked. No I/O."""

from decimal import Decimal

import msgspec


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A symbol's last trade, by sequence: `price` in quote units per base unit, `ts` RFC 3339 in UTC."""

    price: Decimal
    ts: str


class Market:
    """The last fill of one symbol. Set `price` and `ts` together.

    They are plain attributes, since the hot loop in `state` sets them for each fill.
    """

    __slots__ = ("_frozen", "_generation", "price", "symbol", "ts")

    def __init__(self, symbol: str, mark: Mark) -> None:
        self.symbol = symbol
        self.price, self.ts = mark.price, mark.ts
        self._frozen = mark
        self._generation = 0

    def freeze(self, generation: int) -> Mark:
        """An immutable copy. Called again with the same generation, it gives the copy made at the first call.

        Without a fill in between, it gives the same object, by which a scrape recognises what has not changed.
        """
        if self._generation != generation:
            self._generation = generation
            if self._frozen.price is not self.price:  # each fill brings a Decimal object of its own
                self._frozen = Mark(self.price, self.ts)
        return self._frozen

"""What each symbol was traded at last: the mark of all positions in it. No I/O."""

from decimal import Decimal

import msgspec


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A symbol's last trade, by sequence: `price` in quote units per base unit, `ts` RFC 3339 in UTC."""

    price: Decimal
    ts: str


class Market:
    """The fold of one symbol's fills: the last one counts. Set `price` and `ts` together."""

    __slots__ = ("_frozen", "_generation", "price", "symbol", "ts")

    def __init__(self, symbol: str, mark: Mark) -> None:
        self.symbol = symbol
        self.price, self.ts = mark.price, mark.ts
        self._frozen = mark
        self._generation = 0

    def freeze(self, generation: int) -> Mark:
        """What is known now, untouched by what is applied later. For the same generation again: what was known then.

        It is the same object as long as no fill is applied.
        """
        if self._generation != generation:
            self._generation = generation
            if self._frozen.price is not self.price:  # each fill brings its own
                self._frozen = Mark(self.price, self.ts)
        return self._frozen

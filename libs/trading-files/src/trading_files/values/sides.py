"""Words for buy and sell.

Most words mean one side in every language. Letters need their counterpart: "C" is a purchase beside "V" (compra,
venda), "A" is an ask beside "B", and a purchase beside "V" (achat, vente). `read_side` gets all words of the column.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from trading_files.errors import UnreadableValue
from trading_files.values.ambiguous import Ambiguous

Way = Literal["buy", "sell"]
Effect = Literal["", "open", "close"]
PositionSide = Literal["", "long", "short"]


@dataclass(frozen=True, slots=True)
class Side:
    """Buy or sell; whether that opens or closes a position, and which one, where the word says so."""

    side: Way
    effect: Effect = ""
    position: PositionSide = ""


_BUY = """
    buy bought buys bid purchase purchased
    kauf gekauft kaufen ankauf
    achat acheté acheter
    compra comprado comprar compré
    acquisto acquistato acquistare
    koop gekocht kopen aankoop
    köp köpt köpa køb købt kjøp kjøpt
    osto ostettu
    kupno kupiono zakup
    nákup koupě alış alis покупка купля 买入 买 買入 買い 買 매수
"""
_SELL = """
    sell sold sells ask sale
    verkauf verkauft verkaufen
    vente vendu vendre
    venda venta vendido vender vendí
    vendita venduto vendere
    verkoop verkocht verkopen
    sälj sålt sälja försäljning salg solgt selg
    myynti myyty
    sprzedaż sprzedano
    prodej satış satis продажа 卖出 卖 賣出 売り 売 매도
"""
_WORDS: dict[str, Side] = {
    **{word: Side("buy") for word in _BUY.split()},
    **{word: Side("sell") for word in _SELL.split()},
    **{word: Side("buy", "open", "long") for word in ("btol", "entry long", "enter long", "open long", "long entry")},
    **{word: Side("sell", "open", "short") for word in ("entry short", "enter short", "open short", "short entry")},
    **{word: Side("sell", "close", "long") for word in ("exit long", "close long", "long exit", "liquidated long")},
    **{word: Side("buy", "close", "short") for word in ("exit short", "close short", "short exit", "liquidated short")},
    **{
        word: Side("buy", "open", "long")
        for word in ("buy long", "long > long", "buy to open", "bought to open", "bto", "buy open")
    },
    **{
        word: Side("sell", "close", "long")
        for word in ("sell long", "sell to close", "sold to close", "stc", "sell close")
    },
    **{
        word: Side("sell", "open", "short")
        for word in (
            "sell to open",
            "sold to open",
            "sto",
            "sell open",
            "sell short",
            "sold short",
            "short sell",
            "short sale",
            "ss",
            "sshort",
        )
    },
    **{
        word: Side("buy", "close", "short")
        for word in (
            "buy to close",
            "bought to close",
            "btc",
            "buy close",
            "buy to cover",
            "bought to cover",
            "buy back",
            "cover",
            "cover short",
            "buy cover",
            "short cover",
            "buy short",
        )
    },
    "long": Side("buy", "", "long"),
    "short": Side("sell", "", "short"),
    "b": Side("buy"),
    "s": Side("sell"),
    "v": Side("sell"),
}
"""By folded word. "s" and "v" are a sale in every language that writes them, "b" a purchase."""

_BY_COUNTERPART: dict[str, dict[str, Way]] = {
    "c": {"v": "buy"},  # compra, venda or venta
    "a": {"v": "buy", "b": "sell"},  # achat, vente; acquisto, vendita; ask, bid
    "k": {"v": "buy", "s": "buy"},  # Kauf, Verkauf; köp, sälj; kupno, sprzedaż
    "l": {"s": "buy"},  # long, short
}
_SEPARATORS = re.compile(r"[\s_\-/.:>→]+")


def fold_word(text: str) -> str:
    """A word as the tables have it: lower case, one space between parts."""
    return _SEPARATORS.sub(" ", text.strip().casefold()).strip()


def read_side(text: str, seen: Collection[str] = ()) -> Side | Ambiguous:
    """The side that a word says.

    Args:
        text: the cell, such as "Buy to open", "SELL", "Köp", "C".
        seen: the words of the whole column, which decide what a letter means.

    Raises:
        UnreadableValue: the word is none for a side.
    """
    word = fold_word(text)
    if (side := _WORDS.get(word)) is not None:
        return side
    counterparts = _BY_COUNTERPART.get(word)
    if counterparts is None:
        raise UnreadableValue(f"{text[:80]!r} is neither buy nor sell")
    sides = {way for other in seen if (way := counterparts.get(fold_word(other)))}
    if len(sides) == 1:
        return Side(sides.pop())
    return Ambiguous("side words", text, ("buy", "sell"))

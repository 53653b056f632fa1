"""Words for buy and sell.

Most words mean one side in every language. Some letters do not: "A" is a purchase in French (achat) and an ask in
English, so a person has to say it.
"""

import re
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

_AMBIGUOUS = frozenset({"c", "a", "k", "l"})
"""Letters that begin a word for a purchase in one language, and other words of such a column in others."""

_SEPARATORS = re.compile(r"[\s_\-/.:>→]+")


def fold_word(text: str) -> str:
    """A word as the tables have it: lower case, one space between parts."""
    return _SEPARATORS.sub(" ", text.strip().casefold()).strip()


def read_side(text: str) -> Side | Ambiguous:
    """The side that a cell says, such as "Buy to open", "SELL", "Köp", "C". Raises UnreadableValue."""
    word = fold_word(text)
    if (side := _WORDS.get(word)) is not None:
        return side
    if word not in _AMBIGUOUS:
        raise UnreadableValue(f"{text[:80]!r} is neither buy nor sell")
    return Ambiguous("side words", text, ("buy", "sell"))

"""What each symbol is: the terms by which its fills are valued, from the ledger's instruments and what is shipped.

Each term comes from the first source that says it: the last instrument in force for the symbol; an instrument whose
pattern matches, the longest pattern first, of equal ones the last; the fill; what is shipped; the symbol's form. So the
order of patterns in a file does not matter, and an instrument that says only a lot keeps the currency said before. The
aliases of a symbol are those of the last instrument that says some.
An alias has the terms of the symbol it stands for, and nothing said about the alias itself counts.

All follows from the events in the order of the ledger: rules 3 to 5 of the accounting. No I/O.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from trading_model.contents import Instrument, MarkSource
from trading_model.currencies import FIAT, METALS
from trading_model.decimals import MIN, TOO_MUCH
from trading_model.shipped_instruments import Shipped, shipped, unpadded
from trading_model.symbols import Kind, SymbolParts, plain_currency, symbol_parts

ONE = Decimal(1)
ANY = "*"
TERMS = ("currency", "multiplier", "settlement", "lot", "dust", "negative_prices", "mark")
"""Members of an instrument that say a term."""

_MONEY = FIAT | METALS
_CONTRACTS = ("perpetual", "future", "option")
_FORM = "the symbol's form"


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What the accounting needs to know about a symbol.

    `canonical` is the symbol that aliases stand for. `currency` is that of the P&L, `base` and `quote` those of the
    pair; an empty string means unknown. `multiplier` is per unit as sent. `inverse`: valued at −1/price. `spot`: held,
    not owed, so that a fee in the base comes off the position, and less than 0 means that a purchase is missing.
    `lot` and `dust` are the smallest tradable quantity and the worth, in the P&L's currency, below which a position
    counts as closed. `in_points`: it looks like a contract and nothing says its multiplier, so 1 is assumed and the
    P&L is in points. `reason` says why the currency is unknown, or that the multiplier is; else it is empty.
    """

    canonical: str
    currency: str
    multiplier: Decimal
    inverse: bool
    spot: bool
    base: str
    quote: str
    kind: Kind
    lot: Decimal | None
    dust: Decimal | None
    negative_prices: bool
    mark: MarkSource
    in_points: bool
    reason: str


class Statement(msgspec.Struct, frozen=True):
    """An `instrument` event of the ledger; `void` while a void of it is in force."""

    seq: int
    content: Instrument
    void: bool = False


class Said(msgspec.Struct, frozen=True):
    """One term, and which source said it: an event of the ledger, or in words."""

    value: Any
    source: Statement | str


class Instruments:
    """The instruments of a ledger, after the events that `say`, `take_back` and `restore` were called for."""

    def __init__(self, statements: Iterable[Statement] = ()) -> None:
        """`statements` are those of an earlier object: its state."""
        self._statements: dict[int, Statement] = {}
        self._by_symbol: dict[str, list[int]] = {}
        self._patterns: list[tuple[int, int]] = []
        """Of those in force: length of the pattern and sequence, ascending, so the last one that matches holds."""
        self._aliasing: dict[str, int] = {}
        """Of each symbol the sequence of the last in force that says its aliases."""

        self._claims: dict[str, list[int]] = {}
        """Of each alias the sequences of those that say it, ascending: the last one holds."""
        self._market_marked: set[int] = set()
        """The sequences of those in force that say `mark: market`."""

        self._asked: dict[str, dict[tuple[str, Decimal | None], Terms]] = {}
        self._grouped: dict[str, set[str]] = {}
        """The symbols asked about, by their canonical symbol."""
        self.changes = 0
        """How often something was said or taken back. What was found out by the terms holds as long as it is equal."""

        for statement in statements:
            self._statements[statement.seq] = statement
            if not statement.void:
                self._put(statement)

    @property
    def statements(self) -> list[Statement]:
        """All that was said, in the order of the ledger: enough to build this object again."""
        return list(self._statements.values())

    @property
    def has_market_marks(self) -> bool:
        """Whether any in force says that the market marks its symbols."""
        return bool(self._market_marked)

    def terms(self, symbol: str, currency: str = "", multiplier: Decimal | None = None) -> Terms:
        """The terms of a symbol, for a fill with this `currency` and `multiplier`. Kept until they change."""
        asked = self._asked.get(symbol)
        if asked is None:
            asked = self._asked[symbol] = {}
            self._grouped.setdefault(self.canonical(symbol), set()).add(symbol)
        found = asked.get((currency, multiplier))
        if found is None:
            found = asked[currency, multiplier] = self.find(symbol, currency, multiplier)
        return found

    def find(self, symbol: str, currency: str = "", multiplier: Decimal | None = None) -> Terms:
        """The terms of a symbol, as `terms` gives them, without keeping them: for a symbol that is asked about once."""
        canonical = self.canonical(symbol)
        said = {name: each.value for name, each in self._said(canonical).items()}
        of_fill = (plain_currency(currency.upper()), multiplier)
        return _terms(canonical, said, of_fill, shipped(canonical), symbol_parts(canonical))

    def explain(self, symbol: str) -> dict[str, Said]:
        """The terms of a symbol that some source says, each with its source."""
        canonical = self.canonical(symbol)
        explained = self._said(canonical)
        default, terms = shipped(canonical), self.find(symbol)
        if default is not None:
            for name in ("currency", "multiplier", "negative_prices"):
                value = getattr(default, name)
                if name not in explained and value not in ("", None, False):
                    explained[name] = Said(value, f"shipped: {default.source}")
        if "currency" not in explained and terms.currency:
            explained["currency"] = Said(terms.currency, _FORM)
        return explained

    def canonical(self, symbol: str) -> str:
        """The symbol, in upper case, that this one stands for; itself if it is no alias."""
        symbol = unpadded(symbol.upper())
        passed = [symbol]
        while symbol in self._claims:
            symbol = self._claimant(symbol)
            if symbol in passed:  # a circle, which only voids can close: its first symbol by the alphabet
                return min(passed[passed.index(symbol) :])
            passed.append(symbol)
        return symbol

    def circle(self, content: Instrument) -> list[str]:
        """The circle that aliases would go round in if this were said, from the symbol back to it; else nothing."""
        content = normal_form(content)
        symbol, aliases = _symbol(content), set(content.aliases or ())
        passed = [symbol]
        while passed[-1] not in aliases and passed[-1] in self._claims:
            claimant = self._claimant(passed[-1])
            if claimant in passed:
                return []  # another circle, which was there before
            passed.append(claimant)
        return [*passed, symbol] if passed[-1] in aliases else []

    def in_force(self, name: str) -> list[Statement]:
        """What is in force for exactly this symbol or pattern, the last one first."""
        name = name.upper()
        of_pattern = [seq for _, seq in self._patterns if self._statements[seq].content.pattern == name]
        found = sorted(of_pattern + self._by_symbol.get(name, []), reverse=True)
        return [self._statements[seq] for seq in found]

    def say(self, seq: int, content: Instrument) -> set[str]:
        """Take in an event. Returns the symbols asked about by `terms` before whose terms are different now."""
        if content.symbol is None and content.pattern is None:
            return set()
        statement = Statement(seq, normal_form(content))
        return self._change(statement, lambda: self._put(statement))

    def take_back(self, seq: int) -> set[str]:
        """A void of the event is in force. Returns as `say`; nothing if `seq` is no instrument."""
        statement = self._statements.get(seq)
        if statement is None or statement.void:
            return set()
        return self._change(msgspec.structs.replace(statement, void=True), lambda: self._take_out(statement))

    def restore(self, seq: int) -> set[str]:
        """The void of the event was voided. Returns as `say`; nothing if `seq` is no instrument."""
        statement = self._statements.get(seq)
        if statement is None or not statement.void:
            return set()
        statement = msgspec.structs.replace(statement, void=False)
        return self._change(statement, lambda: self._put(statement))

    def _change(self, statement: Statement, change: Callable[[], None]) -> set[str]:
        self.changes += 1
        concerned = self._concerned(statement.content)
        self._statements[statement.seq] = statement
        change()
        if statement.content.aliases is not None:
            self._group_again()
            concerned |= self._concerned(statement.content)
        return {symbol for symbol in concerned if self._ask_again(symbol)}

    def _ask_again(self, symbol: str) -> bool:
        """Find the terms of a symbol asked about again. Returns whether any are different."""
        before = self._asked[symbol]
        self._asked[symbol] = {key: self.find(symbol, *key) for key in before}
        return self._asked[symbol] != before

    def _concerned(self, content: Instrument) -> set[str]:
        """The symbols asked about that an event is about."""
        names: Iterable[str] = (_symbol(content), *(content.aliases or ()))
        if content.pattern is not None:
            names = [name for name in self._grouped if matches(content.pattern, name)]
        return set().union(*(self._grouped.get(self.canonical(name), ()) for name in names))

    def _group_again(self) -> None:
        self._grouped = {}
        for symbol in self._asked:
            self._grouped.setdefault(self.canonical(symbol), set()).add(symbol)

    def _put(self, statement: Statement) -> None:
        content, seq = statement.content, statement.seq
        if content.mark == "market":
            self._market_marked.add(seq)
        if content.pattern is not None:
            insort(self._patterns, (len(content.pattern), seq))
            return
        insort(self._by_symbol.setdefault(_symbol(content), []), seq)
        self._claim_again(content)

    def _take_out(self, statement: Statement) -> None:
        content, seq = statement.content, statement.seq
        self._market_marked.discard(seq)
        if content.pattern is not None:
            self._patterns.remove((len(content.pattern), seq))
            return
        _remove(self._by_symbol, _symbol(content), seq)
        self._claim_again(content)

    def _claim_again(self, content: Instrument) -> None:
        """Let the last statement about a symbol that says its aliases claim them, and no other."""
        symbol = _symbol(content)
        said = (seq for seq in reversed(self._by_symbol.get(symbol, ())) if self._aliases(seq) is not None)
        before, now = self._aliasing.pop(symbol, 0), next(said, 0)
        if before:
            for alias in self._aliases(before) or ():
                _remove(self._claims, alias, before)
        if now:
            self._aliasing[symbol] = now
            for alias in self._aliases(now) or ():
                insort(self._claims.setdefault(alias, []), now)

    def _aliases(self, seq: int) -> tuple[str, ...] | None:
        return self._statements[seq].content.aliases

    def _claimant(self, alias: str) -> str:
        return _symbol(self._statements[self._claims[alias][-1]].content)

    def _said(self, canonical: str) -> dict[str, Said]:
        said: dict[str, Said] = {}
        for statement in self._sources(canonical):
            for name in TERMS:
                value = getattr(statement.content, name)
                if value is not None and name not in said:
                    said[name] = Said(value, statement)
        return said

    def _sources(self, canonical: str) -> Iterator[Statement]:
        """The statements about a symbol, the one that holds first."""
        for seq in reversed(self._by_symbol.get(canonical, ())):
            yield self._statements[seq]
        for _, seq in reversed(self._patterns):
            statement = self._statements[seq]
            if matches(statement.content.pattern or "", canonical):
                yield statement


def matches(pattern: str, symbol: str) -> bool:
    """Whether a pattern, with `*` for any characters or none, matches a whole symbol. Both in upper case."""
    first, inner, last = _pieces(pattern)
    if not (symbol.startswith(first) and symbol.endswith(last)):
        return False
    if ANY not in pattern:
        return pattern == symbol
    end = len(symbol) - len(last)
    place = len(first)
    for part in inner:
        found = symbol.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return place <= end


@lru_cache(maxsize=4_096)
def _pieces(pattern: str) -> tuple[str, list[str], str]:
    """What is before the first `*`, between two, and behind the last."""
    first, *others = pattern.split(ANY)
    return first, others[:-1], others[-1] if others else ""


def normal_form(content: Instrument) -> Instrument:
    """The content with its symbols and its currency in the form in which they are compared, without amounts out of
    range: a writer of this app refuses those, and no other may break a reader.
    """
    return msgspec.structs.replace(
        content,
        symbol=_compared(content.symbol),
        pattern=content.pattern and content.pattern.upper(),
        aliases=content.aliases and tuple(unpadded(alias.upper()) for alias in content.aliases),
        currency=content.currency and plain_currency(content.currency.upper()),
        multiplier=_in_range(content.multiplier),
        lot=_in_range(content.lot),
        dust=_in_range(content.dust),
    )


def _compared(symbol: str | None) -> str | None:
    return symbol and unpadded(symbol.upper())


def _in_range(amount: Decimal | None) -> Decimal | None:
    return amount if amount is not None and amount.is_finite() and MIN <= amount < TOO_MUCH else None


def _symbol(content: Instrument) -> str:
    return content.symbol or ""


def _remove(table: dict[str, list[int]], name: str, seq: int) -> None:
    table[name].remove(seq)
    if not table[name]:
        del table[name]


def _terms(
    canonical: str,
    said: dict[str, Any],
    of_fill: tuple[str, Decimal | None],
    default: Shipped | None,
    parts: SymbolParts,
) -> Terms:
    """The terms, from all sources: what instruments say, the currency and multiplier of a fill, what is shipped."""
    kind = default.kind if default is not None else parts.kind
    settlement = said.get("settlement")
    inverse = settlement == "inverse"
    currency = said.get("currency") or of_fill[0] or _currency(inverse, settlement, default, parts)
    multiplier = said.get("multiplier") or of_fill[1] or (default.multiplier if default is not None else None)
    is_contract = settlement is not None or kind in _CONTRACTS
    in_points = is_contract and multiplier is None
    reasons = [] if currency else [_why_unknown(default, parts)]
    if in_points:
        reasons.append("no instrument says the multiplier of this contract")
    return Terms(
        canonical=canonical,
        currency=currency,
        multiplier=multiplier or ONE,
        inverse=inverse,
        spot=not is_contract and _is_held(kind, parts),
        base=parts.base,
        quote=parts.quote,
        kind=kind,
        lot=said.get("lot"),
        dust=said.get("dust"),
        negative_prices=said.get("negative_prices", default is not None and default.negative_prices),
        mark=said.get("mark", "last"),
        in_points=in_points,
        reason="; ".join(reasons),
    )


def _currency(inverse: bool, settlement: str | None, default: Shipped | None, parts: SymbolParts) -> str:
    """The currency where no instrument and no fill says it; empty if unknown."""
    if inverse:
        return parts.base  # an inverse contract is settled in its coin
    if default is not None and default.currency:
        return default.currency
    return parts.quote if settlement == "linear" else parts.currency


def _why_unknown(default: Shipped | None, parts: SymbolParts) -> str:
    return default.source if default is not None else parts.reason


def _is_held(kind: Kind, parts: SymbolParts) -> bool:
    """Whether a pair is held: coins are, currencies and metals are traded on margin. A form that venues use for
    contracts too counts as held until an instrument says the settlement.
    """
    if kind not in ("spot", "unknown") or not (parts.base and parts.quote):
        return False
    return not (parts.base in _MONEY and parts.quote in _MONEY)

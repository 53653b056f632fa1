"""What applies to each symbol and why, as text for people. No I/O."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from trading_app.instruments.starting_point import shown
from trading_model.instruments import TERMS, Instruments, Said, Statement

Used = Mapping[str, "Named"]
"""The symbols of the ledger, each with what its fills name themselves."""


class Named(msgspec.Struct):
    """Currencies and multipliers that fills of one symbol name; each holds where no instrument says another."""

    currencies: set[str]
    multipliers: set[str]


class _Fill(msgspec.Struct):
    symbol: str = ""
    currency: str | None = None
    multiplier: str | None = None


def note_fills(events: bytes, used: dict[str, Named]) -> None:
    """Add the symbols of journaled events, joined by commas, to those known. Other kinds than fills name none."""
    for fill in _decode_fills(b"[%b]" % events):
        if not fill.symbol:
            continue
        named = used.get(fill.symbol)
        if named is None:
            named = used[fill.symbol] = Named(set(), set())
        if fill.currency is not None:
            named.currencies.add(fill.currency)
        if fill.multiplier is not None:
            named.multipliers.add(fill.multiplier)


def describe(symbols: Iterable[str], ledger: Instruments, used: Used) -> Iterator[str]:
    """The lines about these symbols."""
    for symbol in symbols:
        canonical, terms = ledger.canonical(symbol), ledger.find(symbol)
        alias = "" if canonical == symbol.upper() else f" = {canonical}"
        yield f"{symbol}{alias}"
        explained = ledger.explain(symbol)
        if not terms.currency:
            yield _row("currency", "unknown", _why(terms.reason))
        if terms.in_points:
            yield _row("multiplier", "unknown", "nothing says it; P&L is in points")
        for member in TERMS:
            if member in explained:
                yield _row(member, shown(explained[member].value), _source(explained[member]))
        named = used.get(symbol)
        if named is not None:
            for member, values in (("currency", named.currencies), ("multiplier", named.multipliers)):
                if values:
                    holds = "overridden by an instrument" if _is_overridden(explained.get(member)) else "its fills"
                    yield _row(member, ", ".join(sorted(values)), holds)


def _row(member: str, value: str, why: str) -> str:
    return f"  {member:<16}{value:<12}{why}"


def _why(reason: str) -> str:
    return reason or "the symbol's form does not show it"


def _source(said: Said) -> str:
    if isinstance(said.source, str):
        return said.source
    return f"event {said.source.seq} for {said.source.content.symbol or said.source.content.pattern}"


def _is_overridden(said: Said | None) -> bool:
    return said is not None and isinstance(said.source, Statement)


_decode_fills = msgspec.json.Decoder(list[_Fill]).decode

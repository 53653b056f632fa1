"""Terms of a symbol come from instruments, the fill, what is shipped and the symbol's form, in this order."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_model.contents import Instrument
from trading_model.futures import EXCHANGES, ROOTS, Root
from trading_model.instruments import Instruments, Terms, matches
from trading_model.shipped_instruments import shipped

# symbol, currency, multiplier, kind; - is unknown: a currency, or a multiplier that leaves the P&L in points
SHIPPED = """
# every form of a future
ESZ26                  USD   50      future
ESZ6                   USD   50      future
ESZ2026                USD   50      future
/ES                    USD   50      future
/ESZ26                 USD   50      future
/ESZ26:XCME            USD   50      future
ES1!                   USD   50      future
CME_MINI:ES1!          USD   50      future
CME_MINI:ESZ2026       USD   50      future
ESZ26.CME              USD   50      future
ES=F                   USD   50      future
MNQ=F                  USD   2       future
@ES                    USD   50      future
ES 12-26               USD   50      future
ES DEC26               USD   50      future
MNQ SEP25              USD   2       future
ES.C.0                 USD   50      future
6EZ26                  USD   125000  future
M6EZ6                  USD   12500   future
/NQM26                 USD   20      future
MNQM6                  USD   2       future
FGBLZ26                EUR   1000    future
FDAXH27                EUR   25      future
FSMIH27                CHF   10      future
GCZ26                  USD   100     future
/SI                    USD   5000    future
SIZ26                  USD   5000    future
WINZ26                 BRL   0.2     future
WDOF27                 BRL   10      future
# two exchanges use it, another exchange than the known one, an unknown root
SIZ6                   -     -       future
NGF7                   -     -       future
MOEX:NG1!              -     -       future
ZZZZ26                 -     -       future
ZZZ DEC26              -     -       future
/ABC                   -     -       future
BTCZ26                 -     -       future
BTCUSDH27              -     -       future
# shares in São Paulo, and some that may be futures of an unknown root
PETR4                  BRL   1       stock
TSLA34                 BRL   1       stock
KLBN11                 -     1       unknown
MGLU3                  -     1       unknown
# options
AAPL251219C00150000    USD   100     option
AAPL  251219C00150000  USD   100     option
SPXW  260116P05000000  USD   100     option
AAPL1251219C00150000   USD   -       option
.SPY251219C600         USD   100     option
# shares
0700.HK                HKD   1       stock
7203.T                 JPY   1       stock
AIR.PA                 EUR   1       stock
NOVO-B.CO              DKK   1       stock
VOD.L                  -     1       stock
BRK.B                  -     1       stock
AAPL                   -     1       unknown
# crypto contracts: the currency by their form, never a multiplier
BTC-USDT-SWAP          USDT  -       perpetual
LTC/USDT:USDT          USDT  -       perpetual
BTC/USD:BTC            -     -       perpetual
BTC-27DEC26-80000-C    -     -       option
BTCUSDT_260327         USDT  -       future
# pairs
BTC/USDT               USDT  1       spot
BTCUSDT                USDT  1       unknown
EUR/USD                USD   1       spot
XBTEUR                 EUR   1       unknown
BTCBUSD                BUSD  1       unknown
1000PEPEUSDT           USDT  1       unknown
@107                   -     1       unknown
ES١!                    -     1       unknown
"""
# Every symbol of the traders' files that the import is tested with.
FIELD_CASES = """
VETUSDT                USDT  1       unknown
LTCUSDT                USDT  1       unknown
XMRUSDT                USDT  1       unknown
ADAUSDT                USDT  1       unknown
BAT-ETH                ETH   1       unknown
MANA/BTC               BTC   1       spot
LTC/USDT:USDT          USDT  -       perpetual
ETH-EUR                EUR   1       unknown
BNBBTC                 BTC   1       unknown
LTCBTC                 BTC   1       unknown
MNQM6                  USD   2       future
SPY                    -     1       unknown
/NQM26                 USD   20      future
XAUUSDm                -     1       unknown
AUDUSDm                -     1       unknown
MDT/USDT               USDT  1       spot
AAPL                   -     1       unknown
WINZ26                 BRL   0.2     future
PETR4                  BRL   1       stock
AVAV  260109C00320000  USD   100     option
BONK/USD               USD   1       spot
UNFI/USDT:USDT         USDT  -       perpetual
BTC/USDT               USDT  1       spot
0700.HK                HKD   1       stock
USD/JPY                JPY   1       spot
LTC/USDT               USDT  1       spot
BTC-USDT-SWAP          USDT  -       perpetual
"""
ROWS = [
    tuple(row.rsplit(maxsplit=3)) for row in (SHIPPED + FIELD_CASES).splitlines() if row and not row.startswith("#")
]


def aliases(instruments: Instruments, *symbols: str) -> set[str]:
    """Those of the symbols, in upper case, that stand for another one."""
    return {symbol for symbol in symbols if instruments.canonical(symbol) != symbol}


def terms_of(symbol: str, *said: Instrument, currency: str = "", multiplier: Decimal | None = None) -> Terms:
    """The terms after some instruments."""
    instruments = Instruments()
    for sequence, content in enumerate(said, 1):
        instruments.say(sequence, content)
    return instruments.terms(symbol, currency, multiplier)


@pytest.mark.parametrize(("symbol", "currency", "multiplier", "kind"), ROWS)
def test_what_is_shipped_and_what_the_form_says(symbol: str, currency: str, multiplier: str, kind: str) -> None:
    """Without an instrument: known, or unknown with a reason."""
    terms = terms_of(symbol.strip())
    assert (terms.currency or "-", "-" if terms.in_points else str(terms.multiplier), terms.kind) == (
        currency,
        multiplier,
        kind,
    )
    assert bool(terms.reason) == (currency == "-" or multiplier == "-")


@pytest.mark.parametrize("known", ROOTS.values(), ids=ROOTS)
def test_each_root_in_each_form(known: Root) -> None:
    """Continuous, dated and with the name of its exchange."""
    exchange = EXCHANGES[known.exchange][0]
    for form in (f"/{known.root}", f"{known.root}Z26", f"{known.root}1!", f"{exchange}:{known.root}H2027"):
        found = shipped(form)
        assert found is not None, form
        assert (found.currency, found.multiplier) == (known.currency, known.point_value), form


def test_each_term_comes_from_the_first_source_that_says_it() -> None:
    """An instrument for the symbol, for a pattern, the fill, what is shipped."""
    pattern = Instrument(pattern="ES*", multiplier=Decimal(7), lot=Decimal(1))
    symbol = Instrument(symbol="ESZ26", multiplier=Decimal(5))
    assert terms_of("ESZ26").multiplier == 50
    assert terms_of("ESZ26", multiplier=Decimal(3)).multiplier == 3
    assert terms_of("ESZ26", pattern, multiplier=Decimal(3)).multiplier == 7
    assert terms_of("ESZ26", symbol, pattern, multiplier=Decimal(3)).multiplier == 5
    assert terms_of("ESZ26", symbol, pattern).lot == 1
    assert terms_of("ESZ26", currency="EUR").currency == "EUR"
    assert terms_of("ESZ26", Instrument(symbol="esz26", currency="gbp"), currency="EUR").currency == "GBP"


def test_the_last_instrument_of_a_symbol_holds() -> None:
    """A void of it brings the one before back, a void of the void the last one."""
    instruments = Instruments()
    assert instruments.terms("XAUUSDM").multiplier == 1
    assert instruments.say(3, Instrument(symbol="XAUUSDm", multiplier=Decimal(100))) == {"XAUUSDM"}
    assert instruments.say(5, Instrument(symbol="XAUUSDm", multiplier=Decimal(10))) == {"XAUUSDM"}
    assert instruments.say(6, Instrument(symbol="XAUUSDm", multiplier=Decimal("10.0"))) == set()
    instruments.take_back(6)
    assert instruments.terms("XAUUSDM").multiplier == 10
    assert instruments.take_back(5) == {"XAUUSDM"}
    assert instruments.terms("XAUUSDM").multiplier == 100
    assert instruments.take_back(5) == set()
    assert instruments.restore(5) == {"XAUUSDM"}
    assert instruments.restore(5) == set()
    assert instruments.terms("XAUUSDM").multiplier == 10
    assert instruments.take_back(99) == instruments.restore(99) == set()


def test_the_longest_pattern_holds_whatever_the_order() -> None:
    """Of two of the same length the last one."""
    general = Instrument(pattern="*USD*", multiplier=Decimal(100_000))
    special = Instrument(pattern="XAUUSD*", multiplier=Decimal(100))
    for order in ((general, special), (special, general)):
        assert terms_of("XAUUSDM", *order).multiplier == 100
        assert terms_of("AUDUSDM", *order).multiplier == 100_000
    again = Instrument(pattern="*USDm", multiplier=Decimal(1))
    assert terms_of("AUDUSDM", again, general).multiplier == 100_000
    assert terms_of("AUDUSDM", general, again).multiplier == 1


def test_an_alias_has_the_terms_of_its_symbol() -> None:
    """Through a chain too; what is said about the alias itself does not count."""
    instruments = Instruments()
    instruments.terms("BTCUSDT")
    instruments.say(1, Instrument(symbol="BTCUSDT", lot=Decimal(5)))
    changed = instruments.say(2, Instrument(symbol="BTC/USDT", lot=Decimal("0.001"), aliases=("btcusdt", "BTC-USDT")))
    assert changed == {"BTCUSDT"}
    assert instruments.terms("BTCUSDT") == instruments.terms("BTC/USDT") == instruments.terms("BTC-USDT")
    assert instruments.terms("BTCUSDT").lot == Decimal("0.001")
    assert instruments.say(3, Instrument(symbol="BTC/USD.X", aliases=("BTC/USDT",))) == {
        "BTCUSDT",
        "BTC/USDT",
        "BTC-USDT",
    }
    assert instruments.canonical("BTCUSDT") == "BTC/USD.X"
    assert aliases(instruments, "BTC/USD.X", "BTC/USDT", "BTCUSDT") == {"BTC/USDT", "BTCUSDT"}
    assert instruments.take_back(3) == {"BTCUSDT", "BTC/USDT", "BTC-USDT"}
    assert instruments.take_back(2) == {"BTCUSDT", "BTC/USDT", "BTC-USDT"}
    assert instruments.canonical("BTCUSDT") == "BTCUSDT"


def test_the_last_instrument_that_says_aliases_says_all_of_them() -> None:
    """Those of an earlier one are none any more, until the last one is voided."""
    instruments = Instruments()
    instruments.say(1, Instrument(symbol="A", aliases=("B", "C")))
    instruments.say(2, Instrument(symbol="A", lot=Decimal(1)))
    assert aliases(instruments, *"ABCD") == {"B", "C"}
    instruments.say(3, Instrument(symbol="A", aliases=("C", "D")))
    assert aliases(instruments, *"ABCD") == {"C", "D"}
    instruments.say(4, Instrument(symbol="A", aliases=()))
    assert not aliases(instruments, *"ABCD")
    instruments.take_back(4)
    instruments.take_back(3)
    assert aliases(instruments, *"ABCD") == {"B", "C"}


def test_a_circle_of_aliases_ends() -> None:
    """Voids can close one; all its symbols then have one canonical symbol."""
    instruments = Instruments()
    instruments.say(1, Instrument(symbol="B", aliases=("C",)))
    instruments.say(2, Instrument(symbol="C", aliases=("A",)))
    instruments.say(3, Instrument(symbol="A", aliases=("B", "X")))
    assert {instruments.canonical(symbol) for symbol in ("A", "B", "C", "X")} == {"A"}


def test_a_settlement_makes_a_pair_a_contract() -> None:
    """Its currency follows: the coin for an inverse contract, the quote for a linear one."""
    assert terms_of("BTCUSD").reason
    inverse = terms_of("BTCUSD", Instrument(symbol="BTCUSD", settlement="inverse", multiplier=Decimal(1)))
    assert (inverse.currency, inverse.inverse, inverse.spot, inverse.in_points) == ("BTC", True, False, False)
    linear = terms_of("BTCUSD", Instrument(symbol="BTCUSD", settlement="linear"))
    assert (linear.currency, linear.inverse, linear.spot, linear.in_points) == ("USD", False, False, True)


@pytest.mark.parametrize(
    ("symbol", "spot"),
    [("BTC/USDT", True), ("XMRUSDT", True), ("EUR/USD", False), ("XAUUSD", False), ("AAPL", False), ("ESZ26", False)],
)
def test_coins_are_held(symbol: str, spot: bool) -> None:
    """Currencies, metals, shares and contracts may be owed."""
    assert terms_of(symbol).spot is spot


def test_energy_may_trade_below_zero() -> None:
    """As crude oil did; a gold future has no negative price until an instrument says so."""
    assert terms_of("CLZ26").negative_prices
    assert not terms_of("GCZ26").negative_prices
    assert not terms_of("CLZ26", Instrument(symbol="CLZ26", negative_prices=False)).negative_prices


def test_amounts_out_of_range_say_nothing() -> None:
    """They can't come from this app, and must not break a reader."""
    for odd in ("NaN", "Infinity", "-1", "0", "1E+99"):
        assert terms_of("ESZ26", Instrument(symbol="ESZ26", multiplier=Decimal(odd), lot=Decimal(odd))).multiplier == 50


NAMES = st.sampled_from(["A", "B", "C", "AB", "ABC"])
CONTENTS = st.one_of(
    st.builds(
        Instrument,
        symbol=NAMES,
        multiplier=st.sampled_from([None, Decimal(2), Decimal(3)]),
        currency=st.sampled_from([None, "EUR", "usd"]),
        aliases=st.one_of(st.none(), st.lists(NAMES, max_size=2).map(tuple)),
    ),
    st.builds(Instrument, pattern=st.sampled_from(["A*", "*B", "*", "A*C"]), lot=st.sampled_from([Decimal(1), None])),
)


@given(st.lists(st.tuples(CONTENTS, st.booleans()), max_size=8), st.lists(NAMES, max_size=3))
def test_changes_are_those_of_a_rebuild(events: list[tuple[Instrument, bool]], asked: list[str]) -> None:
    """What was asked about before a change has the terms that a new object finds, and each difference was named."""
    instruments = Instruments()
    for sequence, (content, voided) in enumerate(events, 1):
        for voids in (False, True)[: 1 + voided]:
            before = {symbol: instruments.terms(symbol) for symbol in asked}
            changed = instruments.take_back(sequence) if voids else instruments.say(sequence, content)
            rebuilt = Instruments(instruments.statements)
            after = {symbol: rebuilt.terms(symbol) for symbol in asked}
            assert after == {symbol: instruments.terms(symbol) for symbol in asked}
            assert changed == {symbol for symbol in asked if before[symbol] != after[symbol]}


@given(st.text("AB*", max_size=6), st.text("AB", max_size=8))
def test_a_pattern_matches_as_a_regular_expression_does(pattern: str, symbol: str) -> None:
    """`*` is any characters or none."""
    expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), symbol) is not None
    assert matches(pattern, symbol) is expected


@given(st.text(min_size=1, max_size=128))
def test_any_text_has_terms(symbol: str) -> None:
    """And a canonical symbol, whose canonical symbol is itself."""
    instruments = Instruments()
    terms = instruments.terms(symbol)
    assert instruments.canonical(terms.canonical) == terms.canonical
    assert bool(terms.reason) == (not terms.currency or terms.in_points)

"""One rule finds the currency of a symbol's P&L; if its form does not show it, it is unknown, with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_model.currencies import JOINED_QUOTES, KNOWN, RANKS, SAME
from trading_model.symbols import market_of, pnl_currency, same_currency, symbol_parts

# symbol, base, quote, currency, kind; - is unknown. Each is written so by the venues named above it.
TABLE = """
# Binance, Bybit, MEXC: spot and perpetuals alike
BTCUSDT               BTC       USDT   USDT   unknown
BTCFDUSD              BTC       FDUSD  FDUSD  unknown
BTCBUSD               BTC       BUSD   BUSD   unknown
BTCTUSD               BTC       TUSD   TUSD   unknown
BTCUSDC               BTC       USDC   USDC   unknown
ETHBTC                ETH       BTC    BTC    unknown
LINKETH               LINK      ETH    ETH    unknown
USDTTRY               USDT      TRY    TRY    unknown
EURUSDT               EUR       USDT   USDT   unknown
1000PEPEUSDT          1000PEPE  USDT   USDT   unknown
1INCHUSDT             1INCH     USDT   USDT   unknown
SUSDT                 S         USDT   USDT   unknown
ETHEUR                ETH       EUR    EUR    unknown
# Bitstamp, Gemini and Kraken write spot so, BitMEX and Bybit inverse contracts
XBTUSD                BTC       USD    -      unknown
BTCUSD                BTC       USD    -      unknown
BATUSD                BAT       USD    -      unknown
DOTUSD                DOT       USD    -      unknown
SHIBUSD               SHIB      USD    -      unknown
OPUSD                 OP        USD    -      unknown
USDTUSD               -         -      -      unknown
QQTUSD                -         -      -      unknown
# Coinbase, KuCoin, OKX: spot; BingX, HTX, dYdX: perpetuals
BTC-USDT              BTC       USDT   USDT   unknown
BTC-USD               BTC       USD    USD    unknown
XBT-EUR               BTC       EUR    EUR    unknown
ETH-BTC               ETH       BTC    BTC    unknown
BTC_USDT              BTC       USDT   USDT   unknown
# Upbit and the old Poloniex put the quote currency first
KRW-BTC               -         -      -      unknown
KRW-USDT              -         -      -      unknown
USDT_BTC              -         -      -      unknown
BTC-ETH               -         -      -      unknown
# ccxt, Kraken's wsname, currency brokers
BTC/USDT              BTC       USDT   USDT   spot
BTC/USD               BTC       USD    USD    spot
BTC/BUSD              BTC       BUSD   BUSD   spot
XRP/ETH               XRP       ETH    ETH    spot
UNI/STETH             UNI       STETH  STETH  spot
XBT/USD               BTC       USD    USD    spot
EUR/USD               EUR       USD    USD    spot
BTC/USDT:USDT         BTC       USDT   USDT   perpetual
BTC/USD:BTC           BTC       USD    -      perpetual
BTC/USDT:USDT-260327  BTC       USDT   USDT   future
BTC/USD:BTC-260327    BTC       USD    -      future
ETH/USDT:USDT-261225-4000-C  ETH  USDT USDT   option
BTC/USD:BTC-260327-80000-P  BTC USD    -      option
# OKX, Binance, Bybit, Deribit, Paradex: contracts
BTC-USDT-SWAP         BTC       USDT   USDT   perpetual
BTC-USD-SWAP          BTC       USD    -      perpetual
BTC-USDT-260327       BTC       USDT   USDT   future
BTC-USD-260327        BTC       USD    -      future
BTC-USD-260327-80000-C  BTC     USD    -      option
BTCUSDT_260327        BTC       USDT   USDT   future
ETHUSD_PERP           ETH       USD    -      perpetual
BTCUSD_260327         BTC       USD    -      future
BTC-260327-80000-C    BTC       -      -      option
BTCUSDT-26DEC25       BTC       USDT   USDT   future
BTC-29MAR26           BTC       -      -      future
BTC-27DEC26-80000-C-USDT  BTC   USDT   USDT   option
ETH-27DEC26-4000-C    ETH       -      -      option
BTC-PERPETUAL         BTC       -      -      perpetual
BTC_USDC-PERPETUAL    BTC       USDC   USDC   perpetual
BTC_USDC-27DEC26-80000-P  BTC   USDC   USDC   option
XRP_USDC-27DEC26-0D5-C  XRP     USDC   USDC   option
ETH-USD-PERP          ETH       USD    USD    perpetual
# Coinbase International, Drift, Hyperliquid
BTC-PERP              BTC       -      -      perpetual
ETH                   ETH       -      -      unknown
# Kraken
XXBTZUSD              BTC       USD    USD    spot
XETHXXBT              ETH       BTC    BTC    spot
PF_XBTUSD             BTC       USD    USD    perpetual
PI_XBTUSD             BTC       USD    -      perpetual
FI_XBTUSD_260327      BTC       USD    -      future
FF_ETHUSD_260327      ETH       USD    USD    future
# WOO
SPOT_BTC_USDT         BTC       USDT   USDT   spot
PERP_ETH_USDT         ETH       USDT   USDT   perpetual
# Currency brokers, Interactive Brokers
EURUSD                EUR       USD    USD    spot
USDJPY                USD       JPY    JPY    spot
XAUUSD                XAU       USD    USD    spot
EUR_USD               EUR       USD    USD    spot
EUR.USD               EUR       USD    USD    spot
# Shares, funds, listed options and futures
AAPL                  -         -      -      unknown
BRK-B                 BRK-B     -      -      stock
BRK.B                 BRK.B     -      -      stock
BAC-PL                BAC-PL    -      -      stock
VOD.L                 VOD.L     -      -      stock
7203.T                7203.T    -      -      stock
GBTC                  -         -      -      unknown
FBTC                  -         -      -      unknown
ESZ25                 -         -      -      unknown
ES.FUT                ES        -      -      unknown
NAS100                -         -      -      unknown
AAPL251219C00150000   AAPL      USD    USD    option
# Tokens whose names end in another's
STETH                 STETH     -      -      unknown
WBTC                  WBTC      -      -      unknown
CBETH                 -         -      -      unknown
USDT                  USDT      -      -      unknown
"""
ROWS = [tuple(line.split()) for line in TABLE.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(("symbol", "base", "quote", "currency", "kind"), ROWS, ids=[row[0] for row in ROWS])
def test_a_symbol_says_what_venues_mean_by_it(symbol: str, base: str, quote: str, currency: str, kind: str) -> None:
    parts = symbol_parts(symbol)
    assert (parts.base or "-", parts.quote or "-", parts.currency or "-", parts.kind) == (base, quote, currency, kind)
    assert bool(parts.reason) == (currency == "-"), "what is unknown has a reason, and nothing else has"
    assert symbol_parts(symbol.lower()) == parts


def test_the_table_has_distinct_symbols() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS) >= 60


@given(st.text("ABCDUSTE0129._:/-", min_size=1, max_size=32) | st.from_regex(r"\A[A-Z0-9._:/-]{1,32}\Z"))
def test_any_symbol_is_read_and_a_named_currency_is_in_it(symbol: str) -> None:
    parts = symbol_parts(symbol)
    written = [parts.currency, *(code for code, same in SAME.items() if same == parts.currency)]
    assert not parts.currency or any(code in symbol for code in written) or parts.kind == "option"
    assert parts.currency in ("", parts.quote)
    assert bool(parts.reason) == (not parts.currency)


def test_xbt_is_btc() -> None:
    assert pnl_currency("ETH/XBT") == "BTC"
    assert same_currency("XBT", "BTC")
    assert not same_currency("BTC", "ETH")


def test_the_currency_tables_are_consistent() -> None:
    assert set(JOINED_QUOTES) <= KNOWN | {"XBT"}
    assert list(map(len, JOINED_QUOTES)) == sorted(map(len, JOINED_QUOTES), reverse=True)
    ranked = [code for codes in RANKS for code in codes]
    assert len(ranked) == len(set(ranked))
    assert set(ranked) <= KNOWN


def test_forms_of_one_market() -> None:
    assert {market_of(form) for form in ("XXBTZEUR", "XBTEUR", "XBT/EUR", "btc/eur", "BTC-EUR", "BTC_EUR")} == {
        ("BTC", "EUR", "spot")
    }
    assert market_of("BTC/USDT:USDT") == market_of("BTC-USDT-SWAP") == ("BTC", "USDT", "perpetual")
    assert not any(map(market_of, ("AAPL", "BTC-PERP", "BTC-USDT-260327", "AAPL251219C00150000", "")))

"""Currency codes that the rule for symbols knows. Data, no rules.

FIAT and METALS are the active codes of ISO 4217 (list one, 2024). STABLECOINS and COINS are what the spot markets of
Binance, Bitstamp, Bybit, Coinbase, Gate, Kraken, KuCoin, MEXC and OKX use as quote currencies, and the coins most
traded there. A code that is missing here makes a symbol's currency unknown, never wrong.
"""


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIAT = frozenset(
    _codes("""
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
    UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """)
)
"""ISO 4217, plus CNH: the offshore yuan, which currency brokers quote."""

METALS = frozenset(("XAG", "XAU", "XPD", "XPT"))

STABLECOINS = frozenset(
    _codes("""
    AEUR BUSD DAI EURC EURI EURQ EURR EURT FDUSD GUSD IDRT PYUSD RLUSD TUSD USD1 USDC USDE USDG USDP USDQ USDR USDS
    USDT XUSD
    """)
)

COINS = frozenset(
    _codes("""
    AAVE ADA ALGO APT AR ARB ATOM AVAX AXS BAT BCH BNB BONK BTC CAKE CHZ COMP CRO CRV DASH DOGE DOT EGLD ENA ENJ EOS
    ETC ETH FET FIL FLOW FTM GALA GRT HBAR HNT HT HYPE ICP IMX INJ IO IOTA JTO JUP KAS KCS LDO LINK LTC MANA MATIC MKR
    NEAR NEO OKB OMG OP ORDI PAXG PEPE POL PYTH QNT RENDER RUNE SAND SEI SHIB SNX SOL STETH STRK STX SUI TAO THETA TIA
    TON TRUMP TRX UNI VET WBTC WETH WIF WLD WLFI XBT XEC XLM XMR XRP XTZ YFI ZEC ZIL ZK ZRX
    """)
)

JOINED_QUOTES = _codes("""
    FDUSD PYUSD RLUSD BUSD IDRT TUSD USDC USDE USDP USDT USD1 EURI AEUR AUD BNB BRL BTC CAD CHF COP CZK DAI ETH EUR
    GBP IDR INR JPY KRW MXN NGN PLN RON RUB SEK TRY UAH USD XBT ZAR
    """)
"""Quote currencies at the end of a symbol without a separator, the longest first."""

RANKS = (FIAT, STABLECOINS, {"BTC", "XBT"}, {"ETH"}, {"BNB", "OKB", "KCS", "TRX", "DOGE", "SOL", "XRP"})
"""Order of quote currencies: in a pair written base first, the base never has an earlier rank than the quote."""

SAME = {"XBT": "BTC"}
"""Codes that are another name of the same currency."""

KNOWN = FIAT | METALS | STABLECOINS | COINS

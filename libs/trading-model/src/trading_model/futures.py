"""Common futures roots with their point values, as data. No rules.

A row has the root, the exchange, the currency, the value of one point of the price as exchanges and data vendors print
it, and the name. The source of each is the exchange's own contract specification; docs/instruments.md names them. A
root that is missing here leaves a future's P&L in points, never wrong.

Left out on purpose: roots that crypto venues use too (BTC, ETH, SOL), and contracts whose price is printed in
different units by different vendors (rough rice, micro grains, VIX minis).
"""

from decimal import Decimal

import msgspec


class Root(msgspec.Struct, frozen=True):
    """A futures root. One point of the price is worth `point_value` units of `currency` for one contract."""

    root: str
    exchange: str
    currency: str
    point_value: Decimal
    name: str


EXCHANGES = {
    "CME": ("CME", "CME_MINI", "XCME", "GLOBEX"),
    "CBOT": ("CBOT", "CBOT_MINI", "CBT", "XCBT", "ECBOT"),
    "NYMEX": ("NYMEX", "NYMEX_MINI", "NYM", "XNYM"),
    "COMEX": ("COMEX", "COMEX_MINI", "CMX", "XCEC"),
    "EUREX": ("EUREX", "XEUR", "DTB"),
    "B3": ("B3", "BMFBOVESPA", "BMF", "BVMF"),
}
"""Names of each exchange in the symbols of data vendors, with the ISO 10383 code of its market."""

MAY_BE_NEGATIVE = frozenset(("NYMEX",))
"""Exchanges whose energy contracts trade below zero, as crude oil did on 2020-04-20."""

SHARED_WITH_MOSCOW = frozenset(("SI", "NG"))
"""Roots that the Moscow Exchange uses too, always with one digit for the year: SiZ6 is a US dollar future there."""

_TABLE = """
ES    CME    USD  50        E-mini S&P 500
MES   CME    USD  5         Micro E-mini S&P 500
NQ    CME    USD  20        E-mini Nasdaq-100
MNQ   CME    USD  2         Micro E-mini Nasdaq-100
RTY   CME    USD  50        E-mini Russell 2000
M2K   CME    USD  5         Micro E-mini Russell 2000
EMD   CME    USD  100       E-mini S&P MidCap 400
NKD   CME    USD  5         Nikkei 225 in dollars
NIY   CME    JPY  500       Nikkei 225 in yen
6A    CME    USD  100000    Australian dollar
6B    CME    USD  62500     British pound
6C    CME    USD  100000    Canadian dollar
6E    CME    USD  125000    Euro
6J    CME    USD  12500000  Japanese yen
6L    CME    USD  100000    Brazilian real
6M    CME    USD  500000    Mexican peso
6N    CME    USD  100000    New Zealand dollar
6S    CME    USD  125000    Swiss franc
E7    CME    USD  62500     E-mini euro
J7    CME    USD  6250000   E-mini Japanese yen
M6A   CME    USD  10000     Micro Australian dollar
M6B   CME    USD  6250      Micro British pound
M6E   CME    USD  12500     Micro euro
MCD   CME    USD  10000     Micro Canadian dollar
MSF   CME    USD  12500     Micro Swiss franc
MJY   CME    USD  1250000   Micro Japanese yen
SR3   CME    USD  2500      Three-month SOFR
SR1   CME    USD  4167      One-month SOFR
LE    CME    USD  400       Live cattle, cents a pound
GF    CME    USD  500       Feeder cattle, cents a pound
HE    CME    USD  400       Lean hogs, cents a pound
MBT   CME    USD  0.1       Micro bitcoin
MET   CME    USD  0.1       Micro ether
YM    CBOT   USD  5         E-mini Dow
MYM   CBOT   USD  0.5       Micro E-mini Dow
ZB    CBOT   USD  1000      US Treasury bond
UB    CBOT   USD  1000      Ultra US Treasury bond
ZN    CBOT   USD  1000      10-year US Treasury note
TN    CBOT   USD  1000      Ultra 10-year US Treasury note
ZF    CBOT   USD  1000      5-year US Treasury note
ZT    CBOT   USD  2000      2-year US Treasury note
ZQ    CBOT   USD  4167      30-day federal funds
ZC    CBOT   USD  50        Corn, cents a bushel
ZS    CBOT   USD  50        Soybeans, cents a bushel
ZW    CBOT   USD  50        Chicago wheat, cents a bushel
KE    CBOT   USD  50        Kansas City wheat, cents a bushel
ZO    CBOT   USD  50        Oats, cents a bushel
ZM    CBOT   USD  100       Soybean meal
ZL    CBOT   USD  600       Soybean oil, cents a pound
XC    CBOT   USD  10        Mini corn, cents a bushel
XK    CBOT   USD  10        Mini soybeans, cents a bushel
XW    CBOT   USD  10        Mini wheat, cents a bushel
CL    NYMEX  USD  1000      WTI crude oil
QM    NYMEX  USD  500       E-mini crude oil
MCL   NYMEX  USD  100       Micro WTI crude oil
BZ    NYMEX  USD  1000      Brent last day
NG    NYMEX  USD  10000     Henry Hub natural gas
QG    NYMEX  USD  2500      E-mini natural gas
MNG   NYMEX  USD  1000      Micro Henry Hub natural gas
HO    NYMEX  USD  42000     NY Harbor ULSD
RB    NYMEX  USD  42000     RBOB gasoline
PL    NYMEX  USD  50        Platinum
PA    NYMEX  USD  100       Palladium
GC    COMEX  USD  100       Gold
QO    COMEX  USD  50        E-mini gold
MGC   COMEX  USD  10        Micro gold
SI    COMEX  USD  5000      Silver
QI    COMEX  USD  2500      E-mini silver
SIL   COMEX  USD  1000      Micro silver
HG    COMEX  USD  25000     Copper
QC    COMEX  USD  12500     E-mini copper
MHG   COMEX  USD  2500      Micro copper
FDAX  EUREX  EUR  25        DAX
FDXM  EUREX  EUR  5         Mini-DAX
FDXS  EUREX  EUR  1         Micro-DAX
FESX  EUREX  EUR  10        EURO STOXX 50
FSXE  EUREX  EUR  1         Micro EURO STOXX 50
FXXP  EUREX  EUR  50        STOXX Europe 600
FVS   EUREX  EUR  100       VSTOXX
FSMI  EUREX  CHF  10        SMI
FGBL  EUREX  EUR  1000      Euro-Bund
FGBM  EUREX  EUR  1000      Euro-Bobl
FGBS  EUREX  EUR  1000      Euro-Schatz
FGBX  EUREX  EUR  1000      Euro-Buxl
FBTP  EUREX  EUR  1000      Long-term Euro-BTP
FOAT  EUREX  EUR  1000      Euro-OAT
WIN   B3     BRL  0.2       Mini Ibovespa
IND   B3     BRL  1         Ibovespa
WDO   B3     BRL  10        Mini US dollar, reais for 1,000 dollars
DOL   B3     BRL  50        US dollar, reais for 1,000 dollars
CCM   B3     BRL  450       Corn, a bag of 60 kg
BGI   B3     BRL  330       Live cattle, an arroba
"""


def _read(row: str) -> Root:
    root, exchange, currency, point_value, name = row.split(maxsplit=4)
    return Root(root, exchange, currency, Decimal(point_value), name)


ROOTS = {each.root: each for each in map(_read, _TABLE.strip().splitlines())}

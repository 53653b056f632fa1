"""Rows that are one trade together are read as one, exactly; rows that are not say so."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import zip_longest
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_files.document import read_document
from trading_files.interpret import Interpreter
from trading_files.mapping import groups
from trading_files.mapping.load import load
from trading_files.presets import shelf
from trading_files.reading.read import read
from trading_files.reading.tables import Row, Rows, Table
from trading_files.readings import BadRow, Choices, EventRow, FillRow, Question, Reading
from trading_model.symbols import customary_pair

MAPPING = """
numbers: {decimal: "."}
times: {zone: UTC}
group:
  by: [Id, Id of the order]
  when: {Kind: [leg, fee]}
  coin: Coin
  amount: Amount
  fee: Charge
  fees: {Kind: [fee]}
fields:
  ts: Time
  symbol: {text: "{trade.base}/{trade.quote}"}
  side: {sign_of: trade.base_amount}
  qty: {column: trade.base_amount, absolute: true}
  price: {quotient_of: [trade.quote_amount, trade.base_amount], absolute: true}
  fee: trade.fee
  fee_currency: trade.fee_coin
  trade_id: Id
rows:
  - when: {Kind: [move]}
    skip: a transfer
  - when: {trade.base: {empty: false}}
    fill: {}
"""
LEDGERS = "txid,refid,time,type,subtype,aclass,asset,amount,fee,balance"
NAMES = ("Id", "Time", "Kind", "Coin", "Amount", "Charge")


def said(text: str, *lines: str, mapping: str = MAPPING, choices: Choices | None = None) -> list[Reading]:
    """What lines of cells say, the first as line 2; columns are NAMES."""
    rows = [
        Row(
            place,
            {name: cell for name, cell in zip_longest(NAMES, line.split(), fillvalue="") if cell not in ("", "-")},
        )
        for place, line in enumerate((text, *lines), 2)
    ]
    return list(Interpreter(load(mapping, "map.yml"), choices).readings(Table("", NAMES, Rows(rows))))


def problem(*lines: str, mapping: str = MAPPING) -> str:
    (bad,) = said(*lines, mapping=mapping)
    assert isinstance(bad, BadRow), bad
    return bad.message


BOUGHT = ("a 2026-01-05T10:00:00Z leg BTC 0.5", "a 2026-01-05T10:00:00Z leg EUR -100.5")
SOLD = ("b 2026-01-05T10:00:00Z leg BTC -2", "b 2026-01-05T10:00:00Z leg EUR 400")


def members(reading: Reading) -> dict[str, str]:
    assert isinstance(reading, FillRow), reading
    return reading.members


def test_rows_of_one_trade_are_one_fill_in_any_order() -> None:
    for rows in (BOUGHT, BOUGHT[::-1]):
        (found,) = said(*rows)
        assert members(found).items() >= {"symbol": "BTC/EUR", "side": "buy", "qty": "0.5", "price": "201"}.items()
    (found,) = said(*SOLD)
    assert members(found).items() >= {"symbol": "BTC/EUR", "side": "sell", "qty": "2", "price": "200"}.items()


def test_groups_may_stand_among_rows_of_others() -> None:
    found = said(BOUGHT[0], SOLD[0], "x 2026-01-05T10:00:00Z move EUR 5", SOLD[1], BOUGHT[1])
    assert [(one.place, one.members["trade_id"]) for one in found if isinstance(one, FillRow)] == [(5, "b"), (6, "a")]


def test_rows_of_one_trade_are_added_up_exactly() -> None:
    amounts = ["0.1", "0.2", "0.000000000000000000000000000000000003"]
    rows = [f"a 2026-01-05T10:00:00Z leg BTC {amount}" for amount in amounts]
    found, _ = said(*rows, "a 2026-01-05T10:00:00Z leg EUR -3")
    assert members(found)["qty"] == "0.300000000000000000000000000000000003"


def test_fees_of_rows_and_of_columns_are_one() -> None:
    (found,) = said(*BOUGHT[:1], f"{BOUGHT[1]} 0.25", "a 2026-01-05T10:00:00Z fee EUR -0.5")
    assert members(found).items() >= {"fee": "0.75", "fee_currency": "EUR"}.items()


def test_a_trade_whose_other_side_was_rounded_to_0_has_no_price() -> None:
    said_so = problem("a 2026-01-05T10:00:00Z leg BTC -0.0000000004", "a 2026-01-05T10:00:00Z leg EUR 0.0000")
    assert "an amount of 0 EUR, so without a price" in said_so


def test_a_fee_of_0_is_none() -> None:
    (found,) = said(f"{BOUGHT[0]} 0.00", f"{BOUGHT[1]} 0")
    assert not members(found).keys() & {"fee", "fee_currency"}


def test_a_second_fee_that_no_rule_takes_is_refused() -> None:
    rows = (f"{BOUGHT[0]} 0.001", f"{BOUGHT[1]} 0.25")
    assert "fees in several coins, BTC and EUR" in problem(*rows)
    each = """    make:
      - fill: {}
      - each: trade.fees
        cash: {amount: "trade.fees.#.fee", currency: "trade.fees.#.coin", reason: {value: commission}}
"""
    fill, cash = said(*rows, mapping=MAPPING.replace("    fill: {}\n", each))
    assert members(fill).items() >= {"fee": "0.001", "fee_currency": "BTC"}.items(), (
        "that in the base stays beside the fill"
    )
    assert isinstance(cash, EventRow)
    assert cash.members.items() >= {"amount": "0.25", "currency": "EUR"}.items()


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (BOUGHT[:1], "not all here (received BTC, paid nothing)"),
        (BOUGHT[1:], "not all here (received nothing, paid EUR)"),
        (("a 2026-01-05T10:00:00Z fee EUR -1",), "not all here (received nothing, paid nothing)"),
        ((*BOUGHT, "a 2026-01-05T10:00:00Z leg ETH 1"), "several trades at once"),
        ((*BOUGHT, "a 2026-01-05T10:00:00Z leg BTC -1"), "several trades at once"),
        (("a 2026-01-05T10:00:00Z leg BTC 1", "a 2026-01-05T10:00:00Z leg BTC -1"), "several trades at once"),
        ((BOUGHT[0], BOUGHT[1].replace("-100.5", "much")), "Amount 'much' is not a number"),
        ((BOUGHT[0], BOUGHT[1].replace("-100.5", "-1,000")), "decimal"),
        ((BOUGHT[0], BOUGHT[1].replace("EUR", "-")), "names no coin"),
    ],
)
def test_rows_that_are_no_whole_trade_are_refused(rows: tuple[str, ...], why: str) -> None:
    assert why in problem(*rows)


def test_coins_with_columns_of_their_own() -> None:
    wide = MAPPING[: MAPPING.index("  by:")] + "  when: {Kind: [trade]}\n  amounts_in: '* sum'\n  fees_in: Fee in *\n"
    wide += MAPPING[MAPPING.index("fields:") :]
    cells = {"Id": "a", "Time": "2026-01-05T10:00:00Z", "Kind": "trade", "BTC sum": "(0.5 BTC)", "EUR sum": "€100"}
    columns = (*cells, "ETH sum", "Fee in EUR")
    rows = Rows(
        [Row(2, cells | {"Fee in EUR": "(0.25)"}), Row(3, {"Kind": "move"}), Row(4, cells | {"ETH sum": "1 ETH"})]
    )
    sold, _, bad = Interpreter(load(wide, "map.yml")).readings(Table("", columns, rows))
    assert members(sold).items() >= {"side": "sell", "qty": "0.5", "price": "200", "fee": "0.25"}.items()
    assert isinstance(bad, BadRow)
    assert "several trades at once" in bad.message


def test_the_coins_of_a_group_are_bounded() -> None:
    rows = [f"a 2026-01-05T10:00:00Z leg C{number} 1" for number in range(5)]
    assert "received C0 and C1 and C2 and 2 more, paid nothing" in problem(*rows)
    rows = [f"a 2026-01-05T10:00:00Z leg C{number} 1" for number in range(groups.MAX_COINS + 1)]
    assert "more than 100 coins" in problem(*rows)


def test_a_row_that_names_no_group_is_left_to_the_rules() -> None:
    (bad,) = said("- 2026-01-05T10:00:00Z leg BTC 1")
    assert isinstance(bad, BadRow)


def test_texts_that_the_rows_do_not_share_are_none_of_the_trade() -> None:
    (bad,) = said(BOUGHT[0], BOUGHT[1].replace("10:00:00", "10:00:01"))
    assert isinstance(bad, BadRow)
    assert (bad.column, bad.message) == ("Time", "is empty")


def test_a_decimal_comma_stays_one() -> None:
    comma = MAPPING.replace('"."', '","')
    (found,) = said(BOUGHT[0].replace(".", ","), BOUGHT[1].replace(".", ","), mapping=comma)
    assert members(found).items() >= {"qty": "0.5", "price": "201"}.items()


def test_groups_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MAX_OPEN", 1)
    found = said(BOUGHT[0], SOLD[0], SOLD[1], BOUGHT[1])
    assert [type(one) for one in found] == [BadRow, FillRow, BadRow], "torn trades are refused, not halved"


def test_a_column_of_groups_that_is_missing_is_named() -> None:
    (bad,) = said(BOUGHT[0], mapping=MAPPING.replace("Coin\n", "Currency\n"))
    assert isinstance(bad, BadRow)
    assert "Currency" in bad.column


def test_a_pair_is_the_same_whichever_was_paid() -> None:
    pairs = ["BTC/EUR", "ETH/USDT", "ETH/BTC", "USDT/EUR", "EUR/USD", "ADA/SOL", "ADA/BNB", "ADA/DOT"]
    for pair in pairs:
        one, other = pair.split("/")
        assert "/".join(customary_pair(one, other)) == "/".join(customary_pair(other, one)) == pair


def test_ledgers_of_kraken_are_asked_about() -> None:
    text = f"{LEDGERS}\nL,T,2024-01-01 10:00:00,trade,,currency,EUR,1,0,1\n"
    document = read(io.BytesIO(text.encode()), headers=shelf.headers())
    (asked,) = read_document(document, shelf.outlines())
    assert isinstance(asked, Question)
    assert asked.choices == ("kraken-ledgers", "kraken-ledgers-alone")


# Any trades, as exchanges write them

COINS = ("BTC", "EUR", "USDT", "ETH", "ADA", "SOL", "BNB", "1INCH")
CODES = {"BTC": "XXBT", "EUR": "ZEUR", "ETH": "XETH"}
AMOUNTS = st.decimals("0.00000001", "99999999", places=8)
START = datetime(2024, 3, 30, 23, 59, 50, tzinfo=UTC)


@dataclass(frozen=True)
class Legs:
    """What a trade is in a statement: rows of a coin and an amount, and fees, more than 0 if paid."""

    received: str
    paid: str
    received_parts: list[Decimal]
    paid_parts: list[Decimal]
    fees: list[tuple[str, Decimal]]

    def expected(self) -> dict[str, str]:
        base, quote = customary_pair(self.received, self.paid)
        sums = {self.received: sum(self.received_parts), self.paid: sum(self.paid_parts)}
        with localcontext(prec=200):
            price = Decimal(sums[quote]) / Decimal(sums[base])
        return {
            "base": base,
            "quote": quote,
            "side": "buy" if base == self.received else "sell",
            "qty": format(Decimal(sums[base]), "f"),
            "price": format(price, "f"),
        }


@st.composite
def trades(draw: st.DrawFn) -> Legs:
    received, paid = draw(st.permutations(COINS).map(lambda coins: coins[:2]))
    parts = st.lists(AMOUNTS, min_size=1, max_size=3)
    fees = draw(st.lists(st.tuples(st.sampled_from([received, paid, "BNB"]), AMOUNTS), max_size=3))
    return Legs(received, paid, draw(parts), draw(parts), fees)


def check(legs: Legs, fill: FillRow, others: list[EventRow]) -> None:
    """A fill and the fees beside it against what was written."""
    expected, found = legs.expected(), fill.members
    assert (found["side"], Decimal(found["qty"])) == (expected["side"], Decimal(expected["qty"]))
    with localcontext(prec=200):
        price = Decimal(expected["price"])
        rounded = max(price.scaleb(-29), Decimal("1e-38"))
        assert abs(Decimal(found["price"]) - price) <= rounded, "of more than 38 digits, 30 are kept"
    sums: dict[str, Decimal] = {}
    for coin, fee in legs.fees:
        sums[coin] = sums.get(coin, Decimal()) + fee
    got = {found["fee_currency"]: Decimal(found["fee"])} if "fee" in found else {}
    got |= {one.members["currency"]: -Decimal(one.members["amount"]) for one in others}
    assert got == {coin: fee for coin, fee in sums.items() if fee}


def imported(text: str, name: str) -> tuple[list[FillRow], dict[str, list[EventRow]]]:
    """The fills of a file, and the money by its time."""
    document = read(io.BytesIO(text.encode()), headers=shelf.headers())
    found = list(read_document(document, (shelf.preset(name),)))
    assert not [one for one in found if isinstance(one, BadRow | Question)]
    events: dict[str, list[EventRow]] = {}
    for one in found:
        if isinstance(one, EventRow):
            events.setdefault(one.members["ts"], []).append(one)
    return [one for one in found if isinstance(one, FillRow)], events


@given(st.lists(trades(), min_size=1, max_size=6), st.randoms(use_true_random=False), st.booleans())
def test_any_trades_of_a_binance_statement(some: list[Legs], random: Random, newest_first: bool) -> None:
    lines, times = [], []
    for number, legs in enumerate(some):
        moment = f"{START + timedelta(seconds=number):%Y-%m-%d %H:%M:%S}"
        times.append(moment.replace(" ", "T") + "Z")
        rows = [("Buy", legs.received, part) for part in legs.received_parts]
        rows += [("Transaction Related", legs.paid, -part) for part in legs.paid_parts]
        rows += [("Fee", coin, -fee) for coin, fee in legs.fees]
        random.shuffle(rows)
        lines += [f"7,{moment},Spot,{what},{coin},{amount:f}," for what, coin, amount in rows]
    if newest_first:
        lines.reverse()
    text = "\n".join(["User_ID,UTC_Time,Account,Operation,Coin,Change,Remark", *lines, ""])
    fills, events = imported(text, "binance-statements")
    by_time = {fill.members["ts"]: fill for fill in fills}
    assert len(fills) == len(by_time) == len(some)
    for moment, legs in zip(times, some, strict=True):
        fill = by_time[moment]
        base, quote = customary_pair(legs.received, legs.paid)
        assert (fill.members["symbol"], fill.members["currency"]) == (f"{base}{quote}", quote)
        assert fill.members["trade_id"] == moment
        check(legs, fill, events.get(moment, []))


@given(st.lists(trades(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_trades_of_kraken_ledgers(some: list[Legs], random: Random) -> None:
    lines = []
    for number, legs in enumerate(some):
        rows = [(legs.received, part, Decimal()) for part in legs.received_parts]
        rows += [(legs.paid, -part, Decimal()) for part in legs.paid_parts]
        rows += [(coin, Decimal(), fee) for coin, fee in legs.fees]
        moment = f"{START + timedelta(seconds=number):%Y-%m-%d %H:%M:%S}"
        lines += [
            f"L{number}-{at},T{number},{moment},trade,,currency,{CODES.get(coin, coin)},{amount:f},{fee:f},1"
            for at, (coin, amount, fee) in enumerate(rows)
        ]
    random.shuffle(lines)
    text = "\n".join([LEDGERS, *lines, ""])
    fills, events = imported(text, "kraken-ledgers-alone")
    by_id = {fill.members["trade_id"]: fill for fill in fills}
    assert len(fills) == len(by_id) == len(some)
    for number, legs in enumerate(some):
        fill = by_id[f"T{number}"]
        base, quote = customary_pair(legs.received, legs.paid)
        assert fill.members["symbol"] == f"{base}/{quote}"
        check(legs, fill, events.get(fill.members["ts"], []))

"""Rows as traders have them, sent through the API: each figure is right to the last digit.

A test does by hand what reading a file does: it renames columns, splits `43.7VET` into a number and a currency, turns
local times into UTC. What the rows say stays as it is. data/README.md has the sources.
"""

from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from tests.field_cases.conftest import Desk, Row
from tests.ledger.keeper import expect
from tests.trading_app.hooks.conftest import Hooks


def number(text: str) -> str:
    """The number at the beginning of `43.7VET`, ` 4 106.170` or `1.000,50`, in plain digits."""
    text = text.replace(" ", "")
    if "," in text:
        text = text.replace(".", "").replace(",", ".")
    return text.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def named(row: Row, *names: str) -> dict[str, str]:
    """Those members of a row that already have our names."""
    return {name: row[name] for name in names if row.get(name)}


def test_01_spot_history_with_fees_in_bnb(desk: Desk) -> None:
    for index, row in enumerate(desk.rows("01-binance-spot-trade-history.csv")):
        trade = {"trade_id": f"01-{index}", "ts": row["Date(UTC)"].replace(" ", "T") + "Z", "symbol": row["Pair"]}
        trade |= {"side": row["Side"], "price": row["Price"], "qty": number(row["Executed"])}
        desk.post(trade | {"fee": number(row["Fee"]), "fee_currency": "BNB"})
    expect(desk.position("ADAUSDT"), quantity="17.07", average=Fraction("30.018017") / Fraction("17.07"))
    expect(desk.position("XMRUSDT"), quantity="-0.022", sold_more_than_known=True)
    expect(desk.position("LTCUSDT"), quantity=0, realised="0.3215259")
    expect(desk.position("VETUSDT"), quantity="87.4", average="0.230245", unrealised="-0.093955")
    symbols = ("ADAUSDT", "XMRUSDT", "LTCUSDT", "VETUSDT")
    fees = [desk.position(symbol).fees_outside["BNB"] for symbol in symbols]
    assert sum(fees) == Fraction("0.00009236")
    desk.say("rate", base="BNB", quote="USDT", rate="650", ts="2021-05-09T00:00:00Z", max_age=86_400)
    assert sum(desk.position(symbol).fees_in_net for symbol in symbols) == Fraction("0.00009236") * 650
    expect(desk.position("LTCUSDT"), net=Fraction("0.3215259") - Fraction("0.00002323") * 650)


def test_03_sale_listed_before_the_purchase(desk: Desk) -> None:
    for row in desk.rows("03-coinbase-fills.csv"):
        trade = {"trade_id": row["trade id"], "symbol": row["product"], "side": row["side"], "ts": row["created at"]}
        fee = {"fee": row["fee"], "fee_currency": row["price/fee/total unit"]}
        desk.post(trade | fee | {"qty": row["size"], "price": row["price"]})
    expect(
        desk.position("BAT-ETH"),
        quantity=2,
        average="0.0013",
        realised="0.00001511",
        unrealised="0.00003022",
        net="0.00001925445",
    )


def test_05_ccxt_trade_with_a_fee_in_bnb(desk: Desk) -> None:
    (trade,) = desk.messages("05-ccxt-my-trades.json")
    desk.post(
        {
            "trade_id": trade["id"],
            "order_id": trade["order"],
            "symbol": trade["symbol"],
            "ts": trade["datetime"],
            "side": trade["side"],
            "price": trade["price"],
            "qty": str(trade["amount"]),
            "fee": trade["fee"]["cost"],
            "fee_currency": trade["fee"]["currency"],
        }
    )
    position = desk.position("MANA/BTC")
    expect(position, quantity=100, average="0.00001185", net=0)
    assert dict(position.fees_outside) == {"BNB": Fraction("0.00023406")}
    (journaled,) = desk.journaled("MANA/BTC")
    assert (journaled["trade_id"], journaled["order_id"]) == ("1000001", "2000002")


def test_06_funding_is_no_fill(desk: Desk) -> None:
    for row in desk.messages("06-ccxt-bybit-funding-row.json"):
        of = {"symbol": row["symbol"], "ts": row["datetime"]}
        if row["info"]["execType"] == "Funding":
            amount = row["info"]["execFee"].removeprefix("-")  # + is paid there
            currency = row["fee"]["currency"]
            desk.say("cash", id=row["id"], amount=amount, currency=currency, reason="funding", strategy="default", **of)
            continue
        trade = {"trade_id": row["id"], "side": row["side"], "price": row["price"], "qty": row["amount"]}
        fee = {"fee": row["fee"]["cost"], "fee_currency": row["fee"]["currency"]}
        desk.post(trade | of | fee | {"multiplier": "1"})
    position = desk.position("LTC/USDT:USDT")
    expect(position, quantity=0, realised="1.6", fees_in_net="0.11088", net="1.50401538")
    expect(position, income="0.01489538")


def check_bitvavo(desk: Desk) -> None:
    """What case 07 holds, whichever file its rows come from."""
    position = desk.position("ETH-EUR")
    cost = Fraction("0.0053543") * Fraction("1862.8") + Fraction("0.00535965") * 1863
    expect(
        position,
        quantity="0.01071395",
        average=cost / Fraction("0.01071395"),
        realised="0.014065218",
        unrealised="-0.00107193",
        fees_in_net="0.115047228",
        net=Fraction("-0.10205394"),
    )


def test_07_newest_row_first_and_a_deposit(desk: Desk) -> None:
    rows = desk.rows("07-bitvavo-newest-first.csv")
    for row in rows:
        local = datetime.fromisoformat(f"{row['Date']}T{row['Time']}").replace(tzinfo=ZoneInfo(row["Timezone"]))
        ts = local.isoformat()
        if row["Type"] == "deposit":
            desk.say(
                "cash",
                id=row["Transaction ID"],
                amount=row["Amount"],
                currency=row["Currency"],
                reason="deposit",
                ts=ts,
            )
            continue
        trade = {"trade_id": row["Transaction ID"], "ts": ts, "side": row["Type"], "qty": row["Amount"].lstrip("-")}
        fee = {"fee": row["Fee amount"], "fee_currency": row["Fee currency"]}
        symbol = f"{row['Currency']}-{row['Quote Currency']}"
        desk.post(trade | fee | {"symbol": symbol, "price": row["Quote Price"]})
    check_bitvavo(desk)
    cash = {key.reason: amount for key, amount in desk.figures().cash.items() if key.account == desk.account}
    assert cash == {"deposit": 10}


def test_07b_newest_row_first_in_our_columns(desk: Desk) -> None:
    desk.post(*desk.rows("07b-newest-first-own-columns.csv"))
    check_bitvavo(desk)
    assert desk.figures().last["ETH-EUR"] == Fraction("1862.8")


def test_09_one_trade_id_for_two_symbols(desk: Desk) -> None:
    answer = desk.post(*desk.rows("09-same-trade-id-two-symbols.csv"))
    assert (answer["accepted"], answer["duplicates"]) == (3, 0)
    expect(desk.position("BNBBTC"), quantity=12)
    expect(desk.position("LTCBTC"), quantity=1, realised="0.0005")


def test_11_one_id_on_two_lines_is_said(desk: Desk) -> None:
    """The lines are equal in all that was sent, so the second is a duplicate, and the answer counts it as one."""
    rows = desk.rows("11-ids-mangled-by-excel.csv")
    answer = desk.post(*rows)
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    answer = desk.post(rows[1] | {"trade_id": "465748000001"})
    assert answer["accepted"] == 1
    expect(desk.position("MNQM6"), quantity=0, realised=Fraction("-1.25") * 10 * 2)


def test_13_the_same_fills_in_another_writing(desk: Desk) -> None:
    """Ids as an import makes them from what the rows say; a fee of 0 is none."""
    answers = []
    for name in ("13a-first-export.csv", "13b-second-export.csv"):
        trades = []
        for index, row in enumerate(desk.rows(name)):
            trades.append({"trade_id": f"13-{index}"} | named(row, "ts", "symbol", "side", "qty", "price"))
        answers.append(desk.post(*trades))
    assert [(answer["accepted"], answer["duplicates"]) for answer in answers] == [(2, 0), (0, 2)]
    expect(desk.position("SPY"), quantity=0, realised="47.301")


def test_14_point_value_of_a_future(desk: Desk) -> None:
    for index, row in enumerate(desk.rows("14-futures-point-value.csv")):
        local = datetime.strptime(row["Exec Time"], "%m/%d/%y %H:%M:%S").replace(tzinfo=ZoneInfo("America/New_York"))
        trade = {"trade_id": f"14-{index}", "ts": local.isoformat(), "symbol": row["Symbol"], "side": row["Side"]}
        desk.post(trade | {"qty": row["Qty"].lstrip("+-"), "price": row["Price"]})
    expect(desk.position("/NQM26"), quantity=0, realised=125, in_points=False)
    assert currency_of(desk, "/NQM26") == "USD"


def currency_of(desk: Desk, symbol: str) -> str:
    """The currency of the account's only position in a symbol."""
    keys = desk.figures().positions
    (currency,) = [key.currency for key in keys if (key.account, key.symbol) == (desk.account, symbol)]
    return currency


def test_17_lots(desk: Desk) -> None:
    desk.say("instrument", symbol="XAUUSDm", currency="USD", multiplier="100")
    desk.say("instrument", symbol="AUDUSDm", currency="USD", multiplier="100000")
    lines = desk.rows("17-mt5-report-lots.csv", skip=3)[:2]
    for row, price in zip(lines, ("4106.170", "0.69156"), strict=True):
        assert number(row["Price"]) != price  # the last of the two columns of that name
        other = "buy" if row["Type"] == "sell" else "sell"
        opened, closed = {"111": ("10:00", "10:15"), "112": ("11:00", "11:15")}[row["Position"]]
        trade = {"symbol": row["Symbol"], "qty": row["Volume"]}
        opening = {"ts": f"2026-01-01T{opened}:00Z", "side": row["Type"], "price": price}
        closing = {"ts": f"2026-01-01T{closed}:00Z", "side": other, "price": number(row["Price"])}
        desk.post(trade | opening | {"trade_id": row["Position"]}, trade | closing | {"trade_id": row["Position"]})
    positions = {
        key.symbol.upper(): one for key, one in desk.figures().positions.items() if key.account == desk.account
    }
    expect(positions["XAUUSDM"], quantity=0, realised="20.308")
    expect(positions["AUDUSDM"], quantity=0, realised="-2.5")


def test_18_fee_in_the_base(desk: Desk) -> None:
    desk.post(*desk.rows("18-fee-in-base.csv"))
    expect(desk.position("MDT/USDT"), quantity="0.0117", net="-0.036219647")


def test_21_split(desk: Desk) -> None:
    desk.post(*({"currency": "USD", "trade_id": row["ts"]} | row for row in desk.rows("21-split.csv")))
    desk.say("split", symbol="AAPL", n=4, d=1, ts="2020-08-31T00:00:00Z")
    expect(desk.position("AAPL"), quantity=0, realised=240)


def test_22_brazilian_contract_and_share(desk: Desk) -> None:
    for index, row in enumerate(desk.rows("22-decimal-comma.csv", delimiter=";")):
        day, month, year = row["Data"].split("/")
        ts = f"{year}-{month}-{day}T{row['Hora']}:00-03:00"  # São Paulo
        quantity = row["Quantidade"].replace(".", "")
        trade = {
            "trade_id": f"22-{index}",
            "ts": ts,
            "symbol": row["Ativo"],
            "side": {"C": "buy", "V": "sell"}[row["C/V"]],
        }
        desk.post(trade | {"qty": quantity, "price": number(row["Preço"]), "currency": "BRL"})
    expect(desk.position("WINZ26"), quantity=0, realised=100)
    expect(desk.position("PETR4"), quantity=500, average="38.1", realised=250)


def test_26_listed_option_with_rebates(desk: Desk) -> None:
    for index, row in enumerate(desk.rows("26-occ-symbols-and-text-marks.csv")):
        local = datetime.fromisoformat(row["DateTime"].lstrip("'")).replace(tzinfo=ZoneInfo("America/New_York"))
        side = "sell" if row["Quantity"].startswith("-") else "buy"
        trade = {"trade_id": f"26-{index}", "ts": local.isoformat(), "symbol": row["Symbol"], "side": side}
        commission = row["Commission"]  # + is received there
        fee = commission.removeprefix("-") if commission.startswith("-") else f"-{commission}"
        amounts = {"qty": row["Quantity"].lstrip("-"), "price": row["Price"], "fee": fee, "fee_currency": "USD"}
        desk.post(trade | amounts)
    position = desk.position("AVAV260109C00320000")
    expect(position, quantity=0, realised=90, fees_in_net="-1.19842", net="91.19842")


@pytest.mark.parametrize("form", ["json", "form", "raw"])
def test_28_bot_messages(desk: Desk, hooks: Hooks, form: str) -> None:
    messages = desk.messages("28-freqtrade-webhook-messages.json")
    template = messages[0].pop("config")["entry_fill"]
    kept = desk.send_to_webhook(hooks.path(form), template, form)
    assert (kept["status"], kept["reason"][:20]) == ("unread", "add to the template:")
    for message in messages:
        assert desk.send_to_webhook(hooks.path(form), message, form)["status"] == "accepted"
    for message in messages:
        assert desk.send_to_webhook(hooks.path(form), message, form)["status"] == "known"
    expect(desk.position("BONK/USD"), quantity=0, realised="0.245577189")
    expect(desk.position("UNFI/USDT:USDT"), quantity=0, realised="12.2830953828808785")
    expect(desk.position("BTC/USDT"), quantity="0.00045", average="43921.39", realised="-0.0093105")


def test_31_currencies_are_never_added(desk: Desk) -> None:
    for index, row in enumerate(desk.rows("31-two-currencies.csv")):
        desk.post({"trade_id": f"31-{index}"} | row | ({"currency": "USD"} if row["symbol"] == "AAPL" else {}))
    realised = {
        key.currency: one.realised for key, one in desk.figures().positions.items() if key.account == desk.account
    }
    assert realised == {"HKD": 1000, "USD": -10, "JPY": 3750}
    totals = desk.figures().totals
    assert totals["JPY"].realised == 3750
    assert "" not in totals


def test_35_fee_in_a_currency_that_the_symbol_does_not_name(desk: Desk) -> None:
    for row in desk.rows("35-fee-currency-not-in-symbol.csv"):
        said = {"currency": "USD"} if row["symbol"] == "AAPL" else {"multiplier": "1"}
        desk.post(row | said)
    expect(desk.position("AAPL"), realised=100, net=98)
    expect(desk.position("BTC-USDT-SWAP"), realised=100, net="39.95")


def test_40_history_that_begins_in_the_middle(desk: Desk) -> None:
    desk.post(*desk.rows("40-spot-history-begins-in-the-middle.csv"))
    expect(desk.position("XMRUSDT"), quantity="-0.022", sold_more_than_known=True)
    desk.say(
        "opening",
        symbol="XMRUSDT",
        quantity="0.022",
        average="400",
        strategy="default",
        ts="2021-05-01T00:00:00Z",
    )
    expect(
        desk.position("XMRUSDT"), quantity=0, sold_more_than_known=False, realised=Fraction("0.022") * Fraction("73.74")
    )

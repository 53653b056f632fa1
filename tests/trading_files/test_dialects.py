"""Random trades, written in a random dialect of a kind of file, are read back exactly: each number, time and text."""

import csv
import io
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import some_of
from tests.support.file_readings import ENDING
from trading_files.document import read_document
from trading_files.errors import MappingRefused
from trading_files.interpret import Interpreter
from trading_files.mapping.load import load
from trading_files.mapping.model import Mapping
from trading_files.presets.shelf import headers, preset
from trading_files.reading.read import read
from trading_files.reading.tables import Rows
from trading_files.readings import Choices, EventRow, FillRow, Question, Reading, complaints_about
from trading_model.fields import BY_NAME

LATE = 4_102_444_800_000_000_000
START = datetime(2021, 1, 4, 12, tzinfo=UTC)
WORDS = (("buy", "sell"), ("B", "S"), ("Kauf", "Verkauf"), ("Buy to open", "STC"))
SYMBOLS = ("BTCUSDT", "ETH/EUR", "0700.HK", "kPEPE", "AAPL", "PETR4")
MAPPING = """
numbers: {{{numbers}}}
times: {{zone: "{zone}", order: {order}}}
fields:
  ts: {ts}
  symbol: Symbol
  side: {side}
  qty: {qty}
  price: Price
  fee: {{column: Fee, negate: {negate}}}
"""


@dataclass(frozen=True)
class Trade:
    """A trade: numbers in canonical digits, the time in whole seconds."""

    ts: datetime
    symbol: str
    side: str
    qty: str
    price: str
    fee: str


def digits(places: int) -> st.SearchStrategy[str]:
    """Numbers from 0.0…1 on, with that many decimals at most."""
    return st.tuples(st.integers(1, 10**12), st.integers(0, places)).map(
        lambda pair: f"{Decimal(pair[0]).scaleb(-pair[1]):f}"
    )


TRADES = st.lists(
    st.builds(
        Trade,
        st.integers(0, 10**8).map(lambda seconds: START + timedelta(seconds=seconds)),
        st.sampled_from(SYMBOLS),
        st.sampled_from(("buy", "sell")),
        digits(8),
        digits(8),
        digits(6),
    ),
    min_size=1,
    max_size=6,
)


def found_in(text: str, mapping: Mapping, choices: Choices | None = None, encoding: str = "utf-8") -> list[Reading]:
    """What a file with this text says."""
    document = read(io.BytesIO(text.encode(encoding)), "file", headers=headers())
    return list(read_document(document, (mapping,), choices))


def said(readings: list[Reading]) -> list[Trade]:
    """The trades of readings, none of which is anything else."""
    assert not [one for one in readings if isinstance(one, Question)], readings
    found = []
    for one in readings:
        if isinstance(one, FillRow):
            members = one.members
            ts = datetime.fromisoformat(members["ts"])
            number = {name: members[name] for name in ("qty", "price", "fee")}
            found.append(Trade(ts, members["symbol"], members["side"], **number))
        else:
            assert not isinstance(one, EventRow)
    return found


def grouped(number: str, decimal: str, separator: str) -> str:
    """A number with this decimal sign, and with thousands apart if there is a separator."""
    whole, _, fraction = number.partition(".")
    if separator:
        whole = f"{int(whole):,}".replace(",", separator)
    return f"{whole}{decimal}{fraction}" if fraction else whole


@given(st.data(), TRADES)
@settings(max_examples=some_of(80), deadline=None)
def test_a_spreadsheet_in_any_dialect(data: st.DataObject, trades: list[Trade]) -> None:
    decimal = data.draw(st.sampled_from(".,"), "decimal")
    separator = data.draw(st.sampled_from(("", " ", "'", ",."[decimal == ","])), "thousands")
    zone = data.draw(st.sampled_from(("UTC", "America/Sao_Paulo", "Asia/Kolkata", "+02:00")), "zone")
    order, form = data.draw(st.sampled_from((("ymd", "%Y-%m-%d"), ("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%y"))), "date")
    two_columns = data.draw(st.booleans(), "date and time apart")
    is_signed = data.draw(st.booleans(), "side by sign")
    words = data.draw(st.sampled_from(WORDS), "words")
    is_charged_negative = data.draw(st.booleans(), "fees negative")
    delimiter = data.draw(st.sampled_from((";", "\t", "|") if decimal == "," else (",", ";", "\t")), "delimiter")
    line_end = data.draw(st.sampled_from(("\n", "\r\n")), "line end")
    local_zone = ZoneInfo(zone) if zone[0] != "+" else datetime.fromisoformat(f"2021-01-01T00:00{zone}").tzinfo

    def write(number: str) -> str:
        return grouped(number, decimal, separator)

    rows = []
    for trade in trades:
        local = trade.ts.astimezone(local_zone)
        day, clock = local.strftime(form), local.strftime("%H:%M:%S")
        sign = "-" if is_signed and trade.side == "sell" else ""
        row = {"Day": day, "Clock": clock} if two_columns else {"When": f"{day} {clock}"}
        row |= {"Symbol": trade.symbol, "Qty": sign + write(trade.qty), "Price": write(trade.price)}
        row |= {} if is_signed else {"Side": words[trade.side == "sell"]}
        rows.append(row | {"Fee": ("-" if is_charged_negative else "") + write(trade.fee), "Note": "a; b, c"})
    columns = data.draw(st.permutations(list(rows[0])), "columns")
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter, lineterminator=line_end)
    writer.writeheader()
    writer.writerows(rows)
    mapping = MAPPING.format(
        numbers=f'decimal: "{decimal}", thousands: true',
        zone=zone,
        order=order,
        ts='{text: "{Day} {Clock}"}' if two_columns else "When",
        side="{sign_of: Qty}" if is_signed else "Side",
        qty="Qty",
        negate="true" if is_charged_negative else "false",
    )
    encoding = data.draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16")), "encoding")
    assert said(found_in(text.getvalue(), load(mapping, "map.yml"), encoding=encoding)) == trades


@given(TRADES, st.booleans())
@settings(max_examples=some_of(30), deadline=None)
def test_our_own_columns_as_csv_and_ndjson(trades: list[Trade], is_json: bool) -> None:
    rows = [
        {"ts": f"{one.ts:%Y-%m-%dT%H:%M:%SZ}", "symbol": one.symbol, "side": one.side.upper(), "qty": one.qty}
        | {"price": one.price, "fee": one.fee}
        for one in trades
    ]
    text = io.StringIO()
    if is_json:
        text.writelines(json.dumps(row) + "\n" for row in rows)
    else:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert said(found_in(text.getvalue(), preset("own-columns"))) == trades


@given(TRADES, st.sampled_from(("BNB", "USDT", "1000SATS")))
@settings(max_examples=some_of(30), deadline=None)
def test_amounts_with_units_as_binance_writes_them(trades: list[Trade], coin: str) -> None:
    lines = ["Date(UTC),Pair,Side,Price,Executed,Amount,Fee"]
    lines += [
        f"{one.ts:%Y-%m-%d %H:%M:%S},{one.symbol},{one.side.upper()},{one.price},{one.qty}DOGE,1USDT,{one.fee}{coin}"
        for one in trades
    ]
    readings = found_in("\n".join(lines), preset("binance-spot-trades"))
    if coin == "1000SATS":  # the digits may belong to the number, or to the coin's name: never guessed
        assert isinstance(readings[-1], Question)
        return
    assert said(readings) == trades


@given(TRADES)
@settings(max_examples=some_of(30), deadline=None)
def test_signed_quantities_and_charges_as_interactive_brokers_writes_them(trades: list[Trade]) -> None:
    zone = ZoneInfo("America/New_York")
    lines = ["Symbol,DateTime,Quantity,Price,Commission,Code"]
    for one in trades:
        sign = "-" if one.side == "sell" else ""
        local = one.ts.astimezone(zone)
        lines.append(f"{one.symbol},{local:%Y-%m-%d %H:%M:%S},{sign}{one.qty},{one.price},-{one.fee},O")
    choices = Choices(timezone="America/New_York")
    if not any(comes_twice(one.ts, zone) for one in trades):
        assert said(found_in("\n".join(lines), preset("ibkr-flex"), choices)) == trades


def comes_twice(ts: datetime, zone: ZoneInfo) -> bool:
    """Whether the local time of an instant comes twice, as clocks are put back."""
    local = ts.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


@given(st.text(max_size=400), st.binary(max_size=200))
@settings(max_examples=some_of(150), deadline=None)
def test_any_text_as_a_mapping_is_taken_or_refused(text: str, noise: bytes) -> None:
    forms = (text, noise.decode("latin-1"), f"fields:\n  symbol: {text}", f"rows:\n  - when: {{{text}}}\n    skip: x")
    for one in forms:
        with suppress(MappingRefused):
            load(one, "map.yml")


STRANGE = (
    *("", "1", "-1", "0", "1,234", "1.234", "1e5", "1e999", "1" * 60, "'", "=", '=""', "$", "-", "None", "Z", "\u2212"),
    *(
        "2026-01-05 10:00:00",
        "03/04/2026",
        "buy",
        "sell",
        "Trade",
        "BTC/USDT",
        "1INCH",
        "4.6E+11",
        "٣",
        "²",
        "a,,b" * 20,
    ),
)
CELLS = st.one_of(st.text(max_size=12), st.sampled_from(STRANGE))
FILES = [file for file in (Path(__file__).parent / "presets").glob("*/*") if not file.name.endswith(ENDING)]


@given(st.data(), st.sampled_from(sorted(FILES)))
@settings(max_examples=some_of(400), deadline=None)
def test_any_cell_in_place_of_a_good_one_gives_what_the_app_takes_or_no_fill(data: st.DataObject, path: Path) -> None:
    with path.open("rb") as source:
        for table in read(source, path.name, headers=headers()).tables:
            rows = list(table.rows)[:20]
            for row in rows:
                column = data.draw(st.sampled_from(table.columns), "column")
                row.cells[column] = data.draw(CELLS, "cell").strip()
                if not row.cells[column]:
                    del row.cells[column]
            choices = Choices("UTC", symbol="A", currency="B", contract_sizes={"*": "1"})
            for one in Interpreter(preset(path.parent.name), choices).readings(replace(table, rows=Rows(rows))):
                check(one)


def check(reading: Reading) -> None:
    """What the app would refuse is not in a reading; but for what only it knows: instruments and the clock."""
    if isinstance(reading, FillRow):
        for name, text in reading.members.items():
            BY_NAME[name].read(json.dumps(text).encode(), LATE)
        assert {"symbol", "side", "qty", "price", "ts"} <= reading.members.keys()
    if isinstance(reading, EventRow):
        assert complaints_about(reading) == []

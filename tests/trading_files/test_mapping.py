"""The mapping language: what is wrong is said with its line, and each source, change and condition does what
docs/mapping.md says.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from trading_files.errors import MappingRefused
from trading_files.interpret import Interpreter
from trading_files.mapping.load import MAX_CHARACTERS, load
from trading_files.reading.tables import Row, Rows, Table
from trading_files.readings import BadRow, Choices, EventRow, FillRow, Question, Reading, SkippedRow
from trading_files.readings import Warning as Said

DOCS = Path(__file__).parents[2] / "docs"
PLAIN = "fields: {symbol: S, side: B, qty: Q, price: P, ts: T}\ntimes: {zone: UTC}\n"
CELLS = {"S": "BTC/USDT", "B": "buy", "Q": "1", "P": "2", "T": "2026-01-05 10:00:00"}


def read(text: str, *rows: dict[str, str], choices: Choices | None = None, **table: Any) -> list[Reading]:
    """What rows say by a mapping."""
    columns = tuple(dict.fromkeys(name for cells in rows for name in cells))
    numbered = Rows(Row(place, cells) for place, cells in enumerate(rows, 2))
    return list(Interpreter(load(text, "map.yml"), choices).readings(Table("", columns, numbered, **table)))


def fill(text: str, cells: dict[str, str], choices: Choices | None = None, **table: Any) -> dict[str, str]:
    """The members of the only fill that a row becomes."""
    (found,) = read(text, CELLS | cells, choices=choices, **table)
    assert isinstance(found, FillRow), found
    return found.members


def member(value: str, cells: dict[str, str], choices: Choices | None = None, **table: Any) -> str | None:
    """A fee, by a value of the language."""
    return fill(f"{PLAIN.replace('T}', f'T, fee: {value}}}', 1)}", cells, choices, **table).get("fee")


def text_member(value: str, cells: dict[str, str], choices: Choices | None = None, **table: Any) -> str | None:
    """An order's id, by a value of the language."""
    return fill(f"{PLAIN.replace('T}', f'T, order_id: {value}}}', 1)}", cells, choices, **table).get("order_id")


# What is wrong


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fields: {symbl: S}", "map.yml:1: symbl is not known in a fill; do you mean symbol?"),
        ("\nfield: {symbol: S}", "map.yml:2: field is not known in a mapping; do you mean fields?"),
        ("version: 2\n" + PLAIN, "map.yml:1: version is 2; this is read by version 1"),
        ("fields: {symbol: S, side: B, qty: Q}", "map.yml:1: a fill needs price, which no line says"),
        (PLAIN + "rows:\n  - skip: x\n    fill: {}", "map.yml:4: a rule says one of skip, refuse, event, make, fill"),
        (
            PLAIN + "rows:\n  - skip: x\n  - when: {A: {earlier: b}}\n    skip: y",
            "the only condition of the first rule",
        ),
        (PLAIN + "rows:\n  - when: {A: {is: b}}\n    skip: x", "map.yml:4: is is not known in when A"),
        (PLAIN.replace("Q,", "{column: Q, value: 3},"), "qty needs exactly one source"),
        (PLAIN.replace("Q,", "{column: Q, with_units: true},"), "do you mean with_unit?"),
        (PLAIN.replace("Q,", "{column: Q, negate: yes},"), "negate of qty is yes; known are true, false"),
        (PLAIN.replace("UTC", "UTC, order: dmmy"), "map.yml:2: order is dmmy; do you mean dmy?"),
        (PLAIN.replace("Q,", "{text: Q},"), "text of qty has no column in braces"),
        (PLAIN.replace("Q,", '{text: "{Q"},'), "text of qty has no column in braces"),
        (PLAIN + "numbers: {decimal: ;}", "map.yml:3: decimal is ;; known are ., ,"),
        (PLAIN + "fields: {symbol: S}", "map.yml:3: fields is given twice"),
        ("fields:\n\tsymbol: S", "map.yml:2: a tab; indent with spaces"),
        ("", "map.yml:1: is empty"),
        ("[]", "map.yml:1: a mapping must have members"),
        ("title: x", "map.yml:1: has neither fields nor rows"),
        ("fields: {symbol: *USD}", "a value that begins with * needs quotes"),
        (PLAIN + "rows:\n  - cash: {amount: A, currency: C}", "map.yml:4: a cash needs reason, which no line says"),
        (PLAIN.replace("Q,", "{column: Q, zone: UTC},"), "qty is no time; zone, order and form belong to ts"),
        (PLAIN + "group: {by: Q, coin: S, amount: Q}", "a group adds numbers up, so numbers must say decimal"),
        (PLAIN + "group: {by: Q, coin: S}", "map.yml:3: group needs amount"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(MappingRefused) as refused:
        load(text, "map.yml")
    assert complaint in str(refused.value)


@pytest.mark.long
def test_a_mapping_that_stands_for_more_than_it_holds_is_refused() -> None:
    levels = "\n".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 12))
    with pytest.raises(MappingRefused, match="nested too deep"):
        load(f"a0: &a0 [x]\n{levels}", "map.yml")
    with pytest.raises(MappingRefused, match="nested too deep"):
        load("a: &a [*a]", "map.yml")
    with pytest.raises(MappingRefused):
        load("[" * 2_000 + "]" * 2_000, "map.yml")
    with pytest.raises(MappingRefused, match="characters"):
        load("#" * (MAX_CHARACTERS + 1), "map.yml")


@pytest.mark.parametrize("document", ["mapping.md", "adding-a-preset.md"])
def test_the_examples_of_the_documents_are_mappings(document: str) -> None:
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```", (DOCS / document).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    for indent, block in blocks:
        load("\n".join(line.removeprefix(indent) for line in block.splitlines()), document)


# Values


@pytest.mark.parametrize(
    ("value", "cells", "expected"),
    [
        ("F", {"F": "0.10"}, "0.10"),
        ("F", {}, None),
        ("[F, G]", {"G": "3"}, "3"),
        ("'Fee*'", {"Fee (USD)": "3"}, "3"),
        ("the fee", {"The_Fee": "3"}, "3"),
        ("{column: F, negate: true}", {"F": "-0.5"}, "0.5"),
        ("{column: F, negate: true}", {"F": "0.5"}, "-0.5"),
        ("{column: F, negate: true}", {"F": "0.00"}, "0.00"),
        ("{column: F, absolute: true}", {"F": "-0.5"}, "0.5"),
        ("{column: F, absolute: true, negate: true}", {"F": "0.5"}, "-0.5"),
        ("{column: F, absolute: true, negate: true}", {"F": "-0.5"}, "-0.5"),
        ("{column: F, with_unit: true}", {"F": "0.5DOGE"}, "0.5"),
        ("{column: F, with_unit: true}", {"F": "-$420.10"}, "-420.10"),
        ("{column: F, with_unit: true}", {"F": "3"}, "3"),
        ("{sum_of: [F, G]}", {"F": "0.1", "G": "0.22"}, "0.32"),
        ("{sum_of: [F, G]}", {"G": "0.22"}, "0.22"),
        ("{sum_of: [F, G], negate: true}", {"F": "-1", "G": "-0.5"}, "1.5"),
        ("{product_of: [F, G]}", {"F": "0.1", "G": "0.22"}, "0.022"),
        ("{product_of: [F, G]}", {"F": "0.1"}, None),
        ("{sum_of: [F, G]}", {"F": "--", "G": "0.22"}, "0.22"),
        ("{sum_of: [F, G], with_unit: true}", {"F": "$0.62", "G": "0.20 $"}, "0.82"),
        ("{quotient_of: [F, G], absolute: true}", {"F": "-1625.99", "G": "50"}, "32.5198"),
        ("{quotient_of: [F, G, Q]}", {"F": "-124", "G": "2", "Q": "100"}, "-0.62"),
        ("{quotient_of: [F, G]}", {"F": "1"}, None),
        ("{quotient_of: [F, G], with_unit: true}", {"F": "2900 USDT", "G": "0.1 BTC"}, "29000"),
        ('{product_of: [F, "0.00000001"], negate: true}', {"F": "-1505"}, "0.00001505"),
        ('{excess_of: [F, G, H, "100"], with_unit: true}', {"F": "($700.08)", "G": "2", "H": "$3.50"}, "0.08"),
        ("{excess_of: [F, G, Q], negate: true}", {"F": "849.90", "G": "2", "Q": "425"}, "0.10"),
        ('{value: "0.25"}', {}, "0.25"),
        ("{column: F, or: {value: '1'}}", {}, "1"),
        ("{column: F, when: {K: [x]}}", {"F": "2", "K": "X"}, "2"),
        ("{column: F, when: {K: [x]}}", {"F": "2", "K": "y"}, None),
        ("{column: F, when: {K: [x]}, or: G}", {"F": "2", "G": "4", "K": "y"}, "4"),
        ("{size_from: [C, P, Q]}", {"C": "0.02"}, "0.01"),
        ("{size_from: [C, P, Q]}", {"C": "0.05"}, None),
    ],
)
def test_numbers(value: str, cells: dict[str, str], expected: str | None) -> None:
    assert member(value, cells) == expected


@pytest.mark.parametrize(
    ("dividend", "divisor", "expected"),
    [
        ("70", "0.03", "2333.33333333333333333333333333"),
        ("0.000000002", "3", "0.00000000066666666666666666666666666667"),
        ("0.00000001", "5497.55813888", "0.00000000000181898940354585647583007812"),
    ],
)
def test_a_quotient_that_does_not_end_is_rounded_and_said(dividend: str, divisor: str, expected: str) -> None:
    text = PLAIN.replace("T}", "T, fee: {quotient_of: [F, G]}}", 1)
    found, said = read(text, CELLS | {"F": dividend, "G": divisor})
    assert isinstance(found, FillRow)
    assert found.members["fee"] == expected
    assert isinstance(said, Said)
    assert said.code == "rounded"


@pytest.mark.parametrize(
    "value", ["F", "{sum_of: [F, G]}", "{excess_of: [F, G], with_unit: true}", "{column: F, or: G}"]
)
@pytest.mark.parametrize("number", ["9" * 39, f"${'9' * 39}.5", f"1'{'0' * 40}"])
def test_a_number_with_too_many_digits_is_an_error_of_its_row(value: str, number: str) -> None:
    (bad,) = read(PLAIN.replace("T}", f"T, fee: {value}}}", 1), CELLS | {"F": number, "G": "1"})
    assert isinstance(bad, BadRow)


def test_nothing_is_divided_by_0() -> None:
    text = PLAIN.replace("T}", "T, fee: {quotient_of: [F, G]}}", 1)
    (bad,) = read(text, CELLS | {"F": "70", "G": "0.00"})
    assert isinstance(bad, BadRow)
    assert bad.column == "G"


@pytest.mark.parametrize(
    ("value", "cells", "expected"),
    [
        ("O", {"O": "12"}, "12"),
        ("O", {"O": "'00012"}, "00012"),
        ("O", {"O": '="00012"'}, "00012"),
        ('{text: "{A}-{B}"}', {"A": "1"}, "1-buy"),
        ('{text: "{A}-{C}"}', {"A": "1"}, None),
        ("{column: O, after: '(', before: ','}", {"O": "0 (USD, Broker)"}, "USD"),
        ("{column: O, part: 2}", {"O": "one two three"}, "two"),
        ("{column: O, part: 5}", {"O": "one two three"}, None),
        ("{column: O, remove: [/, -]}", {"O": "/a-b"}, "ab"),
        ("{column: O, swap: '-'}", {"O": "BTC-LTC"}, "LTC-BTC"),
        ("{column: O, swap: '-'}", {"O": "BTCLTC"}, "BTCLTC"),
        ('{column: O, words: {x: y, "a*": b, "*": ""}}', {"O": "X"}, "y"),
        ('{column: O, words: {x: y, "a*": b, "*": ""}}', {"O": "Abc"}, "b"),
        ('{column: O, words: {x: y, "a*": b, "*": ""}}', {"O": "c"}, None),
        ("{column: O, words: {x: y}}", {"O": "c"}, "c"),
        ("{unit_of: O}", {"O": "0.5DOGE"}, "DOGE"),
        ("{unit_of: O}", {"O": "0.5"}, None),
        ('{units: "{O}/{U}"}', {"O": "0.5DOGE", "U": "3 EUR"}, "DOGE/EUR"),
        ("{base_of: S}", {}, "BTC"),
        ("{quote_of: S}", {}, "USDT"),
        ("{quote_of: S}", {"S": "XAUUSDm"}, "USD"),
        ("{list_of: L}", {"L.0": "a", "L.1": "b"}, "a,b"),
        ('{in_header: "Price *"}', {"Price EUR": "1"}, "EUR"),
        ("{option: {root: R, expiry: E, strike: K, right: C}}",
         {"R": "AVAV", "E": "9 JAN 26", "K": "320", "C": "Call"}, "AVAV260109C00320000"),
        ("{option_of: O}", {"O": "AAPL  250117C00200000"}, "AAPL250117C00200000"),
        ("{option_of: O}", {"O": "-MU251003P157.5"}, "MU251003P00157500"),
        ("{option_of: O}", {"O": ".SPY250117P590.5"}, "SPY250117P00590500"),
        ("{option_of: O, thousandths: true}", {"O": "NVDA260417C200000"}, "NVDA260417C00200000"),
        ("{option_of: O, thousandths: true}", {"O": "F260417P12.5"}, "F260417P00012500"),
        ("{option_of: O}", {"O": "SPY 3/20/2026 Call $580.00"}, "SPY260320C00580000"),
        ("{option_of: O}", {"O": "NDX 12/19/2025 Call $21,000.00"}, "NDX251219C21000000"),
        ("{option_of: O}", {"O": "AAPL 01/17/2025 200.00 C"}, "AAPL250117C00200000"),
        ("{option_of: O}", {"O": "SPY 17JAN25 590 C"}, "SPY250117C00590000"),
        ("{option_of: O}", {"O": "KO Mar 20 '26 $75 Call"}, "KO260320C00075000"),
        ("{option_of: O}", {"O": "PUT  IWM    02/27/26   260.000"}, "IWM260227P00260000"),
        ("{option_of: O, after: 'for '}", {"O": "Option Expiration for F 2/27/2026 Put $10.00"}, "F260227P00010000"),
        ("{option_of: O}", {"O": "Apple CUSIP: 037833100"}, None),
        ("{option_of: O, or: S}", {"O": "BRK B", "S": "BRK B"}, "BRK B"),
    ],
)  # fmt: skip
def test_texts(value: str, cells: dict[str, str], expected: str | None) -> None:
    assert text_member(value, cells) == expected


def test_what_stands_above_the_header() -> None:
    above = (("Account:", "", "12 (USD)"), ("Time Zone:UTC+8", "x"))
    assert text_member('{preamble: "Account"}', {}, preamble=above) == "12 (USD)"
    assert text_member('{preamble: "time zone"}', {}, preamble=above) == "UTC+8"
    assert text_member('{preamble: "Nothing"}', {}, preamble=above) is None


def test_the_sign_of_a_quantity_is_its_side() -> None:
    text = PLAIN.replace("side: B", "side: {sign_of: Q}")
    assert fill(text, {"Q": "-3"})["side"] == "sell"
    assert fill(text, {"Q": "-3"})["qty"] == "3"
    assert fill(text, {"Q": "+3"})["side"] == "buy"
    (zero,) = read(text, CELLS | {"Q": "0"})
    assert isinstance(zero, BadRow)


def test_a_sign_that_contradicts_the_side_is_an_error() -> None:
    assert fill(PLAIN, {"Q": "-1", "B": "Sell"})["qty"] == "1"
    (found,) = read(PLAIN, CELLS | {"Q": "-1"})
    assert found == BadRow(2, "Q", "is -1, and the side is buy")


def test_the_other_side() -> None:
    text = PLAIN.replace("side: B", "side: {column: B, opposite: true}")
    assert fill(text, {})["side"] == "sell"


# Questions


@pytest.mark.parametrize(
    ("cells", "code", "choices"),
    [
        ({"P": "1,234"}, "decimal", Choices(decimal=",")),
        ({"P": "1.234"}, "decimal", Choices(decimal=".")),
        ({"T": "03/04/2026 10:00:00"}, "date_order", Choices(date_order="mdy")),
        ({"T": "2026-01-05 10:00:00"}, "timezone", Choices(timezone="Europe/Berlin")),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked(cells: dict[str, str], code: str, choices: Choices) -> None:
    text = PLAIN if code != "timezone" else PLAIN.replace("times: {zone: UTC}\n", "")
    (asked,) = read(text, CELLS | cells)
    assert isinstance(asked, Question)
    assert asked.code == code
    assert fill(text, cells, choices)["qty"] == "1"


def test_further_rows_answer_what_one_leaves_open() -> None:
    found = read(PLAIN, CELLS | {"P": "1.234"}, CELLS | {"P": "0,5"})
    assert [one.members["price"] for one in found if isinstance(one, FillRow)] == ["1234", "0.5"]
    found = read(PLAIN, CELLS | {"T": "03/04/2026 10:00:00"}, CELLS | {"T": "31/12/2026 10:00:00"})
    times = [one.members["ts"] for one in found if isinstance(one, FillRow)]
    assert times == ["2026-04-03T10:00:00Z", "2026-12-31T10:00:00Z"]


def test_a_row_far_below_answers_too() -> None:
    rows = [CELLS] * 3_000 + [CELLS | {"P": "1.234"}] + [CELLS] * 10 + [CELLS | {"P": "0,5"}]
    found = read(PLAIN, *rows)
    assert len(found) == len(rows)
    assert [one.members["price"] for one in found if isinstance(one, FillRow)][3_000] == "1234"


def test_lots_are_asked_and_answered() -> None:
    text = PLAIN.replace("T}", 'T, multiplier: {size_of: S, words: {"EUR*": "100000"}}}', 1)
    assert fill(text, {"S": "EURUSD"})["multiplier"] == "100000"
    (asked,) = read(text, CELLS | {"S": "NAS100"})
    assert isinstance(asked, Question)
    assert asked.code == "contract_size"
    assert fill(text, {"S": "NAS100"}, Choices(contract_sizes={"NAS*": "1"}))["multiplier"] == "1"


def test_choices_win_over_the_file() -> None:
    text = PLAIN.replace("T}", "T, account: A}", 1)
    chosen = Choices(account="mine", strategy="s", venue="v", timezone="+02:00")
    found = fill(text, {"A": "theirs"}, chosen)
    assert (found["account"], found["strategy"], found["venue"]) == ("mine", "s", "v")
    assert found["ts"] == "2026-01-05T08:00:00Z"


# Rows


RULES = f"""{PLAIN}
rows:
  - when: {{K: [fee, "c*"]}}
    skip: no fill
  - when: {{K: {{none_of: [buy, cash, ""]}}, A: {{above: "10"}}}}
    refuse: is more than this knows
  - when: {{K: cash}}
    cash: {{amount: A, currency: {{value: USD}}, reason: {{value: funding}}, symbol: S}}
  - when: {{K: {{empty: true}}}}
    make:
      - fill: {{}}
      - when: {{A: {{below: "0"}}}}
        cash: {{amount: A, currency: {{value: USD}}, reason: {{value: interest}}, ts: T}}
"""


def test_the_first_rule_that_fits_decides() -> None:
    rules = RULES.replace('"c*"', '"ca?"')
    found = read(
        rules,
        CELLS | {"K": "FEE"},
        CELLS | {"K": "cash", "A": "-0.5"},
        CELLS | {"K": "cash", "A": "0.00"},
        CELLS | {"A": "-1"},
        CELLS | {"A": "1"},
        CELLS | {"K": "other", "A": "11"},
        CELLS | {"K": "other", "A": "9"},
    )
    skipped, cash, none, opened, interest, only, refused, unknown = found
    assert skipped == SkippedRow(2, "no fill")
    assert isinstance(cash, EventRow)
    assert cash.members["strategy"] == "default"
    assert none == SkippedRow(4, "an amount of 0")
    assert isinstance(opened, FillRow)
    assert isinstance(interest, EventRow)
    assert interest.members["amount"] == "-1"
    assert isinstance(only, FillRow)
    assert refused == BadRow(7, "", "is more than this knows")
    assert isinstance(unknown, BadRow)
    assert unknown.column == "K"


@pytest.mark.parametrize(
    ("text", "is_zero"),
    [
        *(("", True), ("-", True), ("0", True), ("-0.000", True), ("0,00", True), ("$0.00", True), ("0E-8", True)),
        *(("0.00000000BTC", True), ("0.00EOS", True), ("0.05", False), ("0.5BTC", False), ("-0,07", False)),
        *(("5E-8", False), ("0.001000SATS", False), ("1,000", False)),
    ],
)
def test_whether_a_cell_has_a_number_other_than_0(text: str, is_zero: bool) -> None:
    rules = f"{PLAIN}rows:\n  - when: {{K: {{zero: true}}}}\n    skip: nothing\n  - fill: {{}}\n"
    (found,) = read(rules, CELLS | ({"K": text} if text else {}))
    assert isinstance(found, SkippedRow) is is_zero


def test_parts_below_their_whole_can_be_told_from_parts_alone() -> None:
    rules = f"{PLAIN}rows:\n  - when: {{K: {{any_of: [part], earlier: [whole]}}}}\n    skip: part\n  - fill: {{}}\n"
    for kinds, skipped in (("part part", []), ("whole part part whole", [3, 4])):
        found = read(rules, *(CELLS | {"K": kind} for kind in kinds.split()))
        assert [one.place for one in found if isinstance(one, SkippedRow)] == skipped


def test_totals_below_a_table_are_skipped_and_no_fill_is() -> None:
    total, lone = {"S": "", "Q": "3", "T": "Total:"}, {"T": "合计"}
    rows = [CELLS, CELLS | total, lone, CELLS | {"T": "Totally"}, CELLS | {"S": "TOTAL"}]
    cells = [{name: row[name] for name in ("T", "S", "B", "Q", "P") if row.get(name)} for row in rows]
    found = read(PLAIN, *cells)
    assert found[1:3] == [SkippedRow(3, "total"), SkippedRow(4, "total")]
    assert [type(one) for one in found] == [FillRow, SkippedRow, SkippedRow, BadRow, FillRow]


def test_a_missing_column_is_said_with_the_nearest() -> None:
    (found,) = read(PLAIN.replace("price: P", "price: Prize"), CELLS | {"Price": "3"})
    assert isinstance(found, BadRow)
    assert "the nearest is Price" in found.message


def test_one_event_for_each_item_of_a_list() -> None:
    text = """
fields: {symbol: S, ts: T}
times: {zone: UTC}
rows:
  - make:
      - each: orders
        when: {"orders.#.filled": {above: "0"}}
        fill: {side: "orders.#.side", price: "orders.#.average", qty: "orders.#.filled"}
"""
    orders = {"orders.0.side": "buy", "orders.0.average": "2", "orders.0.filled": "1"}
    orders |= {"orders.1.side": "buy", "orders.1.average": "2", "orders.1.filled": "0"}
    orders |= {"orders.2.side": "sell", "orders.2.average": "3", "orders.2.filled": "1"}
    found = read(text, {"S": "A", "T": "2026-01-05 10:00:00"} | orders)
    assert [one.members["side"] for one in found if isinstance(one, FillRow)] == ["buy", "sell"]


def test_a_list_that_is_too_long_is_an_error_of_its_row() -> None:
    text = """
fields: {symbol: S, ts: T}
times: {zone: UTC}
rows:
  - make:
      - each: orders
        fill: {side: {value: buy}, price: "orders.#.average", qty: {value: "1"}}
"""
    orders = {f"orders.{number}.average": "2" for number in range(1_001)}
    (bad,) = read(text, {"S": "A", "T": "2026-01-05 10:00:00"} | orders)
    assert isinstance(bad, BadRow)
    assert (bad.column, bad.message) == ("orders", "has more than 1000 items")
    orders.pop("orders.1000.average")
    assert len(read(text, {"S": "A", "T": "2026-01-05 10:00:00"} | orders)) == 1_000


def test_an_instrument_is_said_once() -> None:
    text = f"""{PLAIN}
rows:
  - make:
      - fill: {{}}
      - instrument: {{symbol: S, settlement: {{value: inverse}}, multiplier: {{value: "10"}}}}
"""
    found = read(text, CELLS, CELLS, CELLS | {"S": "ETH/USD"})
    assert [one.members["symbol"] for one in found if isinstance(one, EventRow)] == ["BTC/USDT", "ETH/USD"]


def test_a_message_has_no_table_and_may_have_no_time() -> None:
    interpreter = Interpreter(load(PLAIN, "hook"))
    (found,) = interpreter.read_message({"S": "A", "B": "sell", "Q": "1.234", "P": "2"})
    assert isinstance(found, FillRow)
    assert found.members == {"symbol": "A", "side": "sell", "qty": "1.234", "price": "2"}

"""What a client sends for each kind is what the journal holds, and is documented."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from trading_model import kind_members
from trading_model.contents import CONTENTS, Flow, Holder, Income
from trading_model.fields import FIELDS
from trading_model.kind_members import KINDS, request_schema
from trading_model.kinds import key_of
from trading_model.members import Member, object_text, read_members

ROOT = Path(__file__).resolve().parents[2]
NOW_NS = 1_790_000_000 * 10**9
AT = "2026-09-21T14:13:20Z"
HOLDER = {"symbol": "BTC", "quantity": "1", "account": "a", "strategy": "s", "position_side": "long", "currency": "USD"}
COMPLETE: dict[str, dict[str, Any]] = {
    "void": {"reason": 'a "fat" finger\n☂'},
    "replace": {"reason": "typo", "price": "2", "ts": AT},
    "cash": {
        "currency": "usdt", "amount": "-0.020", "reason": "funding", "ts": AT, "account": "a", "strategy": "s",
        "symbol": "btc/usdt", "position_side": "short", "venue": "v", "text": "t",
    },
    "split": {
        "symbol": "aapl", "n": 4, "d": "1", "ts": AT, "account": "a", "strategy": "s", "quantity": "-10", "cash": "0.5",
    },
    "opening": {
        "symbol": "aapl", "quantity": "-5", "average": "100", "ts": AT, "account": "a", "strategy": "s",
        "position_side": "short", "currency": "usd",
    },
    "move": {
        "ts": AT, "reason": "transfer", "from": HOLDER, "to": {**HOLDER, "account": "b"}, "price": "3", "text": "t",
    },
    "instrument": {
        "symbol": "btc-usdt", "currency": "usdt", "multiplier": "0.01", "settlement": "linear", "lot": "1",
        "dust": "5", "aliases": ["btcusdt"], "negative_prices": False, "mark": "venue",
    },
    "price": {"symbol": "aapl", "price": "100.10", "ts": AT, "source": "close"},
    "rate": {"base": "eur", "quote": "usd", "rate": "1.10", "ts": AT, "max_age": 86_400},
    "import": {
        "name": "fills 2026.csv", "digest": "0f", "preset": "own", "rows": 3, "taken": 2, "skipped": 1, "account": "a",
    },
    "note": {"text": "t", "tags": ["x", "y"], "order_id": "o", "account": "a", "day": "2026-01-31"},
}  # fmt: skip


def raw(values: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items()}


def complaints(kind: str, **values: Any) -> dict[str, str]:
    """What is wrong with an event of this kind, by member."""
    known = KINDS[kind]
    reading = read_members(known.members, raw(values), NOW_NS)
    found = reading.complaints or list(known.check(reading.texts) if known.check else ())
    return dict(found)


def names(members: tuple[Member, ...]) -> dict[str, bool]:
    return {each.name: each.required or each.default is not None for each in members if each.journaled}


@pytest.mark.parametrize("kind", KINDS)
def test_the_members_of_a_kind_are_those_of_its_content(kind: str) -> None:
    fields = {each.encode_name: each.required for each in msgspec.structs.fields(CONTENTS[kind])}
    if kind == "void":
        fields.pop("was")
    if kind == "replace":
        assert {each.name for each in KINDS[kind].members} == {each.name for each in FIELDS if each.sent} - {
            "trade_id"
        } | {"reason"}
    else:
        assert {name: known or name in ("account", "strategy") for name, known in fields.items()}.keys() == names(
            KINDS[kind].members
        ).keys()
        assert {name for name, needed in fields.items() if needed} <= {
            name for name, there in names(KINDS[kind].members).items() if there
        }


def test_a_holder_has_the_members_of_its_content() -> None:
    side = next(each for each in KINDS["move"].members if each.name == "from")
    assert names(side.members).keys() == {each.name for each in msgspec.structs.fields(Holder)}


def test_reasons_of_cash_are_those_of_the_content() -> None:
    assert (*get_args(Income), *get_args(Flow)) == (*kind_members.INCOME, *kind_members.FLOWS)


@pytest.mark.parametrize("kind", [kind for kind in COMPLETE if kind not in ("void", "replace")])
def test_a_complete_event_is_journaled_as_its_content(kind: str) -> None:
    known = KINDS[kind]
    assert {each.name for each in known.members if each.journaled} - {"pattern"} == COMPLETE[kind].keys()
    reading = read_members(known.members, raw(COMPLETE[kind]), NOW_NS)
    assert reading.complaints == []
    assert known.check is None or list(known.check(reading.texts)) == []
    assert reading.made == set()
    content = msgspec.json.decode(object_text(reading.texts), type=CONTENTS[kind], strict=True)
    again = msgspec.json.decode(msgspec.json.encode(content))
    assert again == msgspec.json.decode(object_text(reading.texts))


def test_digits_stay_as_written() -> None:
    reading = read_members(KINDS["cash"].members, raw(COMPLETE["cash"]), NOW_NS)
    assert reading.texts["amount"] == '"-0.020"'
    assert reading.texts["currency"] == '"USDT"'


def test_an_empty_list_of_aliases_says_that_there_are_none() -> None:
    reading = read_members(KINDS["instrument"].members, raw({"symbol": "A", "aliases": []}), NOW_NS)
    assert (reading.complaints, reading.texts["aliases"]) == ([], "[]")
    assert msgspec.json.decode(object_text(reading.texts), type=CONTENTS["instrument"]).aliases == ()  # type: ignore[attr-defined]


def test_what_is_not_sent_has_its_default() -> None:
    reading = read_members(KINDS["cash"].members, raw({"currency": "X", "amount": 1, "reason": "tax"}), NOW_NS)
    assert reading.complaints == []
    assert reading.made == {"ts", "account"}
    assert (reading.texts["ts"], reading.texts["account"]) == (f'"{AT}"', '"default"')


@pytest.mark.parametrize(
    ("kind", "values", "member"),
    [
        ("cash", {"amount": 0, "currency": "X", "reason": "tax"}, "amount"),
        ("cash", {"amount": "-0.0", "currency": "X", "reason": "tax"}, "amount"),
        ("cash", {"amount": 1, "reason": "tax"}, "currency"),
        ("cash", {"amount": 1, "currency": "", "reason": "tax"}, "currency"),
        ("cash", {"amount": 1, "currency": "X", "reason": "gift"}, "reason"),
        ("cash", {"amount": 1, "currency": "X", "reason": "tax", "ts": "1969-12-31T23:59:59Z"}, "ts"),
        ("cash", {"amount": 1, "currency": "X", "reason": "tax", "ts": NOW_NS // 10**9 + 86_401}, "ts"),
        ("cash", {"amount": 1, "currency": "X", "reason": "tax", "text": "a\x00b"}, "text"),
        ("cash", {"amount": 1, "currency": "X", "reason": "tax", "text": "x" * 2_001}, "text"),
        ("split", {"symbol": "A", "n": 0, "d": 1}, "n"),
        ("split", {"symbol": "A", "n": 1, "d": 0}, "d"),
        ("split", {"symbol": "A", "n": 1.5, "d": 1}, "n"),
        ("split", {"symbol": "A", "n": 2, "d": 2}, "n"),
        ("split", {"symbol": "A", "n": 2, "d": 1, "cash": 1}, "cash"),
        ("opening", {"symbol": "A", "quantity": 1}, "average"),
        ("move", {"reason": "transfer"}, "from"),
        ("move", {"reason": "reward", "to": HOLDER}, "price"),
        ("move", {"reason": "transfer", "from": HOLDER, "to": HOLDER}, "to"),
        (
            "move",
            {"reason": "transfer", "from": HOLDER, "to": {**HOLDER, "account": "b", "quantity": 2}},
            "to/quantity",
        ),
        ("move", {"reason": "transfer", "from": {**HOLDER, "quantity": 0}}, "from/quantity"),
        ("move", {"reason": "transfer", "from": {**HOLDER, "price": 0}}, "from/price"),
        ("move", {"reason": "transfer", "from": 3}, "from"),
        ("instrument", {"lot": 1}, "symbol"),
        ("instrument", {"symbol": "A", "pattern": "A*", "lot": 1}, "symbol"),
        ("instrument", {"symbol": "A"}, "symbol"),
        ("instrument", {"pattern": "A", "lot": 1}, "pattern"),
        ("instrument", {"pattern": "*", "lot": 1}, "pattern"),
        ("instrument", {"pattern": "A*", "aliases": ["B"]}, "aliases"),
        ("instrument", {"pattern": "A*", "aliases": []}, "aliases"),
        ("instrument", {"symbol": "A", "aliases": ["a"]}, "aliases"),
        ("instrument", {"symbol": "A", "aliases": ["B", "b"]}, "aliases"),
        ("instrument", {"symbol": "A", "multiplier": 0}, "multiplier"),
        ("instrument", {"symbol": "A", "negative_prices": 1}, "negative_prices"),
        ("instrument", {"symbol": "A", "negative_prices": True, "settlement": "inverse"}, "negative_prices"),
        ("rate", {"base": "EUR", "quote": "eur", "rate": 1}, "quote"),
        ("rate", {"base": "EUR", "quote": "USD", "rate": 0}, "rate"),
        ("note", {"text": "x"}, "target"),
        ("note", {"day": "2026-01-31"}, "text"),
        ("note", {"day": "2026-02-30", "text": "x"}, "day"),
        ("note", {"day": "20260131", "text": "x"}, "day"),
        ("note", {"day": "2026-01-31", "tags": []}, "text"),
    ],
)
def test_what_is_wrong_is_named(kind: str, values: dict[str, Any], member: str) -> None:
    found = complaints(kind, **values)
    assert list(found) == [member], found
    assert len(found[member]) > 8


def test_keys_of_other_kinds_are_no_key_of_a_fill() -> None:
    assert key_of("void", "any", 41) == key_of("void", "other", 41) != key_of("void", "any", 42)
    assert key_of("cash", "a", 0) != key_of("note", "a", 0)
    assert key_of("cash", "a", 0)[0] == "\x1e"  # no printable text, of which a fill's key is made, begins so


@pytest.mark.parametrize("kind", kind_members.KINDS)
def test_the_schema_of_a_request_has_its_members(kind: str) -> None:
    schema = request_schema(KINDS[kind])
    assert tuple(schema["properties"]) == KINDS[kind].names
    assert all("description" in each or "const" in each for each in schema["properties"].values())


def documented(kind: str) -> set[str]:
    """The members in the contract's table of a kind's content."""
    text = (ROOT / "docs" / "wire-contract.md").read_text()
    rows = text.partition(f"\n#### `{kind}`")[2].partition("\n#")[0]
    return set(re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", rows, re.MULTILINE))


@pytest.mark.parametrize("kind", KINDS)
def test_the_contract_has_a_table_of_each_kind(kind: str) -> None:
    found = {name for cell in documented(kind) for name in re.findall(r"`(\w+)`", cell)}
    assert found == {each.encode_name for each in msgspec.structs.fields(CONTENTS[kind])}


@pytest.mark.parametrize("kind", kind_members.KINDS)
def test_the_document_of_the_api_has_a_row_of_each_kind(kind: str) -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    [row] = re.findall(rf"^\| `{kind}` \| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    known = KINDS[kind]
    scope, meaning, required, optional = row
    assert (scope, meaning) == (known.scope, known.meaning)
    needed = {each.name for each in known.members if each.required} | (
        {"target"} if known.target == "required" else set()
    )
    assert set(re.findall(r"`(\w+)`", required)) == needed
    if kind != "replace":
        assert needed | set(re.findall(r"`(\w+)`", optional)) == set(known.names) - {"kind", "id"}

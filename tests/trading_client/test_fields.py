"""The client's rules are the app's: what passes here the app takes, and what the app takes passes here."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trading_client import FieldError, fields
from trading_model import field_rules, kind_members
from trading_model.fields import FIELDS, SENT
from trading_model.kind_members import KINDS

NOW = 1_795_858_128_201_473_688
TRADE: dict[str, Any] = {"symbol": "BTC/USDT", "side": "buy", "price": "1", "qty": "1", "ts": None, "trade_id": "t-1"}
RULES = {each.name: each.read for each in FIELDS}

numbers_as_text = st.from_regex(r"-?[0-9]{0,45}(\.[0-9]{0,45})?([eE][+-]?[0-9]{1,5})?", fullmatch=True)
any_text = st.one_of(st.text(max_size=140), st.text('aB 1/-"\\\u0301é,\n', max_size=8), numbers_as_text)


def line_of(**members: Any) -> bytes:
    given = TRADE | members
    tags = given.pop("tags", None)
    given["trade_id"] = fields.check_identifier("trade_id", given["trade_id"])
    required = {name: given.pop(name) for name in TRADE}
    return fields.trade_line(**required, now_ns=NOW, optional=given.items(), tags=tags)


def written(**members: Any) -> dict[str, Any]:
    line = line_of(**members)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    trade: dict[str, Any] = json.loads(line)
    return trade


def attempt(line: Callable[[], bytes]) -> dict[str, Any] | FieldError:
    """The members that are sent, or why they are refused."""
    try:
        sent: dict[str, Any] = json.loads(line())
    except FieldError as error:
        return error
    return sent


def read_by_app(name: str, value: object) -> str | None:
    """What the app journals of a value; None if it refuses it."""
    try:
        return RULES[name](json.dumps(value).encode(), NOW)
    except field_rules.FieldError:
        return None


@given(st.sampled_from(SENT), any_text)
def test_a_text_passes_if_the_app_takes_it(field: Any, text: str) -> None:
    stored = read_by_app(field.name, text)
    sent = attempt(lambda: line_of(**{field.name: text}))
    if isinstance(sent, FieldError):
        assert sent.field == field.name
        assert str(sent).startswith(f"{field.name} ")
        assert stored is None
    else:
        assert read_by_app(field.name, sent.get(field.name, [])) == stored
        assert stored is not None


@given(st.one_of(st.floats(), st.integers(), st.decimals(), st.booleans(), st.none()))
@example(1e-30)
@example(Decimal("1E+37"))
@example(10**5_000)
def test_a_number_keeps_its_value(number: Any) -> None:
    if number is None:
        return
    sent = attempt(lambda: line_of(price=number))
    if isinstance(sent, FieldError):
        assert sent.field == "price"
        return
    stored = read_by_app("price", sent["price"])
    assert stored is not None
    assert Decimal(stored) == (Decimal(repr(number)) if isinstance(number, float) else Decimal(number))
    if isinstance(number, float):
        assert float(stored) == number


@pytest.mark.parametrize(
    "value", [True, None, "1,5", " 1", "+1", "1_000", "nan", float("nan"), float("inf"), [1], b"1"]
)
def test_what_is_not_a_number_is_named(value: Any) -> None:
    with pytest.raises(FieldError, match=r"^price must be a number"):
        line_of(price=value)


@given(st.datetimes(datetime(1973, 4, 1), datetime(2026, 11, 28), timezones=st.just(timezone(timedelta(hours=-3)))))  # noqa: DTZ001 -- the strategy adds the zone
def test_a_datetime_is_the_same_instant(moment: datetime) -> None:
    stored = read_by_app("ts", written(ts=moment)["ts"])
    assert stored is not None
    assert datetime.fromisoformat(stored) == moment


@pytest.mark.parametrize(
    "ts", ["2025-01-31T12:00:00.250Z", "2025-01-31 12:00:00+01:00", 1738324800, 1738324800250, "1738324800.25", 1.7e9]
)
def test_a_time_is_read_as_the_app_reads_it(ts: Any) -> None:
    assert read_by_app("ts", written(ts=ts)["ts"]) == read_by_app("ts", ts)


def test_no_time_is_now() -> None:
    assert written()["ts"] == NOW


@pytest.mark.parametrize(
    ("ts", "why"),
    [
        (datetime(2025, 1, 31), "must have a time zone"),  # noqa: DTZ001 -- that is the point
        ("2025-02-30T00:00:00Z", "is not a date"),
        ("31.01.2025", "must be a number"),
        ("2025-01-31", "must be RFC 3339"),
        (1000, "is before March 1973"),
        (datetime(2027, 1, 1, tzinfo=UTC), "is more than a day ahead"),
        (True, "must be a number"),
    ],
)
def test_a_wrong_time_is_refused(ts: Any, why: str) -> None:
    with pytest.raises(FieldError, match=f"^ts {why}"):
        line_of(ts=ts)


class Side(str, Enum):  # noqa: UP042 -- such as bots have, in Python 3.9 too
    BUY = "buy"


class Float64(float):
    """Writes itself as numpy's does."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"


def test_members_of_enums_and_numbers_of_other_packages_are_written_plainly() -> None:
    sent = written(side=Side.BUY, price=Float64(0.1), account=Side.BUY)
    assert (sent["side"], sent["price"], sent["account"]) == ("buy", "0.1", "buy")


@pytest.mark.parametrize("name", [each.name for each in SENT if each.name not in ("ts", "tags", "price", "qty", "fee")])
@pytest.mark.parametrize("value", [5, ["a"], {}, b"a"])
def test_a_value_of_another_type_is_named(name: str, value: Any) -> None:
    if name == "multiplier" and value == 5:
        return
    with pytest.raises(FieldError, match=f"^{name} "):
        line_of(**{name: value})


def test_every_field_of_a_trade_can_be_recorded() -> None:
    assert {*TRADE, *fields.OPTIONAL, "tags"} == {each.name for each in SENT}


def test_every_reason_for_cash_is_known() -> None:
    assert {*fields.CASH_REASONS} == {*kind_members.INCOME, *kind_members.FLOWS}
    assert len(fields.CASH_REASONS) == len(kind_members.INCOME) + len(kind_members.FLOWS)


CASH: dict[str, Any] = {
    "currency": "USDT",
    "amount": "1",
    "reason": "funding",
    "ts": None,
    "event_id": "e-1",
    "account": None,
    "strategy": None,
    "symbol": None,
    "position_side": None,
    "venue": None,
    "text": None,
}


@given(st.sampled_from([name for name in CASH if name != "event_id"]), st.one_of(any_text, st.text("\n\t x\u200d\0")))
def test_a_member_of_cash_passes_if_the_app_takes_it(name: str, text: str) -> None:
    read: Callable[[bytes, int], str] = next(each.read for each in KINDS["cash"].members if each.name == name)

    def stored(value: object) -> str | None:
        try:
            return read(json.dumps(value).encode(), NOW)
        except field_rules.FieldError:
            return None

    sent = attempt(lambda: fields.cash_line(**CASH | {name: text}, now_ns=NOW))
    if isinstance(sent, FieldError):
        assert sent.field == name
        assert stored(text) is None
    else:
        assert next(iter(sent)) == "kind", "by which the sender knows it"
        assert stored(sent[name]) == stored(text) is not None

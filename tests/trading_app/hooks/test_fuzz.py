"""Any bytes at all: a message becomes fills that the ledger can take, or there is a reason. Never anything else."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.trading_app.hooks.conftest import field_case
from tests.trading_app.hooks.test_presets import NESTED, NOW_NS, SIGNAL, STRATEGY
from trading_app.hooks.hook import Hook
from trading_app.hooks.reader import HookReader
from trading_app.hooks.readings import Ignored, Unreadable
from trading_app.hooks.trial import try_messages

MESSAGES: dict[str, list[dict[str, Any]]] = {
    "freqtrade": field_case(),
    "tradingview": [STRATEGY, NESTED],
    "traderspost": [SIGNAL],
}
CONTENT_TYPES = ("application/json", "text/plain", "application/x-www-form-urlencoded", "", "x" * 200)
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("9" * 400), st.just("1e999"),
    st.sampled_from(["", "None", "NaN", "-1", "0", "1e-40", "0x10", "١٢", "1,5", "2026-02-30", "9999-12-31 00:00:00"]),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)  # fmt: skip


def outcome(preset: str, body: bytes, content_type: str) -> str:
    """The reason why it is not read or ignored; empty for fills."""
    try:
        said = HookReader(Hook.of_preset(preset)).read(body, content_type, NOW_NS)
    except Unreadable as error:
        return str(error)
    return said.reason if isinstance(said, Ignored) else ""


def holds(preset: str, body: bytes, content_type: str) -> None:
    reason = outcome(preset, body, content_type)
    assert len(reason) < 2_000
    if not reason:
        (trial,) = try_messages(Hook.of_preset(preset), [body], NOW_NS)
        assert trial.status == "accepted" or trial.reason


@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=200), st.sampled_from(CONTENT_TYPES))
@example("freqtrade", b"[" * 60_000, "text/plain")
@example("freqtrade", b'{"a":' * 10_000, "application/json")
@example("tradingview", b'{"a":1,"a":2}', "application/json")
@example("tradingview", b"&".join(b"a=%d" % number for number in range(5_000)), CONTENT_TYPES[2])
@example("tradingview", b'{"ticker":"\\ud800"}', "application/json")
def test_any_bytes(preset: str, body: bytes, content_type: str) -> None:
    holds(preset, body, content_type)


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    preset = draw(st.sampled_from(sorted(MESSAGES)))
    message = dict(draw(st.sampled_from(MESSAGES[preset])))
    for name in draw(st.lists(st.sampled_from(sorted(message)), max_size=3)):
        if draw(st.booleans()):
            message[name] = draw(ODD)
        else:
            message.pop(name, None)
    return preset, message


@given(spoilt(), st.sampled_from(CONTENT_TYPES[:2]))
def test_a_message_with_odd_or_missing_members(one: tuple[str, dict[str, Any]], content_type: str) -> None:
    preset, message = one
    holds(preset, json.dumps(message).encode(), content_type)


@given(
    st.decimals(min_value="1e-12", max_value="1e12", places=12),
    st.decimals(min_value="1e-12", max_value="1e9", places=12),
)
@pytest.mark.parametrize("preset", sorted(MESSAGES))
def test_the_digits_of_price_and_quantity_are_the_senders(preset: str, price: Any, qty: Any) -> None:
    names = {
        "freqtrade": ("open_rate", "amount"),
        "tradingview": ("price", "contracts"),
        "traderspost": ("price", "quantity"),
    }
    price_name, qty_name = names[preset]
    message = dict(MESSAGES[preset][0]) | {price_name: format(price, "f"), qty_name: format(qty, "f")}
    said = HookReader(Hook.of_preset(preset)).read(json.dumps(message).encode(), "application/json", NOW_NS)
    assert not isinstance(said, Ignored)
    (fill,) = said.fills
    assert (fill.members["price"], fill.members["qty"]) == (format(price, "f"), format(qty, "f"))

"""The invariants of the accounting rules, by their letters, on random ledgers."""

import random
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import pytest

from tests.ledger.keeper import expect
from tests.support.ledger_builder import Event, LedgerBuilder, minute
from tests.support.ledger_figures import Figures, Position, differences
from tests.support.ledger_oracle import figures, voided_sequences
from tests.support.random_ledger import random_ledger

LINEAR = "BTC/USDT:USDT"
INVERSE = {"currency": "BTC", "multiplier": "100", "settlement": "inverse"}


def seeds(count: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("seed", range(count))


def numbered(events: Iterable[Event]) -> list[Event]:
    """The events in a new order of arrival, their targets with them."""
    events = list(events)
    sequences = {event["seq"]: seq for seq, event in enumerate(events, 1)}
    return [
        event | {"seq": sequences[event["seq"]]} | ({"target": sequences[event["target"]]} if "target" in event else {})
        for event in events
    ]


def without_counters(found: Figures) -> dict[str, Any]:
    """The figures that do not follow arrival."""
    return {"positions": found.positions, "totals": found.totals, "last": found.last, "cash": found.cash}


def random_fills(seed: int, count: int = 40, **more: str) -> list[Event]:
    """Fills of one position, which opens, closes in part and flips."""
    chance = random.Random(seed)
    ledger = LedgerBuilder()
    for _ in range(count):
        qty, price = f"{chance.randint(1, 30)}e-1", f"{chance.randint(5_000, 15_000)}e-2"
        ledger.fill(chance.choice(("buy", "sell")), qty, price, LINEAR, fee=f"{chance.randint(-9, 90)}e-3", **more)
    return ledger.events


def the_position(events: Iterable[Event]) -> Position:
    """The only position, with what fills of other accounts may have beside it."""
    (position,) = figures(events).positions.values()
    return position


def net(position: Position) -> Fraction:
    """The net of a position that has a mark."""
    assert position.net is not None
    return position.net


def gross(position: Position) -> Fraction:
    """Realised and unrealised."""
    assert position.unrealised is not None
    return position.realised + position.unrealised


def changed(events: Iterable[Event], change: Callable[[Event], Event]) -> list[Event]:
    """The events with some members changed."""
    return [event | change(event) for event in events]


@seeds(5)
def test_a_any_order_of_arrival(seed: int) -> None:
    chance = random.Random(seed)
    events = random_ledger(seed, 200)
    place = {event["seq"]: chance.random() for event in events}
    for event in events:  # what must come later: corrections, instruments and replacements of one fill, imports
        later = [one for one in (event.get("target"), *_before(events, event)) if one is not None]
        place[event["seq"]] = max([place[event["seq"]], *(place[one] + 1e-9 * event["seq"] for one in later)])
    shuffled = numbered(sorted(events, key=lambda event: place[event["seq"]]))
    assert without_counters(figures(shuffled)) == without_counters(figures(events))


def _before(events: list[Event], event: Event) -> list[int]:
    """The earlier events whose order with this one decides: the last of them in force holds."""
    kind = event.get("kind")
    if kind not in ("replace", "instrument"):
        return []
    return [
        one["seq"]
        for one in events[: event["seq"] - 1]
        if one.get("kind") == kind and one.get("target") == event.get("target")
    ]


@seeds(5)
def test_b_a_void_is_as_if_it_had_never_been(seed: int) -> None:
    events = random_ledger(seed, 200)
    voided = voided_sequences(events)
    kept = [event for event in events if event["seq"] not in voided and event.get("kind") != "void"]
    held = {event["seq"] for event in kept}
    kept = [event for event in kept if event.get("target") is None or event["target"] in held]
    imports = {event["id"] for event in events if event.get("kind") == "import" and event["seq"] in voided}
    kept = [event for event in kept if event.get("import_id") not in imports]
    held = {event["seq"] for event in kept}
    kept = [event for event in kept if event.get("target") is None or event["target"] in held]
    assert without_counters(figures(numbered(kept))) == without_counters(figures(events))


@seeds(5)
def test_d_a_fill_in_parts(seed: int) -> None:
    fills = random_fills(seed)
    parts = []
    for fill in fills:
        third = {name: str(Fraction(fill[name]) / 4) for name in ("qty", "fee")}
        rest = {name: str(Fraction(fill[name]) * 3 / 4) for name in ("qty", "fee")}
        parts += [fill | third, fill | rest]
    assert the_position([part | {"seq": seq} for seq, part in enumerate(parts, 1)]) == the_position(fills)


@seeds(5)
def test_e_net_is_an_independent_wallet(seed: int) -> None:
    """Cash and coins of a spot account, fees in either, counted like a purse."""
    chance = random.Random(seed)
    ledger = LedgerBuilder()
    money = coins = price = Fraction()
    for _ in range(40):
        side = chance.choice(("buy", "sell"))
        quantity, price = Fraction(chance.randint(1, 90), 10), Fraction(chance.randint(500, 1500), 10)
        fee, currency = Fraction(chance.randint(-9, 99), 1000), chance.choice(("BTC", "USDT"))
        ledger.fill(side, str(quantity), str(price), fee=str(fee), fee_currency=currency)
        coins += (quantity if side == "buy" else -quantity) - (fee if currency == "BTC" else 0)
        money -= (quantity if side == "buy" else -quantity) * price + (fee if currency == "USDT" else 0)
    position = the_position(ledger.events)
    assert (position.quantity, net(position)) == (coins, money + coins * price)


@seeds(5)
@pytest.mark.parametrize("by", ["strategy", "position_side"])
def test_f_parts_add_up_to_the_account(seed: int, by: str) -> None:
    fills = random_fills(seed)
    names = ("long", "short") if by == "position_side" else ("a", "b")
    parts = figures(changed(fills, lambda fill: {by: names[fill["seq"] % 2]})).positions.values()
    whole = the_position(fills)
    assert sum(part.quantity for part in parts) == whole.quantity
    assert sum(net(part) for part in parts) == net(whole)


@seeds(5)
def test_g_swapped_sides_negate_the_gross(seed: int) -> None:
    fills = random_fills(seed)
    swapped = changed(fills, lambda fill: {"side": "sell" if fill["side"] == "buy" else "buy"})
    one, other = the_position(fills), the_position(swapped)
    assert (other.quantity, other.realised, gross(other)) == (-one.quantity, -one.realised, -gross(one))
    assert other.average == one.average


@seeds(5)
def test_h_quantities_times_k(seed: int) -> None:
    fills = random_fills(seed)
    one = the_position(fills)
    other = the_position(changed(fills, lambda fill: {"qty": str(7 * Fraction(fill["qty"]))}))
    assert (other.quantity, other.realised, gross(other)) == (7 * one.quantity, 7 * one.realised, 7 * gross(one))
    assert other.average == one.average


@seeds(5)
def test_i_linear_prices_plus_a_constant(seed: int) -> None:
    fills = random_fills(seed)
    one = the_position(fills)
    other = the_position(changed(fills, lambda fill: {"price": str(250 + Fraction(fill["price"]))}))
    assert (other.realised, gross(other)) == (one.realised, gross(one))


@seeds(5)
def test_j_inverse_is_linear_at_the_reciprocal_price(seed: int) -> None:
    fills = random_fills(seed)
    ledger = LedgerBuilder()
    ledger.say("instrument", symbol="BTC/USD:BTC", **INVERSE)
    ledger.say("instrument", symbol=LINEAR, multiplier="100")
    fills = changed(fills, lambda fill: {"seq": fill["seq"] + 2})
    swapped = changed(fills, lambda fill: {"side": "sell" if fill["side"] == "buy" else "buy"})
    linear = changed(swapped, lambda fill: {"price": str(1 / Fraction(fill["price"]))})
    inverse = changed(fills, lambda _fill: {"symbol": "BTC/USD:BTC"})
    one, other = the_position(ledger.events + linear), the_position(ledger.events + inverse)
    assert (other.realised, gross(other), other.quantity) == (one.realised, gross(one), -one.quantity)


@seeds(5)
def test_k_a_flip_is_a_close_and_an_opening(seed: int) -> None:
    held = Fraction()
    parts = []
    for fill in random_fills(seed):
        signed = Fraction(fill["qty"]) * (1 if fill["side"] == "buy" else -1)
        if held * (held + signed) < 0:
            parts += [fill | {"qty": str(abs(held)), "fee": "0"}, fill | {"qty": str(abs(held + signed))}]
        else:
            parts.append(fill)
        held += signed
    assert the_position([part | {"seq": seq} for seq, part in enumerate(parts, 1)]) == the_position(random_fills(seed))


@seeds(5)
def test_l_m_a_partial_close_keeps_the_average_and_flat_has_no_cost(seed: int) -> None:
    fills = random_fills(seed)
    for count in range(1, len(fills)):
        before, after = the_position(fills[:count]), the_position(fills[: count + 1])
        if before.quantity and 0 < after.quantity / before.quantity < 1:
            assert after.average == before.average
    closing = {"side": "sell" if after.quantity > 0 else "buy", "qty": str(abs(after.quantity)), "seq": 41}
    flat = the_position([*fills, fills[-1] | closing | {"ts": minute(100)}])
    expect(flat, quantity=0, average=None, unrealised=0)


@seeds(5)
def test_o_a_split_and_back(seed: int) -> None:
    fills = random_fills(seed)
    ledger = LedgerBuilder()
    ledger.events = fills.copy()
    ledger.say("split", symbol=LINEAR, n=3, d=7, ts=minute(20.1))
    ledger.say("split", symbol=LINEAR, n=7, d=3, ts=minute(20.2))
    assert the_position(ledger.events) == the_position(fills)


@seeds(5)
def test_o_a_split_restates_earlier_fills(seed: int) -> None:
    fills = random_fills(seed)
    ledger = LedgerBuilder()
    ledger.events = fills.copy()
    ledger.say("split", symbol=LINEAR, n=4, d=1, ts=minute(20.5))
    restated = changed(
        fills,
        lambda fill: (
            {"qty": str(4 * Fraction(fill["qty"])), "price": str(Fraction(fill["price"]) / 4)}
            if fill["seq"] <= 20
            else {}
        ),
    )
    assert the_position(ledger.events) == the_position(restated)


@seeds(5)
def test_p_an_opening_first_is_a_fill_without_volume(seed: int) -> None:
    fills = random_fills(seed)
    ledger = LedgerBuilder()
    ledger.events = fills[1:]
    first = fills[0] | {"fee": "0"}
    sign = 1 if first["side"] == "buy" else -1
    quantity = str(sign * Fraction(first["qty"]))
    opening = {"symbol": LINEAR, "quantity": quantity, "average": first["price"], "ts": first["ts"]}
    events = [{"seq": 1, "kind": "opening", "id": "o", "opening": opening}, *fills[1:]]
    assert the_position(events) == the_position([first, *fills[1:]])


@seeds(5)
def test_q_moves_conserve_quantity_and_cost(seed: int) -> None:
    chance = random.Random(seed)
    fills = changed(random_fills(seed), lambda fill: {"strategy": "ab"[fill["seq"] % 2], "fee": "0"})
    ledger = LedgerBuilder()
    ledger.events = fills.copy()
    before = figures(fills)
    holder = {"symbol": LINEAR, "quantity": f"{chance.randint(1, 99)}e-1", "account": "default"}
    source, sink = holder | {"strategy": "a"}, holder | {"strategy": "b"}
    ledger.say("move", reason="transfer", source=source, sink=sink, ts=minute(100))
    after = figures(ledger.events)
    for figure in (lambda one: one.quantity, gross):
        assert sum(map(figure, before.positions.values())) == sum(map(figure, after.positions.values()))
    assert before.accepted == after.accepted


@seeds(5)
def test_u_an_alias_is_the_renamed_input(seed: int) -> None:
    fills = random_fills(seed)
    ledger = LedgerBuilder()
    ledger.say("instrument", symbol=LINEAR, aliases=["XBT-PERP"])
    renamed = changed(fills, lambda fill: {"seq": fill["seq"] + 1, "symbol": ("XBT-PERP", LINEAR)[fill["seq"] % 2]})
    assert the_position(ledger.events + renamed) == the_position(fills)


@seeds(3)
def test_v_counters_never_fall_and_add_up(seed: int) -> None:
    """Right = accepted − removed + added; and what is right is what the fills in force count."""
    events = random_ledger(seed, 200)
    before: Figures | None = None
    for count in range(20, len(events) + 1, 20):
        now = figures(events[:count])
        for counters in ("accepted", "removed", "added"):
            for key, one in getattr(before, counters, {}).items():
                assert (one.trades, one.volume, one.notional) <= vars_of(getattr(now, counters)[key])
        before = now
    assert before is not None
    right = sum(one.trades for one in before.accepted.values())
    right += sum(one.trades for one in before.added.values()) - sum(one.trades for one in before.removed.values())
    gone = voided_sequences(events)
    imports = {event["id"] for event in events if event.get("kind") == "import" and event["seq"] in gone}
    assert right == sum(
        "kind" not in event and event["seq"] not in gone and event.get("import_id") not in imports for event in events
    )


def vars_of(count: Any) -> tuple[int, Fraction, Fraction]:
    return count.trades, count.volume, count.notional


def test_differences_find_each_kind_of_figure() -> None:
    """The comparison that campaigns rely on sees a changed quantity, fee, counter, total and flag."""
    ledger = LedgerBuilder()
    ledger.buy("1", "100", fee="0.1", fee_currency="BNB")
    before = figures(ledger.events)
    assert differences(before, before) == []
    ledger.sell("3", "100", fee="0.1", fee_currency="BNB")
    found = " ".join(differences(before, figures(ledger.events)))
    for name in ("quantity", "fees.BNB", "fees_outside.BNB", "accepted.default/default/BTC/USDT/sell", "sold_more"):
        assert name in found

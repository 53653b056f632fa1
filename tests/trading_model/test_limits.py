"""One account can't take all series, and a scrape has a bound in bytes; all by the order of the journal alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_sidecar.exposition.text import Exposition, max_bytes
from metrics_sidecar.snapshot import Snapshot, decode_body, encode
from telemetry_stream.events import StreamPosition
from tests.metrics_sidecar.builders import STREAM, Trade, batch, replace, state_of, trade
from tests.support.examples import some_of
from trading_model.accounting.quota import LABEL_BYTES, cost, newcomers_limit
from trading_model.accounting.state import TradingState

NINES = "9" * 38
SMALL = "0." + "0" * 37 + "1"


def keys_of(state: TradingState, account: str) -> int:
    return sum(held.key.account == account for held in state.freeze().positions)


def greedy(count: int, account: str = "greedy") -> list[Trade]:
    return [trade("buy", "1", "1", account=account, symbol=f"S{number}/USDT") for number in range(count)]


def test_an_account_that_takes_all_series_keeps_no_other_out() -> None:
    honest = [
        trade("buy", "1", "1", account=f"honest-{number}", symbol=f"H{place}/USDT")
        for number in range(4)
        for place in range(3)
    ]
    state = state_of([*greedy(2_000), *honest, *greedy(2_500)], limit=400)
    assert keys_of(state, "greedy") == 400
    assert [keys_of(state, f"honest-{number}") for number in range(4)] == [3, 3, 3, 3]
    assert state.freeze().other.trades == 1_600 + 2_100
    assert state.freeze().fills == 4_512


def test_made_up_accounts_end_at_the_reserve() -> None:
    state = state_of([held for number in range(300) for held in greedy(5, f"made-up-{number}")], limit=400)
    moment = state.freeze()
    assert (len(moment.positions), moment.used) == (500, newcomers_limit(400))


def test_an_account_may_have_as_many_keys_as_the_limit_as_before() -> None:
    state = state_of(greedy(400), limit=400)
    assert keys_of(state, "greedy") == 400
    assert not state.freeze().other.trades


def test_long_names_count_for_their_bytes() -> None:
    assert cost("a" * 64, "b" * 32, "C" * 32) == 1
    assert cost("a" * 64, "b" * 33, "C" * 32) == 2
    assert cost("ü" * 64, "b", "C") == 2
    assert cost("\N{OLD ITALIC LETTER A}" * 64, "\N{OLD ITALIC LETTER A}" * 64, "C" * 32) == 5
    long = {"account": "a" * 64, "strategy": "b" * 33}
    state = state_of([trade("buy", "1", "1", symbol=f"{number:032}", **long) for number in range(9)], limit=10)
    assert len(state.freeze().positions) == 5


@st.composite
def hostile(draw: st.DrawFn) -> list[Trade]:
    """Trades of a few accounts that fill every limit in some order."""
    return [
        trade(
            draw(st.sampled_from(["buy", "sell"])),
            draw(st.sampled_from([NINES, SMALL, "1"])),
            draw(st.sampled_from([NINES, SMALL, "3"])),
            account=draw(st.sampled_from(["a", "b", "c", "\N{OLD ITALIC LETTER A}" * 64])),
            strategy=draw(st.sampled_from(["s", "\N{OLD ITALIC LETTER A}" * 64])),
            symbol=f"{draw(st.integers(0, 20)):028}BTC",
            fee=draw(st.sampled_from([NINES, SMALL, f"-{SMALL}"])),
            fee_currency=f"{draw(st.integers(0, 12)):016}",
        )
        for _ in range(draw(st.integers(1, 60)))
    ]


@settings(max_examples=some_of(60), deadline=None)
@given(hostile(), st.integers(1, 12), st.data())
def test_which_keys_get_series_depends_on_the_journal_alone(
    trades: list[Trade], limit: int, data: st.DataObject
) -> None:
    whole = state_of(trades, limit)
    state = TradingState(limit, STREAM)
    while state.applied < len(trades):
        end = data.draw(st.integers(state.applied + 1, len(trades)))
        state.apply(batch(trades[state.applied : end], state.applied + 1))
        snapshot = Snapshot(StreamPosition(STREAM, state.applied, "x"), state.freeze())
        restored = decode_body(b"".join(encode(snapshot))).moment
        assert restored.is_of_this_fold
        state = TradingState.restored(restored)
    assert state.freeze() == whole.freeze()
    assert sum(held.trades for held in [*whole.freeze().totals, whole.freeze().other]) == len(trades)


def test_sides_and_currencies_that_trades_name_count_as_keys() -> None:
    made_up = [trade("buy", "1", "1", symbol="S", currency=f"C{number}") for number in range(40)]
    sides = [trade("buy", "1", "1", account="a", position_side=side) for side in ("long", "short")]
    moment = state_of([*sides, *made_up], limit=10).freeze()
    assert (len(moment.positions), len(moment.totals), moment.used) == (10, 2, 10)
    assert moment.other.trades == 32


@pytest.mark.long
def test_a_scrape_is_never_longer_than_its_bound() -> None:
    names = ["\N{OLD ITALIC LETTER A}" * 64, "\N{OLD ITALIC LETTER BE}" * 64]
    trades = [
        trade(side, NINES, price, account=account, strategy=strategy, symbol=f"{number:028}/BTC", **fee)
        for number in range(20)
        for account in names
        for strategy in names
        for side, price in (("buy", NINES), ("sell", SMALL), ("buy", f"0.{NINES}"))
        for fee in [{"fee": f"0.{NINES}", "fee_currency": f"{currency:016}"} for currency in range(12)]
    ]
    # Each trade was really one of the other side.
    sides = {"buy": "sell", "sell": "buy"}
    corrections = [replace(seq, given, side=sides[given["side"]]) for seq, given in enumerate(trades, 1)]
    moment = state_of([*trades, *corrections], limit=40).freeze()
    assert sum(len(held.corrected) for held in moment.totals) == 4 * len(moment.totals)
    exposition = Exposition()
    text = b"".join(exposition.render(moment, [], openmetrics=True))
    assert moment.used >= 40
    assert len(text) == exposition.bytes <= max_bytes(40)


def test_a_plain_key_costs_one() -> None:
    assert cost("default", "default", "BTC/USDT") == 1
    assert LABEL_BYTES == 128

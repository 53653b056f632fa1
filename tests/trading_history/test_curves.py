"""Series whose net P&L was always the same share a curve of equity, and part once only one of them changes."""

from functools import partial
from pathlib import Path

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ask, fold_at_once
from trading_history.figures.curves import FIRST, Curves, Name
from trading_history.queries.equity import SPANS, curves, level_before
from trading_history.queries.scope import EVERYTHING, Scope, books
from trading_history.reader import Snapshot
from trading_model.decimals import ZERO

UNTIL = nanoseconds(minute(10_000))


def names(*kinds: str) -> tuple[Name, ...]:
    """Names of these kinds."""
    return tuple(Name(kind, "", "", "", "", "USDT") for kind in kinds)


def test_names_share_a_curve_until_one_changes_without_the_other() -> None:
    held = Curves()
    assert held.of(names("book", "symbol", "total")) is None
    (first,) = held.part(names("book", "symbol", "total"), 100)
    first.begin(100)
    assert held.of(names("book", "symbol", "total")) == (first,)
    assert held.of(names("other", "total")) is None
    other, parted = sorted(held.part(names("other", "total"), 200), key=lambda curve: curve.is_active)
    assert parted.state() == first.state()
    assert held.of(names("book", "symbol", "total")) == (first, parted)
    assert held.of(names("other", "total")) == (other, parted)
    assert [tuple(piece) for piece in held.pieces[names("total")[0]]] == [(FIRST, 1), (200, parted.number)]


def test_an_earlier_state_has_the_curves_of_then() -> None:
    held = Curves()
    (first,) = held.part(names("book", "total"), 100)
    before = held.state()
    made = held.part(names("other", "total"), 200)
    held.set(before)
    assert held.of(names("book", "total")) == (first,)
    assert held.has(first)
    assert not any(map(held.has, made))


def test_one_position_and_its_sums_have_the_rows_of_one(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    for at in range(3):
        ledger.fill("buy", "1", str(100 + at), ts=minute(at))
    fold_at_once(tmp_path, ledger.events)
    rows = ask(tmp_path, lambda snapshot: snapshot.connection.execute("SELECT DISTINCT curve FROM equity").fetchall())
    assert rows == [(1,)]
    shared = ask(tmp_path, lambda snapshot: snapshot.connection.execute("SELECT DISTINCT curve FROM curves").fetchall())
    assert shared == [(1,)]


def test_sums_have_all_bars_where_they_parted_inside_of_one(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    for at, symbol, account in (
        (0, "BTC/USDT", "a"), (1, "BTC/USDT", "a"), (31, "ETH/USDT", "a"), (31, "BTC/USDT", "a"), (95, "ETH/USDT", "b"),
        (96, "BTC/USDT", "b"), (1500, "BTC/USDT", "a"), (1500, "ETH/USDT", "b"), (1501, "ETH/USDT", "a"),
    ):  # fmt: skip
        ledger.fill("buy", "1", str(100 + at), symbol, ts=minute(at), account=account)
    fold_at_once(tmp_path, ledger.events)
    scopes = (EVERYTHING, Scope(accounts=("a",)), Scope(accounts=("b",)), Scope(symbols=("ETH/USDT",)))
    for scope in scopes:
        for span in SPANS[1:]:
            ask(tmp_path, partial(assert_closes_are_sums, scope=scope, span=span))


def assert_closes_are_sums(snapshot: Snapshot, scope: Scope, span: int) -> None:
    """Bars follow each other, and each closes with what the positions of the scope are worth then."""
    found = curves(snapshot, scope, 0, UNTIL, span)
    assert found is not None
    (curve,) = found
    held = books(snapshot, scope)
    level = curve.opening
    for bar in curve.bars:
        assert bar.open == level
        level = sum((level_before(snapshot, one.id, bar.start_ns + span * 10**9) for one in held), ZERO)
        assert bar.close == level
    assert (
        sum(bar.fills for bar in curve.bars)
        == snapshot.connection.execute(
            f"SELECT sum(fills) FROM positions WHERE series IN ({', '.join(str(one.id) for one in held)})"
        ).get
    )

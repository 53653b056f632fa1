"""A small journal and what it adds up to, to the byte: whoever changes the meaning of a figure has to raise FOLD.

`golden/fold-N.ndjson` is a journal, an event a line; `golden/fold-N.json` the state after it. Names of fields would not
show a changed meaning. To write them again after raising FOLD: run this module.
"""

import json
import re
from hashlib import blake2b
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from metrics_sidecar.snapshot import Snapshot, decode_body, encode
from telemetry_stream.events import Batch, StreamPosition
from tests.metrics_sidecar.builders import STREAM
from tests.support.ledger_builder import LedgerBuilder, minute
from trading_model.accounting.book import BookKey, BookState, Last
from trading_model.accounting.cash import CashKey
from trading_model.accounting.fills import LineKey
from trading_model.accounting.marks import Mark, SplitOfMark
from trading_model.accounting.order import Order
from trading_model.accounting.positions import PositionSnapshot
from trading_model.accounting.snapshots import FOLD, LineSnapshot, StateSnapshot, WaitingImport
from trading_model.accounting.state import KEPT_KINDS, TradingState
from trading_model.accounting.totals import Count, TotalsSnapshot
from trading_model.contents import CONTENTS, Holder, LedgerEvent
from trading_model.futures import ROOTS
from trading_model.instruments import Instruments, Terms
from trading_model.kinds import COUNTED
from trading_model.trade import FillContent

GOLDEN = Path(__file__).parent / "golden"
LIMIT = 25
HELD = (
    *(StateSnapshot, PositionSnapshot, BookKey, BookState, Order, Last, Terms, SplitOfMark, Mark, TotalsSnapshot),
    *(Count, LineSnapshot, LineKey, CashKey, WaitingImport, LedgerEvent, FillContent, Holder),
    *(CONTENTS[kind] for kind in ("void", "replace", *KEPT_KINDS)),
)
SYMBOLS = (
    *(
        "BTC/USDT",
        "BTCUSDT",
        "BTC-USDT",
        "BTC-USDT-SWAP",
        "BTC/USDT:USDT",
        "BTC/USD:BTC",
        "XBTUSD",
        "BTC-PERP",
        "XRP/ETH",
    ),
    *("XRP/ETH", "EURUSD", "EUR/USD", "XAUUSD", "KRW-BTC", "AAPL", "BRK-B", "0700.HK", "7203.T", "AAPL261218C00200000"),
    *("BTC-27DEC26-100000-C", "1000PEPEUSDT", "DOGEFDUSD"),
    *(f"{root}Z26" for root in ROOTS),
)
NAMES = {7: "cd1d9dbb45221b1a"}
"""A digest of the names and types of what a snapshot holds, for each version of the fold."""

SHIPPED = {7: "dfa4084326e37f6a"}
"""A digest of what some symbols are without an instrument: a snapshot holds that too."""


def golden_ledger() -> LedgerBuilder:
    """Events of all kinds, in force and not, early and late; some that can't be read or applied."""
    ledger = LedgerBuilder()
    ledger.say("rate", base="BNB", quote="USDT", rate="600.5", max_age=86_400)
    spot(ledger)
    contracts(ledger)
    steps_without_trades(ledger)
    imports(ledger)
    past_the_limit(ledger)
    return ledger


def spot(ledger: LedgerBuilder) -> None:
    """Fees of all kinds, a late fill, corrections of corrections, cash."""
    ledger.buy("2", "100.10", account="a", strategy="s", fee="0.1")
    ledger.buy("1", "110", account="a", strategy="s", fee="-0.02", fee_currency="USDT")
    wrong = ledger.sell("1", "120", account="a", strategy="s", fee="0.001", fee_currency="BNB")
    ledger.buy("1", "0.7", account="a", strategy="s", fee="0.001", fee_currency="BTC")
    voided = ledger.sell("5", "90", account="a", strategy="s", fee="3", fee_currency="XRP")
    ledger.buy("0.3", "99", account="a", strategy="s", ts=minute(0.5), trade_id="17")
    ledger.aside("note", {"text": "x"}, target=voided)
    ledger.void(ledger.void(voided), "it did happen")
    ledger.void(wrong)
    ledger.void(ledger.replace(2, price="111"))
    ledger.replace(2, price="110.5", ts=minute(90))
    ledger.say("cash", account="a", strategy="s", symbol="BTC/USDT", amount="-0.02", currency="USDT", reason="funding")
    ledger.say("cash", account="a", amount="1000", currency="USDT", reason="deposit")
    ledger.void(ledger.say("cash", account="a", amount="7", currency="USDT", reason="rebate"))
    ledger.say("price", symbol="BTC/USDT", price="101")
    ledger.void(ledger.say("price", symbol="BTC/USDT", price="1"))


def contracts(ledger: LedgerBuilder) -> None:
    """An inverse contract, an alias, sides kept apart, a multiplier and a currency that fills name, points."""
    ledger.buy("50", "10000", "BTC/USD:BTC")
    ledger.say("instrument", symbol="BTC/USD:BTC", currency="BTC", multiplier="1", settlement="inverse")
    ledger.sell("20", "15000", "XBT-PERPETUAL", fee="0.00001")
    ledger.say("instrument", symbol="BTC/USD:BTC", aliases=["XBT-PERPETUAL"])
    ledger.buy("3", "60000", "BTC-USDT-SWAP", position_side="long", multiplier="0.01")
    ledger.sell("1", "61000", "BTC-USDT-SWAP", position_side="short", multiplier="0.01")
    ledger.buy("10", "20", "XCHG", currency="HKD")
    ledger.buy("1", "5", "ETH-PERP")
    for number in range(10):
        ledger.buy("1", "1", "ETH-PERP", fee="1", fee_currency=f"F{number}")


def steps_without_trades(ledger: LedgerBuilder) -> None:
    """Openings, splits and moves."""
    ledger.buy("3", "90", "AAA/USD")
    ledger.say("opening", symbol="AAA/USD", quantity="10", average="30")
    ledger.say("split", symbol="AAA/USD", n=1, d=4, account="default", quantity="2", cash="50")
    holder = {"symbol": "AAA/USD", "quantity": "1"}
    ledger.say("move", reason="transfer", source=holder, sink=holder | {"account": "cold"})
    ledger.say("move", reason="reassignment", source=holder, sink=holder | {"strategy": "hand"}, price="70")
    ledger.say("move", reason="reward", sink=holder | {"account": "cold"}, price="5")
    ledger.void(ledger.say("opening", symbol="AAA/USD", quantity="1", average="1"))
    ledger.void(ledger.say("split", symbol="AAA/USD", n=2, d=1))


def imports(ledger: LedgerBuilder) -> None:
    """One that counts, one that was taken back, one that was restored."""
    for name in ("kept", "undone", "restored"):
        taken = ledger.say("import", id=name, name=f"{name}.csv", digest="00")
        ledger.buy("1", "10", "IMP/EUR", import_id=name)
        if name != "kept":
            undone = ledger.void(taken)
            ledger.sell("1", "11", "IMP/EUR", import_id=name)
        if name == "restored":
            ledger.void(undone)


def past_the_limit(ledger: LedgerBuilder) -> None:
    """Keys without a position, and what can't be applied."""
    ledger.buy("1", "1E+38", "AAA/USD")
    ledger.events.append({"seq": len(ledger.events) + 1, "what": "is this?"})
    ledger.events.append({"seq": len(ledger.events) + 1, "kind": "merge", "merge": {"price": "1"}})
    for number in range(1, 20):
        ledger.sell("1", str(number), f"S{number}", account="greedy")
    ledger.sell("1", "3", "NEW", account="late")
    ledger.buy("0.1", "105", account="greedy", fee="1", fee_currency="EUR")
    ledger.sell("2", "3", "NEW", account="n" * 64, strategy="\N{OLD ITALIC LETTER A}" * 64)


def journal() -> Batch:
    lines = (GOLDEN / f"fold-{FOLD}.ndjson").read_bytes().splitlines()
    return Batch(STREAM, 1, len(lines), b",".join(lines))


def folded(batch: Batch) -> TradingState:
    state = TradingState(LIMIT, STREAM)
    state.apply(batch)
    return state


def result(batch: Batch) -> bytes:
    return msgspec.json.format(msgspec.json.encode(folded(batch).freeze()), indent=1) + b"\n"


def digest(lines: list[str]) -> str:
    return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


MODULE = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")
"""Before a type's name: where it stands says nothing of what it means."""


def names() -> str:
    described = [f"{held.__name__}.{name}: {kind}" for held in HELD for name, kind in get_type_hints(held).items()]
    return digest([MODULE.sub("", line) for line in described])


def shipped() -> str:
    return digest([repr(Instruments().find(symbol)) for symbol in SYMBOLS])


def test_the_golden_journal_adds_up_to_the_golden_state() -> None:
    assert result(journal()).decode() == (GOLDEN / f"fold-{FOLD}.json").read_text()


def test_the_golden_journal_has_all_kinds_of_events() -> None:
    events = folded(journal()).events
    assert [kind for kind in COUNTED if not events[kind]] == []


def test_what_a_snapshot_holds_changes_with_the_version_of_the_fold_only() -> None:
    assert NAMES[FOLD] == names(), "raise FOLD, so that older snapshots are not read with defaults in new fields"


def test_what_a_symbol_is_without_an_instrument_changes_with_the_version_of_the_fold_only() -> None:
    assert SHIPPED[FOLD] == shipped(), "raise FOLD, so that older snapshots are not used with what was shipped then"


def test_the_golden_state_survives_a_snapshot_and_is_of_this_fold() -> None:
    golden = msgspec.json.decode((GOLDEN / f"fold-{FOLD}.json").read_bytes(), type=StateSnapshot)
    body = b"".join(encode(Snapshot(StreamPosition(STREAM, golden.applied, "x"), golden)))
    assert decode_body(body).moment == golden
    assert golden.is_of_this_fold


@pytest.mark.parametrize("fold", [1, 2, 3, 4, 5, FOLD + 1])
def test_a_state_of_another_fold_is_not_of_this_one(fold: int) -> None:
    assert not msgspec.structs.replace(folded(journal()).freeze(), fold=fold).is_of_this_fold


if __name__ == "__main__":
    made = [json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in golden_ledger().events]
    (GOLDEN / f"fold-{FOLD}.ndjson").write_bytes(b"".join(made))
    (GOLDEN / f"fold-{FOLD}.json").write_bytes(result(journal()))
    print(names(), shipped())

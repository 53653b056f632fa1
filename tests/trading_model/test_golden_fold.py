"""A small journal and what it adds up to, to the byte: whoever changes the meaning of a figure has to raise FOLD.

`golden/fold-N.ndjson` is a journal, an event a line; `golden/fold-N.json` the state after it. Names of fields would not
show a changed meaning. To write them again after raising FOLD: run this module.
"""

from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest

from metrics_sidecar.snapshot import Snapshot, decode_body, encode
from telemetry_stream.events import Batch, StreamPosition
from telemetry_stream.wire import number as number_event
from tests.metrics_sidecar.builders import STREAM, event, trade
from trading_model.accounting import positions
from trading_model.accounting.fills import UNDECODABLE
from trading_model.accounting.marks import Mark
from trading_model.accounting.state import FOLD, OUT_OF_RANGE, StateSnapshot, TradingState

GOLDEN = Path(__file__).parent / "golden"
LIMIT = 5
NAMES = {2: "c237ba9fcaf886a8"}
"""A digest of the names and types of what a snapshot holds, for each version of the fold."""

EVENTS = [
    trade("buy", "2", "100.10", symbol="BTC/USDT", account="a", strategy="s", fee="0.1"),
    trade("buy", "1", "110", symbol="BTC/USDT", account="a", strategy="s", fee="-0.02", fee_currency="USDT"),
    trade("sell", "1", "120", symbol="BTC/USDT", account="a", strategy="s", fee="0.001", fee_currency="BNB"),
    trade("buy", "1", "0.7", symbol="BTC/USDT", account="a", strategy="s"),
    trade("sell", "5", "90", symbol="BTC/USDT", account="a", strategy="s"),
    {"kind": "note", "aside": True, "note": {"text": "x"}},
    *[trade("buy", "1", "1", symbol="X-PERP", fee="1", fee_currency=f"F{number}") for number in range(10)],
    {"kind": "void", "target": 1},
    {"what": "is this?"},
    trade("buy", "1", "1E+38"),
    *[trade("sell", "1", str(number), symbol=f"S{number}", account="greedy") for number in range(1, 6)],
    trade("sell", "1", "3", symbol="NEW", account="late"),
    trade("sell", "2", "3", symbol="NEW", account="n" * 64, strategy="\N{OLD ITALIC LETTER A}" * 64),
]


def line(sequence: int, given: dict[str, object]) -> bytes:
    return event(sequence, given) if "symbol" in given else number_event(msgspec.json.encode(given), sequence)


def journal() -> Batch:
    lines = (GOLDEN / f"fold-{FOLD}.ndjson").read_bytes().splitlines()
    return Batch(STREAM, 1, len(lines), b",".join(lines))


def result(batch: Batch) -> bytes:
    folded = TradingState(LIMIT, STREAM)
    folded.apply(batch)
    return msgspec.json.format(msgspec.json.encode(folded.freeze()), indent=1) + b"\n"


def names() -> str:
    described = [
        f"{struct.__name__}.{each.name}: {each.type}"
        for struct in (StateSnapshot, positions.PositionSnapshot, Mark)
        for each in msgspec.structs.fields(struct)
    ]
    return blake2b("\n".join(described).encode(), digest_size=8).hexdigest()


def test_the_golden_journal_adds_up_to_the_golden_state() -> None:
    assert result(journal()).decode() == (GOLDEN / f"fold-{FOLD}.json").read_text()


def test_what_a_snapshot_holds_changes_with_the_version_of_the_fold_only() -> None:
    assert NAMES[FOLD] == names(), "raise FOLD, so that older snapshots are not read with defaults in new fields"


def test_the_golden_state_survives_a_snapshot_and_is_of_this_fold() -> None:
    golden = msgspec.json.decode((GOLDEN / f"fold-{FOLD}.json").read_bytes(), type=StateSnapshot)
    body = b"".join(encode(Snapshot(StreamPosition(STREAM, golden.applied, "x"), golden)))
    assert decode_body(body).moment == golden
    assert golden.is_of_this_fold
    assert not msgspec.structs.replace(golden, fold=FOLD + 1).is_of_this_fold


def first_fold(**changes: object) -> StateSnapshot:
    folded = TradingState(LIMIT, STREAM)
    folded.apply(Batch(STREAM, 1, 1, event(1, trade("buy", "1", "1", fee="1", fee_currency="BNB"))))
    return msgspec.structs.replace(folded.freeze(), used=0, fold=1, **changes)


@pytest.mark.parametrize(
    ("changes", "is_used"),
    [
        pytest.param({}, True, id="nothing that changed mattered"),
        pytest.param({"rejected": {UNDECODABLE: 1, OUT_OF_RANGE: 0}}, False, id="events of a kind, perhaps"),
        pytest.param({"limit": 0}, False, id="past the limit"),
    ],
)
def test_a_snapshot_of_the_first_fold_is_used_where_both_agree(changes: dict[str, object], is_used: bool) -> None:
    assert first_fold(**changes).is_of_this_fold is is_used


if __name__ == "__main__":
    made = b"".join(line(number, given) + b"\n" for number, given in enumerate(EVENTS, 1))
    (GOLDEN / f"fold-{FOLD}.ndjson").write_bytes(made)
    (GOLDEN / f"fold-{FOLD}.json").write_bytes(result(journal()))
    print(names())

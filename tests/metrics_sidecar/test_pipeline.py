"""Metrics of the sidecar itself."""

import re
from collections import Counter
from pathlib import Path

import pytest

from metrics_sidecar.exposition.pipeline import MESSAGE_REJECTIONS, pipeline_families
from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.server import connection_context
from metrics_sidecar.snapshot import SnapshotFile
from service_kit.metrics.text import Value
from telemetry_stream.errors import UnusableState
from telemetry_stream.testing.memory import MemoryStream, MemorySubscriber
from trading_app.metrics import REPLAY_REFUSALS
from trading_model.accounting.state import TradingState

ROOT = Path(__file__).resolve().parents[2]


def samples(file: SnapshotFile) -> dict[str, Value]:
    tracker = Tracker(MemorySubscriber(MemoryStream()), TradingState(10))
    saver = Saver(tracker, file)
    families = pipeline_families(tracker.state.freeze(), tracker, saver, Counter(), connection_context(), 0)
    return {family.metric.name + labels: value for family in families for labels, value in family.samples}


def test_an_unusable_snapshot_is_counted(tmp_path: Path) -> None:
    file = SnapshotFile(tmp_path)
    assert file.load() is None
    assert samples(file)['trading_snapshots_total{result="refused"}'] == 0
    file.path.write_bytes(b"torn")
    with pytest.raises(UnusableState):
        file.load()
    assert samples(file)['trading_snapshots_total{result="refused"}'] == 1


def test_the_size_of_the_snapshot_is_that_of_the_file(tmp_path: Path) -> None:
    file = SnapshotFile(tmp_path)
    assert samples(file)["trading_snapshot_bytes"] == 0
    file.save([b"what is", b" saved"])
    assert samples(file)["trading_snapshot_bytes"] == file.path.stat().st_size


def test_every_reason_to_reject_is_there_before_it_is_met(tmp_path: Path) -> None:
    """`increase()` does not see a series begin: an alert would miss the first."""
    sources = "".join(path.read_text() for path in (ROOT / "libs/telemetry-stream/src").rglob("*.py"))
    reasons = set(re.findall(r'MalformedFrame\(\s*"(\w+)"', sources))
    assert reasons
    assert reasons <= {*MESSAGE_REJECTIONS, *REPLAY_REFUSALS}
    there = samples(SnapshotFile(tmp_path))
    assert {f'trading_events_rejected_total{{reason="{reason}"}}' for reason in MESSAGE_REJECTIONS} <= there.keys()

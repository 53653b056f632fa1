"""What several tests of the stream's subscriber begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry_stream.transports.zeromq import subscriber
from tests.support.polling import PATIENCE_SECONDS
from tests.telemetry_stream.place import Place


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence and missing answers are noticed sooner than in earnest."""
    monkeypatch.setattr(subscriber, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(subscriber, "ANSWER_SECONDS", 0.2)


@pytest.fixture
def patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a pause of the process counts as a missing answer, nor as silence: also where the module is `quick`."""
    request.getfixturevalue("quick")  # first: the last one counts
    monkeypatch.setattr(subscriber, "SILENCE_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(subscriber, "ANSWER_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "stream")
    yield place
    assert not place.failures

"""Any bytes as a file: FileRefused, or rows; never another error.

`python -m tests.trading_files.test_any_bytes SECONDS SEED` goes on for longer and prints the time and memory it took.
"""

import io
import random
import resource
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading_files.file_samples import mutated, mutated_inside, samples
from trading_files.errors import FileRefused
from trading_files.reading.columns import column_key
from trading_files.reading.read import read
from trading_files.reading.tables import Row

KNOWN = [frozenset(map(column_key, ("id", "ts", "symbol", "price")))]
SAMPLES = samples()


def outcome(content: bytes) -> str | int:
    """The number of rows, or why the file is refused."""
    count = 0
    try:
        for table in read(io.BytesIO(content), headers=KNOWN).tables:
            assert all(isinstance(name, str) for name in table.columns)
            for row in table.rows:
                assert_is_text(row)
                count += 1
    except FileRefused as error:
        return reason(error)
    return count


def reason(error: FileRefused) -> str:
    text = str(error)
    assert 0 < len(text) < 1_000
    return text


def assert_is_text(row: Row) -> None:
    assert row.place >= 0
    for name, cell in row.cells.items():
        name.encode()
        cell.encode()
        assert cell.strip()


@pytest.mark.parametrize("kind", SAMPLES)
def test_each_sample_has_rows(kind: str) -> None:
    assert isinstance(outcome(SAMPLES[kind]), int)


@given(st.binary(max_size=4_000))
def test_random_bytes_are_refused_or_read(content: bytes) -> None:
    outcome(content)


@given(st.text(max_size=2_000))
def test_random_text_is_refused_or_read(content: str) -> None:
    outcome(content.encode("utf-8", "replace"))


@pytest.mark.parametrize("kind", SAMPLES)
def test_damaged_files_are_refused_or_read(kind: str) -> None:
    for seed in range(150):
        outcome(mutated(SAMPLES[kind], random.Random(f"{kind} {seed}")))


@pytest.mark.parametrize("kind", ["xlsx", "zip"])
def test_archives_with_damaged_members_are_refused_or_read(kind: str) -> None:
    for seed in range(150):
        outcome(mutated_inside(SAMPLES[kind], random.Random(f"{kind} inside {seed}")))


def campaign(seconds: float, seed: int) -> None:
    """Damages files until the time is up; prints the slowest, and the memory of the process."""
    chance = random.Random(seed)
    ends = time.monotonic() + seconds
    counts: dict[str, int] = {"refused": 0, "read": 0}
    slowest = (0.0, "")
    while time.monotonic() < ends:
        kind = chance.choice(list(SAMPLES))
        content = mutated(SAMPLES[kind], chance)
        if kind in ("xlsx", "zip") and chance.random() < 0.7:
            content = mutated_inside(SAMPLES[kind], chance)
        began = time.monotonic()
        try:
            found = outcome(content)
        except BaseException:
            print(kind, repr(content[:3_000]))
            raise
        slowest = max(slowest, (time.monotonic() - began, kind))
        counts["read" if isinstance(found, int) else "refused"] += 1
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    print(f"seed {seed}: {counts}, slowest {slowest[0]:.2f} s ({slowest[1]}), {memory} MB")


if __name__ == "__main__":
    campaign(float(sys.argv[1]), int(sys.argv[2]))

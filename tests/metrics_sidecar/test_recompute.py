"""When positions are recomputed: after the corrections that belong together, and not too late."""

import pytest

from metrics_sidecar.recompute import FOLD_SECONDS, MAX_QUIET_SECONDS, QUIET_SECONDS, Quiet


def waited(fills: int, *, last: float, every: float = 0.01) -> float:
    """How long a pass of so many fills waits, while corrections come every so many seconds until `last`."""
    quiet, now = Quiet(0), 0.0
    while pause := quiet.pause(now, int(min(now, last) / every), fills):
        now += pause
    return now


def test_a_single_correction_waits_for_one_pause() -> None:
    assert waited(1_000, last=0) == QUIET_SECONDS


def test_an_import_is_waited_for_to_its_end() -> None:
    assert 1 < waited(1_000, last=1) <= 1 + 2 * QUIET_SECONDS


def test_corrections_that_keep_coming_are_waited_for_two_seconds() -> None:
    assert waited(1_000, last=1e9) == pytest.approx(MAX_QUIET_SECONDS, abs=QUIET_SECONDS)


def test_a_long_pass_waits_for_as_long_as_it_takes_and_a_hundredth_of_that_after_the_last_correction() -> None:
    fills = 10_000_000
    takes = FOLD_SECONDS * fills
    assert waited(fills, last=1e9) == pytest.approx(takes)
    assert takes / 2 < waited(fills, last=takes / 2) <= takes / 2 + 2 * takes / 100
    assert waited(fills, last=0) == pytest.approx(takes / 100)

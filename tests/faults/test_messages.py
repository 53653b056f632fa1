"""Lost, late and repeated messages. `make torture PART="mischief missing overflow link"` does the same at length."""

from pathlib import Path

import pytest

from tests.torture import link, messages

SEED = 20_261_121


def test_mischief_on_the_way_changes_no_figure(tmp_path: Path) -> None:
    counts = messages.mischief(tmp_path, SEED, 200).counts
    assert counts["gaps"] > 0
    assert counts["duplicates"] > 0
    assert (counts["lost"], counts["doubled"], counts["went_back"]) == (0, 0, 0)


def test_ten_thousand_missing_trades_and_a_lost_last_one_are_fetched(tmp_path: Path) -> None:
    counts = messages.missing(tmp_path, SEED, 1).counts
    assert counts["journaled"] == messages.MISSING + 2
    assert (counts["lost"], counts["doubled"]) == (0, 0)


@pytest.mark.long
def test_a_sidecar_that_stood_still_catches_up(tmp_path: Path) -> None:
    counts = messages.overflow(tmp_path, SEED, 1).counts
    assert (counts["overflows"], counts["lost"], counts["doubled"]) == (1, 0, 0)


@pytest.mark.long
@pytest.mark.skipif(bool(link.obstacle()), reason=link.obstacle())
def test_a_link_that_was_cut_and_healed_is_caught_up_over(tmp_path: Path) -> None:
    counts = link.cut(tmp_path, SEED, 1).counts
    assert (counts["cuts"], counts["lost"], counts["doubled"]) == (1, 0, 0)

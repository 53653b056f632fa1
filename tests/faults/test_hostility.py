"""Hostile frames at the ZeroMQ ports of running apps. The torture's parts of the same names send more of them."""

from pathlib import Path

from tests.torture import hostility

SEED = 20_261_121


def test_hostile_replay_requests_are_each_answered_or_counted_and_good_ones_served(tmp_path: Path) -> None:
    counts = hostility.requests(tmp_path, SEED, 500).counts
    assert counts["answered"] > 2, "the two of a good client among them"
    assert counts["malformed_request"] > 0
    assert sum(counts.values()) == 500 + 2


def test_hostile_messages_change_no_figure_of_the_sidecar(tmp_path: Path) -> None:
    counts = hostility.messages(tmp_path, SEED, 500).counts
    assert {"malformed_frame", "malformed_header", "malformed_body"} <= counts.keys()
    assert 0 < sum(counts.values()) <= 600, "no more than were sent"

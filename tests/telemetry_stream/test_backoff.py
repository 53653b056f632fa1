"""Waits grow to a cap and are spread out."""

from itertools import islice

from telemetry_stream.backoff import backoff


def test_waits_grow_to_the_cap_and_stay_there() -> None:
    tops = [0.1, 0.3, 0.9, 1.0, 1.0, 1.0]
    waits = list(islice(backoff(first=0.1, factor=3, cap=1.0), len(tops)))
    assert all(top / 2 <= wait <= top for wait, top in zip(waits, tops, strict=True))


def test_two_readers_do_not_come_back_at_the_same_time() -> None:
    assert list(islice(backoff(), 10)) != list(islice(backoff(), 10))

"""Answers to named requests are kept for a day, then forgotten in steps of bounded work."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from telemetry_stream.events import Conflict, Receipt, RequestKey, Submission
from telemetry_stream.stores.sqlite import request_keys
from telemetry_stream.stores.sqlite.journal import Journal
from tests.telemetry_stream.streams import submission

DAY_NS = request_keys.LIFE_SECONDS * 10**9


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path)) as journal:
        yield journal


def asked(key: str, name: str, caller: str = "me") -> Submission:
    return Submission(submission(name).events, RequestKey(key, name.encode(), caller))


def kept(journal: Journal) -> int:
    return int(journal._connection.execute("SELECT count(*) FROM request_key").get)


def test_keys_are_kept_for_a_day_and_then_forgotten(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = time.time_ns()
    journal.append([asked("first", "a")])
    monkeypatch.setattr(time, "time_ns", lambda: now_ns + DAY_NS - 10**9)
    journal.maintain()
    [again] = journal.append([asked("first", "a")])[0]
    assert isinstance(again, Receipt)
    assert again.repeated
    monkeypatch.setattr(time, "time_ns", lambda: now_ns + DAY_NS + 60 * 10**9)
    journal.maintain()
    assert kept(journal) == 0
    assert journal.append([asked("first", "b")])[0] == [Receipt(2, 2, 1, 0)]


def test_one_step_forgets_a_bounded_number(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append([asked(f"key-{number}", f"event-{number}") for number in range(1_200)])
    later_ns = time.time_ns() + DAY_NS + 60 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later_ns)
    left = []
    for _ in range(3):
        journal.maintain()
        left.append(kept(journal))
    assert left == [1_200 - request_keys.STEP, 1_200 - 2 * request_keys.STEP, 1_200 - 2 * request_keys.STEP - 200]


def test_who_brings_keys_forgets_twice_as_many(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append([asked(f"key-{number}", f"event-{number}") for number in range(100)])
    later_ns = time.time_ns() + DAY_NS + 60 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later_ns)
    journal.append([asked(f"later-{number}", f"later-{number}") for number in range(30)])
    assert kept(journal) == 100 - 60 + 30


def test_a_key_of_nobody_serves_only_the_same_request(journal: Journal) -> None:
    journal.append([asked("key", "a", caller="")])
    [again] = journal.append([asked("key", "a")])[0]
    assert isinstance(again, Receipt)
    assert again.repeated
    assert journal.append([asked("key", "b")])[0] == [Receipt(2, 2, 1, 0)]
    [own] = journal.append([asked("key", "b")])[0]
    assert isinstance(own, Receipt)
    assert (own.first, own.repeated) == (2, True)


def test_an_own_answer_goes_before_that_of_nobody(journal: Journal) -> None:
    journal.append([asked("key", "a", caller="")])
    journal.append([asked("key", "b")])
    assert journal.append([asked("key", "a")])[0] == [Conflict(())]

"""Known events are found in any order; each stored row is read once, and what takes long goes in parts."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_stream.events import Conflict, Event, Receipt, RequestKey, Result, Submission, Unfinished
from telemetry_stream.stores.sqlite import key_index, key_table, known_events
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.pending_commit import BATCH_LIMIT
from telemetry_stream.testing.memory import MemoryStream
from tests.support.examples import some_of
from tests.telemetry_stream.streams import Conflicting, event, keys_of, numbered, submission

ROWS = 10


@contextmanager
def journal_with(folder: Path, events: int, restarted: bool = False) -> Iterator[Journal]:
    """A journal with events 0 to `events`, in full rows; `restarted` has it forget what it read last."""
    with closing(Journal(folder)) as journal:
        for begin in range(0, events, BATCH_LIMIT):
            journal.append([numbered(range(begin, min(begin + BATCH_LIMIT, events)))])
        if not restarted:
            yield journal
    if restarted:
        with closing(Journal(folder)) as journal:
            yield journal


def shuffled(count: int, seed: int = 1) -> list[int]:
    names = list(range(count))
    random.Random(seed).shuffle(names)
    return names


def queries(journal: Journal) -> list[str]:
    """Grows by each SQL statement that the journal executes from now on."""
    executed = list[str]()

    def note(_cursor: object, statement: str, _bindings: object) -> bool:
        executed.append(statement)
        return True

    journal._connection.set_exec_trace(note)
    return executed


@pytest.mark.parametrize("in_order", [True, False])
def test_each_row_is_read_once_in_whatever_order_known_events_come(tmp_path: Path, in_order: bool) -> None:
    count = ROWS * BATCH_LIMIT
    with journal_with(tmp_path, count, restarted=True) as journal:
        executed = queries(journal)
        names = range(count) if in_order else shuffled(count)
        assert settle(journal, [numbered(names)])[0] == [Receipt(1, count, 0, count)]
        assert len(executed) <= ROWS
        assert journal.rows_read == ROWS


def test_many_submissions_share_the_rows_that_they_ask_for(tmp_path: Path) -> None:
    count = 3 * BATCH_LIMIT
    with journal_with(tmp_path, count, restarted=True) as journal:
        names = shuffled(count)
        outcomes, _ = settle(journal, [numbered(names[begin : begin + 30]) for begin in range(0, count, 30)])
        assert all(isinstance(outcome, Receipt) and outcome.duplicates == 30 for outcome in outcomes)
        assert journal.rows_read == 3


def test_a_mixture_of_new_known_repeated_and_contradicting_events(tmp_path: Path) -> None:
    with journal_with(tmp_path, 2_500) as journal:
        events = [event(f"event-{name}") for name in [2_400, 5, 9_000, 1_200, 9_000, 3, 9_001]]
        assert journal.append([Submission(events)])[0] == [Receipt(4, 2_502, 2, 5)]
        contradicting = [*events, event("event-7", "that"), event("event-9001", "that"), event("event-2", "this")]
        assert journal.append([Submission(contradicting)])[0] == [Conflicting({7: 8, 8: 2_502})]
        together = Submission(contradicting, independent=True)
        [[*singly]] = [result.outcomes for result in journal.append([together])[0] if not isinstance(result, Receipt)]  # type: ignore[union-attr]
        assert [isinstance(outcome, Conflict) for outcome in singly] == [False] * 7 + [True, True, False]


def settle(journal: Journal, group: Sequence[Submission]) -> tuple[list[Result], int]:
    """The final outcomes of a group, and how many appends it took; what is unfinished is appended again."""
    results, appends = journal.append(group)[0], 1
    while unfinished := [place for place, result in enumerate(results) if isinstance(result, Unfinished)]:
        again = journal.append([results[place].submission for place in unfinished])[0]  # type: ignore[union-attr]
        appends += 1
        for place, result in zip(unfinished, again, strict=True):
            results[place] = result
    return results, appends


@pytest.fixture
def two_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_events, "ROW_BYTES", known_events.READ_BYTES * 2 // 3)
    monkeypatch.setattr(known_events, "EVENT_BYTES", 0)


@pytest.mark.usefixtures("two_rows_at_a_time")
def test_what_takes_long_goes_in_parts_and_is_taken_whole(tmp_path: Path) -> None:
    with journal_with(tmp_path, 5_000, restarted=True) as journal:
        large = numbered([*shuffled(5_000), 5_000, 5_001])
        results, appends = settle(journal, [large])
        assert results == [Receipt(1, 5_002, 2, 5_000)]
        assert appends == 3
        assert journal.rows_read == 5


@pytest.mark.usefixtures("two_rows_at_a_time")
def test_nothing_of_an_unfinished_submission_is_written(tmp_path: Path) -> None:
    with journal_with(tmp_path, 3_000, restarted=True) as journal:
        events = [*numbered([1, 1_001, 2_001, 7_000]).events, event("event-4", "that")]
        [unfinished] = journal.append([Submission(events)])[0]
        assert isinstance(unfinished, Unfinished)
        assert journal.head() == 3_000
        assert settle(journal, [unfinished.submission])[0] == [Conflicting({4: 5})]
        assert journal.head() == 3_000


@pytest.mark.usefixtures("two_rows_at_a_time")
def test_what_became_known_meanwhile_is_found(tmp_path: Path) -> None:
    with journal_with(tmp_path, 3_000, restarted=True) as journal:
        [unfinished] = journal.append([numbered([1, 1_001, 2_001, 7_000, 7_001])])[0]
        assert isinstance(unfinished, Unfinished)
        assert journal.append([submission("event-7001", "event-7000")])[0] == [Receipt(3_001, 3_002, 2, 0)]
        assert settle(journal, [unfinished.submission])[0] == [Receipt(2, 3_002, 0, 5)]


@pytest.mark.usefixtures("two_rows_at_a_time")
def test_others_are_answered_while_one_takes_long(tmp_path: Path) -> None:
    with journal_with(tmp_path, 20_000, restarted=True) as journal:
        [waits] = journal.append([numbered(shuffled(20_000))])[0]
        appends = 1
        while isinstance(waits, Unfinished):
            waits, new, _ = journal.append(
                [waits.submission, numbered([30_000 + appends]), numbered([appends * 997 % 20_000])]
            )[0]
            appends += 1
            assert isinstance(new, Receipt)
            assert new.accepted == 1
        assert waits == Receipt(1, 20_000, 0, 20_000)
        assert appends <= 2 * 20, "those that come meanwhile do not keep it from its rows"


@pytest.mark.usefixtures("two_rows_at_a_time")
def test_what_is_known_in_the_first_rows_keeps_nobody_from_the_last(tmp_path: Path) -> None:
    with journal_with(tmp_path, 6_000, restarted=True) as journal:
        first, waits = journal.append([numbered([5, 1_005]), numbered([5_005])])[0]
        assert first == Receipt(6, 1_006, 0, 2)
        assert isinstance(waits, Unfinished)
        _, last = journal.append([numbered([5, 1_005]), waits.submission])[0]
        assert last == Receipt(5_006, 5_006, 0, 1), "the next call goes on behind the rows that were read"


@pytest.mark.usefixtures("two_rows_at_a_time")
def test_a_repeated_request_whose_first_event_takes_long_to_read_is_answered_later(tmp_path: Path) -> None:
    with journal_with(tmp_path, 2_000) as journal:
        asked = [Submission(numbered([name]).events, RequestKey(f"r{name}", b"1")) for name in (5, 1_005)]
        assert settle(journal, asked)[0] == [Receipt(6, 6, 0, 1), Receipt(1_006, 1_006, 0, 1)]
        again, _ = settle(journal, asked)
        assert [(result.repeated, result.first_event[:12]) for result in again if isinstance(result, Receipt)] == [
            (True, b'{"seq":6,"id'),
            (True, b'{"seq":1006,'),
        ]


def test_many_keys_are_looked_up_as_single_ones_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_index, "FIRST_SLOTS", 4_096)
    with journal_with(tmp_path, 4_000) as journal:
        keys = [f"event-{name}" for name in range(0, 8_000, 3)]
        digests = key_index.digest_keys(keys, keys_of(journal)._key_seed)
        together = keys_of(journal)._keys.candidates(digests)
        monkeypatch.setattr(key_table, "FEW", len(keys) + 1)
        assert sorted(together) == sorted(keys_of(journal)._keys.candidates(digests))
        assert {(index, index * 3 + 1) for index in range(4_000 // 3 + 1)} <= set(together)


EVENTS = st.builds(
    lambda key, says: Event(key, b'{"id":"%b","says":%d}' % (key.encode(), says)),
    st.sampled_from("abcdefghijkl"),
    st.sampled_from([1, 1, 1, 1, 2]),
)
REQUEST_KEYS = st.builds(RequestKey, st.sampled_from(["r1", "r2"]), st.sampled_from([b"1", b"1", b"2"]))
TOGETHER = st.builds(Submission, st.lists(EVENTS, min_size=1, max_size=8), st.none() | REQUEST_KEYS)
APART = st.builds(lambda events: Submission(events, independent=True), st.lists(EVENTS, min_size=1, max_size=8))


@settings(max_examples=some_of(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(submissions=st.lists(TOGETHER | APART, max_size=12))
@pytest.mark.usefixtures("two_rows_at_a_time")
def test_in_parts_the_outcomes_are_those_of_the_stream_in_memory(submissions: list[Submission]) -> None:
    memory = MemoryStream()
    with TemporaryDirectory() as folder, closing(Journal(Path(folder))) as journal:
        for one in submissions:
            [expected] = memory.append([one])
            [result], _ = settle(journal, [one])
            if one.independent and isinstance(result, Receipt):
                assert (result.accepted, result.first) == (len(one.events), memory.head() - len(one.events) + 1)
            else:
                assert result == expected
        assert journal.head() == memory.head()

"""Sessions and leases: how long a caller may go on."""

import asyncio

import pytest

from tests.support.clock import ManualClock
from trading_app.access.caller import Caller
from trading_app.access.lease import Lease
from trading_app.access.sessions import MAX_OF_ONE, MAX_SECONDS, MAX_SESSIONS, Sessions

CLOCK = ManualClock()
READER = Caller("reader", frozenset({"read"}))


def test_a_session_is_of_whom_it_was_made_for_and_lasts_half_a_day() -> None:
    known = Sessions(CLOCK)
    key = known.begin(READER)
    found = known.find(key.encode())
    assert found is not None
    assert (found.name, found.scopes) == (READER.name, READER.scopes)
    assert found.lease is not None
    assert found.lease.until == CLOCK.now + MAX_SECONDS
    assert known.find(b"") is known.find(key[:-1].encode()) is None


def test_a_session_ends_with_the_token_it_was_made_from() -> None:
    known, soon = Sessions(CLOCK), CLOCK.now + 100
    found = known.find(known.begin(Caller("user", READER.scopes, Lease(soon, CLOCK))).encode())
    assert found is not None
    assert found.lease is not None
    assert found.lease.until == soon
    past = known.begin(Caller("user", READER.scopes, Lease(CLOCK.now - 1, CLOCK)))
    assert known.find(past.encode()) is None
    assert known.end(past.encode()) is None


def test_signing_out_ends_one_session_and_no_other() -> None:
    known = Sessions(CLOCK)
    first, second = known.begin(READER), known.begin(READER)
    assert known.end(first.encode()) is not None
    assert known.find(first.encode()) is known.end(first.encode()) is None
    assert known.find(second.encode()) is not None


def test_where_there_are_too_many_the_oldest_ends() -> None:
    known = Sessions(CLOCK)
    keys = [known.begin(Caller(f"reader {n}", READER.scopes)) for n in range(MAX_SESSIONS + 1)]
    assert known.find(keys[0].encode()) is None
    assert all(known.find(key.encode()) for key in keys[1:])
    assert len(known._sessions) == MAX_SESSIONS


def test_who_signs_in_over_and_over_ends_sessions_of_his_own_only() -> None:
    known = Sessions(CLOCK)
    others = known.begin(Caller("desk", READER.scopes))
    keys = [known.begin(READER) for _ in range(MAX_OF_ONE + 5)]
    assert known.find(others.encode()) is not None
    assert [known.find(key.encode()) is not None for key in keys] == [False] * 5 + [True] * MAX_OF_ONE


def test_work_goes_on_as_long_as_its_lease() -> None:
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    async def end_soon(lease: Lease) -> None:
        await asyncio.sleep(0)
        lease.end()

    async def use() -> None:
        assert await Lease(CLOCK.now + 60, CLOCK).run(asyncio.sleep(0))
        assert not await Lease(CLOCK.now + 0.01, CLOCK).run(wait_for_ever())
        ended = Lease(CLOCK.now + 60, CLOCK)
        results = await asyncio.gather(ended.run(wait_for_ever()), ended.run(wait_for_ever()), end_soon(ended))
        assert not any(results)
        assert not ended.holds()

    asyncio.run(use())


def test_a_timeout_of_the_works_own_is_not_taken_for_the_end_of_the_lease() -> None:
    async def time_out() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        asyncio.run(Lease(CLOCK.now + 60, CLOCK).run(time_out()))

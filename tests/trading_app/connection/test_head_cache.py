"""A head that came before is not parsed again, and nobody can tell: neither by the answer nor by what is let in."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.id_provider import id_provider
from tests.support.polling import eventually
from tests.trading_app.raw_http import TRADE, connected, get, post
from tests.trading_app.running import RunningApp, running
from trading_app.access.caller import ANYBODY
from trading_app.connection.head_cache import MAX_FIELDS, MAX_HEADS, CachedHead, HeadCache, head_to_learn

BATCH = b"[%b,%b]" % (TRADE, TRADE)


def numbered(name: str, *, wide: int = 0) -> bytes:
    return b'{"symbol":"RAW","price":1,"qty":1,"side":"buy","trade_id":"%b"}' % name.encode() + b" " * wide


def test_the_same_head_is_answered_the_same_every_time(web: RunningApp) -> None:
    with connected(web.port) as connection:
        seen = []
        for attempt in range(4):
            connection.send(post("/trade", numbered(f"same-{attempt}")))
            answer = connection.answer()
            seen.append((answer.status, sorted(answer.headers), answer.json()["trade_id"]))
    assert [trade_id for *_, trade_id in seen] == [f"same-{attempt}" for attempt in range(4)]
    assert len({(status, *names) for status, names, _ in seen}) == 1


def test_each_request_gets_an_id_of_its_own(web: RunningApp) -> None:
    with connected(web.port) as connection:
        ids = []
        for _ in range(3):
            connection.send(post("/trade", TRADE))
            ids.append(connection.answer().headers["x-request-id"])
        for name in ("mine-1", "mine-2"):
            connection.send(post("/trade", TRADE, f"X-Request-ID: {name}"))
            ids.append(connection.answer().headers["x-request-id"])
    assert len(set(ids)) == 5
    assert ids[3:] == ["mine-1", "mine-2"]


def test_a_known_head_with_its_body_in_pieces_or_with_more_behind_it_is_taken_whole(web: RunningApp) -> None:
    request = post("/trade", TRADE)
    with connected(web.port) as connection:
        connection.send(request)
        sequences = [connection.answer().json()["seq"]]
        for cut in (1, len(request) - len(TRADE), len(request) - 1):
            connection.send(request[:cut])
            connection.send(request[cut:])
            sequences.append(connection.answer().json()["seq"])
        connection.send(request * 3)
        sequences += [connection.answer().json()["seq"] for _ in range(3)]
        connection.send(request + get("/healthz"))
        sequences.append(connection.answer().json()["seq"])
        assert connection.answer().status == 200
        connection.send(request)
        sequences.append(connection.answer().json()["seq"])
    assert sequences == sorted(set(sequences))
    assert len(sequences) == 9


def test_bodies_of_more_lengths_than_are_kept_are_no_trouble(web: RunningApp) -> None:
    with connected(web.port) as connection:
        for wide in itertools.chain(range(MAX_HEADS * 2), range(MAX_HEADS * 2)):
            connection.send(post("/trade", numbered(f"wide-{wide}", wide=wide)))
            assert connection.answer().json()["trade_id"] == f"wide-{wide}"


def test_what_is_refused_under_a_known_head_is_refused_as_ever(web: RunningApp) -> None:
    bad = numbered("bad").replace(b"buy", b"bye")
    with connected(web.port) as connection:
        for body, status in ((bad, 422), (bad, 422), (bad.replace(b"{", b"("), 400), (numbered("bad"), 201)):
            connection.send(post("/trade", body))
            assert connection.answer().status == status


def test_an_idempotency_key_counts_every_time(web: RunningApp) -> None:
    with connected(web.port) as connection:
        for key, status in (("k-1", 201), ("k-1", 200), ("k-2", 201), ("k-2", 200)):
            connection.send(post("/trades", BATCH, f"Idempotency-Key: known-{key}"))
            assert connection.answer().status == status


def test_a_connection_is_closed_when_asked_though_the_rest_is_known(web: RunningApp) -> None:
    with connected(web.port) as connection:
        for _ in range(2):
            connection.send(post("/trade", TRADE))
            connection.answer()
        connection.send(post("/trade", TRADE, "Connection: close"))
        assert connection.answer().headers["connection"] == "close"
        assert connection.is_closed()


def test_an_id_token_in_a_known_head_is_refused_once_its_time_is_over(tmp_path: Path) -> None:
    with id_provider() as provider, running(tmp_path, **provider.settings()) as app, connected(app.port) as connection:

        def status(token: str) -> int:
            connection.send(post("/trade", TRADE, f"Authorization: Bearer {token}"))
            return connection.answer().status

        def taken() -> str:
            token = provider.short_token()
            return token if status(token) == 201 else ""

        token = eventually(taken, what="a trade that came within the token's time")
        eventually(lambda: status(token) == 401, what="the end of the token's time")


def test_a_rate_limit_counts_requests_whose_head_is_known(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_RATE_LIMIT="3/hour") as app, connected(app.port) as connection:
        statuses = []
        for _ in range(5):
            connection.send(post("/trade", TRADE))
            statuses.append(connection.answer().status)
    assert statuses == [201, 201, 201, 429, 429]


NAMES = st.sampled_from([b"host", b"content-type", b"authorization", b"x"])


@given(headers=st.dictionaries(NAMES, st.sampled_from([b"a", b"b"])), body=st.binary(max_size=30), more=st.binary())
def test_a_learned_head_is_found_with_a_body_of_its_length_and_else_not(
    headers: dict[bytes, bytes], body: bytes, more: bytes
) -> None:
    lines = b"".join(b"%b: %b\r\n" % header for header in headers.items())
    data = b"POST /trade HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)
    read = {**headers, b"content-length": b"%d" % len(body)}
    head = head_to_learn(data, read)
    assert head is not None
    known = HeadCache()
    assert known.split(data) is None
    known.learn(head, CachedHead("/trade", read, len(body), brings_one=True, caller=ANYBODY))
    found = known.split(data)
    assert found is not None
    assert (found[0].headers, found[1]) == (read, body)
    assert known.split(data + b"x" + more) is None
    assert known.split(data[:-1]) is None
    assert known.split(b"x" + data) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda read: read.update({b"x-request-id": b"1"}),
        lambda read: read.update({b"idempotency-key": b"1"}),
        lambda read: read.update({b"expect": b"100-continue"}),
        lambda read: read.update({b"x-%d" % number: b"1" for number in range(MAX_FIELDS)}),
        lambda read: read.update({b"transfer-encoding": b"chunked"}),
        lambda read: read.update({b"content-length": b"3"}),
        lambda read: read.update({b"content-length": b"+2"}),
        lambda read: read.pop(b"content-length"),
    ],
)
def test_a_head_that_differs_each_time_or_asks_for_more_is_not_learned(
    change: Callable[[dict[bytes, bytes]], Any],
) -> None:
    read = {b"content-length": b"2"}
    data = b"POST /trade HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    assert head_to_learn(data, read) is not None
    change(read)
    assert head_to_learn(data, read) is None

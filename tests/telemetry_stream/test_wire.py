"""The codec: the frames to the letter, version 1 for ever, and a word for everything that is not of the contract."""

from pathlib import Path

import pytest

from telemetry_stream.errors import MalformedFrame
from telemetry_stream.events import Batch
from telemetry_stream.wire import (
    Header,
    ReplayRequest,
    cut,
    decode_frames,
    decode_request,
    encode_batch,
    encode_error,
    encode_heartbeat,
    encode_request,
    find,
    fingerprint,
    last_event,
    number,
)
from tests.telemetry_stream.streams import TRADES

GOLDEN = Path(__file__).parent / "golden"
STREAM = "1d0b7a52-6a4e-4a0c-9a2e-0c8f0c6a7a11"
FIRST = number(b'{"symbol":"XRP-USD","price":0.10,"note":"\xce\xb2 {\\"seq\\":8,"}', 7)
SECOND = number(b'{"symbol":"ETH-USD","price":"2500"}', 8)
BATCH = Batch(STREAM, 7, 8, FIRST + b"," + SECOND)
SENT_AT = 1_732_185_600_123_456_789


def golden(name: str) -> list[bytes]:
    """The frames of a recorded message, one a line."""
    return (GOLDEN / name).read_bytes().removesuffix(b"\n").split(b"\n")


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("v1-batch.txt", encode_batch(TRADES, BATCH, SENT_AT)),
        ("v1-heartbeat.txt", encode_heartbeat(TRADES, STREAM, 8, SENT_AT)),
        ("v1-heartbeat-empty-stream.txt", encode_heartbeat(TRADES, STREAM, 0, SENT_AT)),
        ("v1-replay-answer.txt", encode_batch(TRADES, BATCH, SENT_AT, head=120)),
        ("v1-replay-answer-empty.txt", encode_batch(TRADES, Batch(STREAM, 9, 8, b""), SENT_AT, head=8)),
        ("v1-replay-request.txt", [encode_request(ReplayRequest(1, 6, 100))]),
        ("v1-replay-request-stream.txt", [encode_request(ReplayRequest(1, 6, 100, STREAM))]),
        ("v1-replay-error.txt", encode_error(TRADES, MalformedFrame("malformed_request", "limit at least 1"))),
    ],
)
def test_frames_are_these_to_the_letter(name: str, frames: list[bytes]) -> None:
    assert frames == golden(name)


@pytest.mark.parametrize(
    ("name", "header", "batch"),
    [
        ("v1-batch.txt", Header(1, STREAM, 7, 8, SENT_AT), Batch(STREAM, 7, 8, BATCH.events, SENT_AT)),
        ("v1-heartbeat.txt", Header(1, STREAM, 9, 8, SENT_AT), None),
        ("v1-heartbeat-empty-stream.txt", Header(1, STREAM, 1, 0, SENT_AT), None),
        ("v1-replay-answer.txt", Header(1, STREAM, 7, 8, SENT_AT, 120), Batch(STREAM, 7, 8, BATCH.events, SENT_AT)),
        ("v1-replay-answer-empty.txt", Header(1, STREAM, 9, 8, SENT_AT, 8), Batch(STREAM, 9, 8, b"", SENT_AT)),
    ],
)
def test_recorded_messages_of_version_1_decode(name: str, header: Header, batch: Batch | None) -> None:
    assert decode_frames(TRADES, golden(name)) == (header, batch)


def test_recorded_requests_of_version_1_decode() -> None:
    assert decode_request(golden("v1-replay-request.txt")[0]) == ReplayRequest(1, 6, 100)
    assert decode_request(golden("v1-replay-request-stream.txt")[0]) == ReplayRequest(1, 6, 100, STREAM)


def test_a_member_that_is_not_known_is_passed_over() -> None:
    header = b'{"v":1,"stream":"s","first":1,"last":0,"sent_at_ns":5,"colour":{"deep":[1]}}'
    assert decode_frames(TRADES, [b"trades.heartbeat", header]) == (Header(1, "s", 1, 0, 5), None)
    assert decode_request(b'{"v":1,"after":0,"limit":1,"colour":"red"}') == ReplayRequest(1, 0, 1)


GOOD = b'{"v":1,"stream":"s","first":1,"last":2,"sent_at_ns":5}'
EMPTY = b'{"v":1,"stream":"s","first":1,"last":0,"sent_at_ns":5}'
BODY = b'[{"seq":1,"a":0},{"seq":2,"a":0}]'


def header(**changes: object) -> bytes:
    """A header's text with some members changed; None leaves one out."""
    members = {"v": "1", "stream": '"s"', "first": "1", "last": "2", "sent_at_ns": "5"} | changes
    text = ",".join(f'"{key}":{value}' for key, value in members.items() if value is not None)
    return b"{%b}" % text.encode()


@pytest.mark.parametrize(
    ("reason", "frames"),
    [
        ("malformed_frame", []),
        ("malformed_frame", [b"trades"]),
        ("malformed_frame", [b"trades", GOOD, BODY, b""]),
        ("malformed_frame", [b"trades", GOOD]),
        ("malformed_frame", [b"trade", GOOD, BODY]),
        ("malformed_frame", [b"tradesman", GOOD, BODY]),
        ("malformed_frame", [b"", GOOD, BODY]),
        ("replay_error", [b"trades.error", b"\xff\xfe"]),
        ("unsupported_version", [b"trades", header(v="2"), BODY]),
        ("unsupported_version", [b"trades", header(v="0"), BODY]),
        ("unsupported_version", [b"trades", header(v="99999999999999999999"), BODY]),
        ("unsupported_version", [b"trades", b'{"v":2,"range":[1,2]}', BODY]),
        ("malformed_header", [b"trades", b"", BODY]),
        ("malformed_header", [b"trades", b"\xff", BODY]),
        ("malformed_header", [b"trades", b"[]", BODY]),
        ("malformed_header", [b"trades", b"null", BODY]),
        ("malformed_header", [b"trades", b"[" * 100_000, BODY]),
        ("malformed_header", [b"trades", b'{"x":' * 10_000, BODY]),
        ("malformed_header", [b"trades", GOOD + b"x", BODY]),
        ("malformed_header", [b"trades", header(v=None), BODY]),
        ("malformed_header", [b"trades", header(v="true"), BODY]),
        ("malformed_header", [b"trades", header(v='"1"'), BODY]),
        ("malformed_header", [b"trades", header(stream=None), BODY]),
        ("malformed_header", [b"trades", header(stream="7"), BODY]),
        ("malformed_header", [b"trades", header(stream='""'), BODY]),
        ("malformed_header", [b"trades", header(stream='"\\ud800"'), BODY]),
        ("malformed_header", [b"trades", header(first=None), BODY]),
        ("malformed_header", [b"trades", header(first="0"), BODY]),
        ("malformed_header", [b"trades", header(first="-1"), BODY]),
        ("malformed_header", [b"trades", header(first="1.5"), BODY]),
        ("malformed_header", [b"trades", header(first="4"), BODY]),
        ("malformed_header", [b"trades", header(last=None), BODY]),
        ("malformed_header", [b"trades", header(last="9223372036854775808"), BODY]),
        ("malformed_header", [b"trades", header(last="9" * 5_000), BODY]),
        ("malformed_header", [b"trades", header(sent_at_ns="1e999"), BODY]),
        ("malformed_header", [b"trades", header(head='"many"'), BODY]),
        ("malformed_header", [b"trades.heartbeat", b"{}"]),
        ("malformed_body", [b"trades", GOOD, b""]),
        ("malformed_body", [b"trades", GOOD, b"["]),
        ("malformed_body", [b"trades", GOOD, b"]"]),
        ("malformed_body", [b"trades", GOOD, b"[]"]),
        ("malformed_body", [b"trades", GOOD, BODY[1:]]),
        ("malformed_body", [b"trades", GOOD, BODY[:-1]]),
        ("malformed_body", [b"trades", GOOD, b'[{"seq":1,"a":0}]']),
        ("malformed_body", [b"trades", GOOD, b'[{"seq":2,"a":0},{"seq":1,"a":0}]']),
        ("malformed_body", [b"trades", GOOD, b'[{"seq":1,"a":0},{"seq":22,"a":0}]']),
        ("malformed_body", [b"trades", GOOD, b'[{"seq": 1,"a":0},{"seq": 2,"a":0}]']),
        ("malformed_body", [b"trades", EMPTY, BODY]),
    ],
)
def test_a_message_that_is_not_of_the_contract_is_refused_with_a_reason(reason: str, frames: list[bytes]) -> None:
    with pytest.raises(MalformedFrame) as refused:
        decode_frames(TRADES, frames)
    assert refused.value.reason == reason
    assert len(str(refused.value)) < 5_000


@pytest.mark.parametrize(
    ("reason", "frame"),
    [
        ("malformed_request", b""),
        ("malformed_request", b"after 7, please"),
        ("malformed_request", b"\xff\xff"),
        ("malformed_request", b"[]"),
        ("malformed_request", b"{}"),
        ("malformed_request", b'{"x":' * 10_000),
        ("malformed_request", b'{"v":1,"after":0}'),
        ("malformed_request", b'{"v":1,"limit":1}'),
        ("malformed_request", b'{"v":1,"after":-1,"limit":1}'),
        ("malformed_request", b'{"v":1,"after":0,"limit":0}'),
        ("malformed_request", b'{"v":1,"after":"0","limit":1}'),
        ("malformed_request", b'{"v":1,"after":0,"limit":1e999}'),
        ("malformed_request", b'{"v":1,"after":0,"limit":1,"stream":5}'),
        ("malformed_request", b'{"v":1,"after":' + b"9" * 5_000 + b',"limit":1}'),
        ("unsupported_version", b'{"v":2,"after":0,"limit":1}'),
        ("unsupported_version", b'{"v":2}'),
        ("unsupported_version", b'{"v":-1,"from":7}'),
    ],
)
def test_a_request_that_is_not_of_the_contract_is_refused_with_a_reason(reason: str, frame: bytes) -> None:
    with pytest.raises(MalformedFrame) as refused:
        decode_request(frame)
    assert refused.value.reason == reason


def test_an_error_names_its_code_and_is_short() -> None:
    topic, body = encode_error(TRADES, MalformedFrame("malformed_request", "long " * 1_000))
    assert topic == b"trades.error"
    assert body.startswith(b'{"v":1,"code":"malformed_request","detail":"long ')
    assert len(body) < 300


def test_an_event_begins_with_its_sequence() -> None:
    assert number(b'{"a":1}', 42) == b'{"seq":42,"a":1}'


def test_find_is_not_misled_by_a_string_that_looks_like_an_event() -> None:
    assert find(BATCH.events, 7) == 0
    assert find(BATCH.events, 8) == len(FIRST) + 1
    assert find(BATCH.events, 9) == -1
    assert last_event(BATCH) == SECOND


def test_cut_gives_the_part_asked_for() -> None:
    assert cut(BATCH, 0, 100) is BATCH
    assert cut(BATCH, 6, 8) is BATCH
    assert cut(BATCH, 6, 7) == Batch(STREAM, 7, 7, FIRST)
    assert cut(BATCH, 7, 8) == Batch(STREAM, 8, 8, SECOND)
    assert cut(BATCH, 8, 8).count == 0
    assert cut(BATCH, 0, 6).count == 0


def test_cut_refuses_a_batch_that_does_not_hold_what_its_header_says() -> None:
    hollow = decode_frames(TRADES, [b"trades", header(last="5"), b'[{"seq":1,"a":0},{"seq":5,"a":0}]'])[1]
    assert hollow is not None
    for after, until in [(1, 5), (2, 4), (0, 2), (0, 3)]:
        with pytest.raises(MalformedFrame) as refused:
            cut(hollow, after, until)
        assert refused.value.reason == "malformed_body"


def test_the_fingerprint_of_an_event_never_changes() -> None:
    # Snapshots keep it, so a new version must give the same.
    assert fingerprint(b'{"seq":1,"a":0}') == "df01b2eeee1a44ab30cd77b6e343fc6c"

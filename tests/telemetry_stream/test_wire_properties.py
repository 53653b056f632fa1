"""The codec under everything that can be sent: round trips hold, and nothing but MalformedFrame is ever raised."""

from contextlib import suppress

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry_stream.errors import MalformedFrame
from telemetry_stream.events import Batch
from telemetry_stream.wire import (
    ReplayRequest,
    cut,
    decode_frames,
    decode_request,
    encode_batch,
    encode_error,
    encode_heartbeat,
    encode_request,
    find,
    last_event,
    number,
    split,
)
from tests.telemetry_stream.streams import TRADES

TRICKY = st.sampled_from(
    ['{"seq":5,', ',{"seq":2,"', '"}', "}]", "\\", "β", "\u2028", "\x00", "😀", '{"seq":1,"a":"\\"']
)
WORDS = st.lists(TRICKY | st.text(max_size=6), max_size=4).map("".join)
VALUES = st.recursive(
    WORDS | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS.map("_{}".format), inner, max_size=3),
    max_leaves=6,
)
PAYLOADS = st.dictionaries(WORDS.map("_{}".format), VALUES, min_size=1, max_size=3).map(msgspec.json.encode)
FIRSTS = st.integers(1, 12) | st.integers(1, 2**62)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[bytes], Batch]:
    """Numbered events, and the batch of them."""
    first = draw(FIRSTS)
    events = [number(payload, first + index) for index, payload in enumerate(draw(st.lists(PAYLOADS, max_size=6)))]
    return events, Batch("s", first, first + len(events) - 1, b",".join(events))


@given(batches(), st.integers(0, 2**63), st.none() | st.integers(0, 2**62))
def test_a_batch_survives_the_wire(made: tuple[list[bytes], Batch], sent_at_ns: int, head: int | None) -> None:
    events, batch = made
    frames = encode_batch(TRADES, batch, sent_at_ns, head)
    header, decoded = decode_frames(TRADES, frames)
    assert decoded == Batch("s", batch.first, batch.last, batch.events, sent_at_ns)
    assert (header.first, header.last, header.head) == (batch.first, batch.last, head)
    parsed = msgspec.json.decode(frames[2])
    assert [event["seq"] for event in parsed] == list(range(batch.first, batch.last + 1))
    assert parsed == [msgspec.json.decode(event) for event in events]


@given(batches())
def test_every_event_is_found_and_no_other(made: tuple[list[bytes], Batch]) -> None:
    events, batch = made
    for index, event in enumerate(events):
        at = find(batch.events, batch.first + index)
        assert batch.events[at : at + len(event)] == event
    assert find(batch.events, batch.first - 1) == find(batch.events, batch.last + 1) == -1
    assert split(batch) == events
    if events:
        assert last_event(batch) == events[-1]


@given(batches(), st.integers(-3, 9), st.integers(-3, 9))
def test_a_cut_holds_the_events_of_the_range(made: tuple[list[bytes], Batch], skip: int, keep: int) -> None:
    events, batch = made
    after = max(batch.first - 1 + skip, 0)
    until = max(after + keep, 0)
    part = cut(batch, after, until)
    wanted = [event for place, event in enumerate(events, batch.first) if after < place <= until]
    assert part.count == len(wanted)
    assert part.events == b",".join(wanted)
    if wanted:
        assert part.first == max(batch.first, after + 1)


@given(st.integers(0, 2**63), st.integers(1, 2**63), st.none() | st.text(min_size=1))
def test_a_request_survives_the_wire(after: int, limit: int, stream: str | None) -> None:
    request = ReplayRequest(1, after, limit, stream)
    assert decode_request(encode_request(request)) == request


BATCH = Batch("stream-id", 9, 10, b'{"seq":9,"a":"x"},{"seq":10,"a":"y"}')
REAL = [
    encode_batch(TRADES, BATCH, 5),
    encode_batch(TRADES, BATCH, 5, head=99),
    encode_batch(TRADES, Batch("stream-id", 9, 8, b""), 5, head=8),
    encode_heartbeat(TRADES, "stream-id", 10, 5),
    encode_error(TRADES, MalformedFrame("malformed_request", "no")),
]


@st.composite
def mutated(draw: st.DrawFn, frame: bytes) -> bytes:
    """The frame with some bytes replaced, taken out or doubled."""
    changed = bytearray(frame)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(changed)))
        end = draw(st.integers(start, min(len(changed), start + 8)))
        changed[start:end] = draw(
            st.binary(max_size=4)
            | st.sampled_from([b"-", b"9" * 30, b"9" * 5_000, b'"', b"{", b"]", b"null", b"1e400", b"\\ud800"])
            | st.just(bytes(changed[start:end] * 2))
        )
    return bytes(changed)


@st.composite
def hostile_messages(draw: st.DrawFn) -> list[bytes]:
    """Frames that look like real ones, more or less."""
    frames = [draw(mutated(frame)) for frame in draw(st.sampled_from(REAL))]
    frames += draw(st.lists(st.binary(max_size=20), max_size=2) if draw(st.booleans()) else st.just([]))
    return draw(st.permutations(frames)) if draw(st.booleans()) else frames


@given(hostile_messages() | st.lists(st.binary(max_size=60), max_size=4))
@example([b"trades", b'{"v":1,"stream":"s","first":1,"last":0,"sent_at_ns":1}', b"[]"])
def test_what_decodes_can_be_used_and_all_else_is_a_malformed_frame(frames: list[bytes]) -> None:
    with suppress(MalformedFrame):
        header, batch = decode_frames(TRADES, frames)
        assert header.first <= header.last + 1
        if batch is not None and batch.count:
            assert last_event(batch).startswith(b'{"seq":%d,' % batch.last)
            part = cut(batch, batch.first - 1, batch.first)
            assert part.events.startswith(b'{"seq":%d,' % batch.first)


@given(st.binary(max_size=60) | mutated(encode_request(ReplayRequest(1, 6, 100, "stream-id"))))
def test_a_request_decodes_or_is_a_malformed_frame_that_can_be_answered(frame: bytes) -> None:
    refused = None
    try:
        request = decode_request(frame)
    except MalformedFrame as error:
        refused = error
    if refused is None:
        assert request.after >= 0
        assert request.limit >= 1
    else:
        body = encode_error(TRADES, refused)[1]
        assert len(body) < 2_000
        assert msgspec.json.decode(body)["code"] == refused.reason

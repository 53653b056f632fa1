"""The wire, version 1: what travels over ZeroMQ, as docs/wire-contract.md has it. No I/O.

A batch is `[topic, header, body]`: the header a JSON object, the body a JSON array of the events as journaled. Each
event begins with `{"seq":N,`, to the byte. Quotes inside JSON strings are escaped and no object inside an event begins
with a member `seq`, so these bytes stand nowhere else and an event can be found without parsing what is before it.
"""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b

import msgspec

from telemetry_stream import chain
from telemetry_stream.errors import DamagedHistory, MalformedFrame
from telemetry_stream.events import Batch, Commit
from telemetry_stream.refusals import DAMAGED_HISTORY
from telemetry_stream.topics import Topic

VERSION = 1

LAST_SEQUENCE = 2**63 - 1


class Header(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a frame holds: events `first` to `last` of `stream`, sent at `sent_at_ns` (Unix time).

    `last = first - 1` says that there are none. `commits` has an entry for each stored row that ends within `first` to
    `last`; in a heartbeat the one at the head. Only in answers to a replay request: `head` is the last durable sequence
    when the answer was made, `oldest` the oldest that is kept, `forked` says that the reader's history is not this one.
    """

    v: int
    stream: str
    first: int
    last: int
    sent_at_ns: int
    head: int | None = None
    oldest: int | None = None
    forked: bool = False
    commits: tuple[Commit, ...] = ()


class ReplayRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Asks for the events after `after`, at most `limit`.

    With `stream` given and another, or with `hash` given and another than the history's at the last row end at or
    before `after`, none come: the answer is `forked`. A `topic` that is given and another is refused.
    """

    v: int
    after: int
    limit: int
    stream: str | None = None
    topic: str | None = None
    hash: str | None = None


class ReplayError(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a request that can't be understood, or whose events `first` to `last` can't be read."""

    v: int
    code: str
    detail: str
    first: int | None = None
    last: int | None = None


class _Version(msgspec.Struct, frozen=True):
    v: int


_encode = msgspec.json.Encoder().encode
_decode_version = msgspec.json.Decoder(_Version).decode
_decode_header = msgspec.json.Decoder(Header).decode
_decode_error = msgspec.json.Decoder(ReplayError).decode
_decode_request = msgspec.json.Decoder(ReplayRequest).decode


_NEXT_EVENT = b',{"seq":'


def number(payload: bytes, sequence: int) -> bytes:
    """The payload, a JSON object, with its sequence in front."""
    return b'{"seq":%d,%b' % (sequence, payload[1:])


def find(events: bytes, sequence: int) -> int:
    """Where the event with this sequence begins in the numbered events; -1 if it is not among them."""
    return events.find(b'{"seq":%d,' % sequence)


def split(batch: Batch) -> list[bytes]:
    """The single events of a batch, each as journaled."""
    if not batch.events:
        return []
    first, *others = batch.events.split(b',{"seq":')
    return [first, *(b'{"seq":%b' % other for other in others)]


def cut(batch: Batch, after: int, until: int) -> Batch:
    """The part of the batch that follows `after`, up to and including `until`.

    Raises MalformedFrame (`malformed_body`) where the batch does not hold the events it is said to.
    """
    first, last = max(batch.first, after + 1), min(batch.last, until)
    if (first, last) == (batch.first, batch.last):
        return batch
    if last < first:
        return Batch(batch.stream, first, first - 1, b"", batch.published_at_ns)
    commits = tuple([commit for commit in batch.commits if first <= commit.last <= last])
    start = find(batch.events, first)
    end = len(batch.events) if last == batch.last else find(batch.events, last + 1) - 1
    if start < 0 or end < start:
        raise MalformedFrame("malformed_body", f"{batch.first} to {batch.last} do not stand there in order")
    return Batch(batch.stream, first, last, batch.events[start:end], batch.published_at_ns, commits)


def follow(batch: Batch, previous: bytes) -> bytes | None:
    """The hash of the batch's last row, if it is of whole rows that follow the one with the hash `previous`.

    None where a hash it names is another. Raises MalformedFrame (`malformed_body`) where the rows do not hold what the
    header says.
    """
    known, end = previous, batch.first - 1
    is_one_row = len(batch.commits) == 1 and batch.commits[0].last == batch.last  # as nearly every live message is
    for commit in batch.commits:
        known = chain.extend(known, batch.events if is_one_row else cut(batch, end, commit.last).events)
        if known.hex() != commit.hash:
            return None
        end = commit.last
    return known if end == batch.last else None


def trim(batch: Batch, max_bytes: int) -> Batch:
    """The first events of the batch, as many as are at most `max_bytes` long together, and at least one."""
    if len(batch.events) <= max_bytes:
        return batch
    end = batch.events.rfind(_NEXT_EVENT, 0, max_bytes + len(_NEXT_EVENT))
    if end < 0:
        end = batch.events.find(_NEXT_EVENT)
    if end < 0:
        return batch
    begin = end + len(_NEXT_EVENT)
    return cut(batch, 0, int(batch.events[begin : batch.events.index(b",", begin)]) - 1)


def fingerprint(event: bytes) -> str:
    """A short digest of one numbered event, to recognise it by."""
    return blake2b(event, digest_size=16).hexdigest()


def encode_batch(
    topic: Topic,
    batch: Batch,
    sent_at_ns: int,
    head: int | None = None,
    oldest: int | None = None,
    forked: bool = False,
) -> list[bytes]:
    """The frames of a batch; with `head`, those of a replay answer."""
    header = Header(VERSION, batch.stream, batch.first, batch.last, sent_at_ns, head, oldest, forked, batch.commits)
    body = b"".join((b"[", batch.events, b"]"))  # b"[%b]" would ask for too much memory, and shrink it
    return [topic.batches, _encode(header), body]


def encode_heartbeat(
    topic: Topic, stream: str, head: int, sent_at_ns: int, commit: Commit | None = None
) -> list[bytes]:
    """The frames of a heartbeat: a header that holds nothing and ends at the head; `commit` is the one there."""
    commits = () if commit is None else (commit,)
    return [topic.heartbeats, _encode(Header(VERSION, stream, head + 1, head, sent_at_ns, commits=commits))]


def decode_frames(topic: Topic, frames: Sequence[bytes]) -> tuple[Header, Batch | None]:
    """A batch of the topic with its header, or a heartbeat's header alone.

    Raises MalformedFrame, its reason one of `malformed_frame`, `unsupported_version`, `malformed_header`,
    `malformed_body`, `replay_error`. Of the body only its two ends are looked at. Raises DamagedHistory where the
    replay socket could not read what was asked for.
    """
    if not 2 <= len(frames) <= 3:
        raise MalformedFrame("malformed_frame", f"a message has two or three frames, this one {len(frames)}")
    if frames[0] == topic.errors:
        raise _read_error(frames[1])
    header = _read_header(frames[1])
    if frames[0] == topic.heartbeats:
        return header, None
    if frames[0] != topic.batches or len(frames) != 3:
        raise MalformedFrame("malformed_frame", f"not a batch: topic {frames[0][:64]!r}, {len(frames)} frames")
    return header, _read_batch(header, frames[2])


def _read_error(frame: bytes) -> MalformedFrame | DamagedHistory:
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        error = _decode_error(frame)
        if error.code == DAMAGED_HISTORY and error.first is not None and error.last is not None:
            return DamagedHistory(error.first, error.last)
    return MalformedFrame("replay_error", f"the replay socket refused: {frame[:200]!r}")


def _read_header(frame: bytes) -> Header:
    try:
        header = _decode_header(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _check_version(frame)
        raise MalformedFrame("malformed_header", f"not a header: {error}") from None
    _check_version(frame, header.v)
    if not header.stream or not 1 <= header.first <= header.last + 1 <= LAST_SEQUENCE:
        raise MalformedFrame("malformed_header", f"no such range: {header.first} to {header.last}")
    return header


def _check_version(frame: bytes, version: int | None = None) -> None:
    """Refuse another version first: whatever else is wrong with such a frame, it may be right in its own version."""
    if version is None:
        try:
            version = _decode_version(frame).v
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
    if version != VERSION:
        raise MalformedFrame("unsupported_version", f"version {version} is not known here, only {VERSION}")


def _read_batch(header: Header, body: bytes) -> Batch:
    first, last, commits = header.first, header.last, header.commits
    events = body[1:-1]
    if not (body.startswith(b"[") and body.endswith(b"]")):
        raise MalformedFrame("malformed_body", "the body is no JSON array")
    if last >= first:
        starts = events.startswith(b'{"seq":%d,' % first)
        if not starts or (last > first and events.rfind(b'{"seq":%d,' % last) < 0):
            raise MalformedFrame("malformed_body", f"the body does not hold {first} to {last}")
    elif events:
        raise MalformedFrame("malformed_body", "the header says there are no events, the body has some")
    if commits and not first <= commits[0].last <= commits[-1].last <= last:
        raise MalformedFrame("malformed_header", "commits are of rows that end within first to last")
    return Batch(header.stream, first, last, events, header.sent_at_ns, commits)


def last_event(batch: Batch) -> bytes:
    """The last event of a batch that is not empty, as journaled."""
    return batch.events[batch.events.rfind(b'{"seq":%d,' % batch.last) :]


def encode_request(request: ReplayRequest) -> bytes:
    """The one frame of a replay request."""
    return _encode(request)


def decode_request(frame: bytes) -> ReplayRequest:
    """A replay request. Raises MalformedFrame (`malformed_request`, `unsupported_version`)."""
    try:
        request = _decode_request(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _check_version(frame)
        raise MalformedFrame("malformed_request", f"not a replay request: {error}") from None
    _check_version(frame, request.v)
    if request.after < 0 or request.limit < 1:
        raise MalformedFrame("malformed_request", "after is at least 0, limit at least 1")
    return request


def encode_error(topic: Topic, error: MalformedFrame) -> list[bytes]:
    """The answer to a request that can't be understood."""
    return [topic.errors, _encode(ReplayError(VERSION, error.reason, str(error)[:200]))]


def encode_damage(topic: Topic, damage: DamagedHistory) -> list[bytes]:
    """The answer to a request whose first event can't be read."""
    return [topic.errors, _encode(ReplayError(VERSION, DAMAGED_HISTORY, str(damage)[:200], damage.first, damage.last))]

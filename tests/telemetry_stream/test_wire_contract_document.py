"""docs/wire-contract.md says what the code does: its examples to the byte, its limits to the number."""

import re
from pathlib import Path

import msgspec
import pytest
import xxhash

from telemetry_stream import wire
from telemetry_stream.errors import MalformedFrame
from telemetry_stream.log import PAGE_BYTES
from telemetry_stream.stores.sqlite.pending_commit import BATCH_LIMIT
from telemetry_stream.transports.zeromq import connection_guard as gatekeeper
from telemetry_stream.transports.zeromq import connection_limits as connections
from telemetry_stream.transports.zeromq import publisher, replay_server
from tests.telemetry_stream.streams import TRADES
from trading_app.intake.decode import read_trade
from trading_app.intake.event import TradeIds
from trading_model.contents import LedgerEvent
from trading_model.kinds import is_fill, may_hold_other_kinds
from trading_model.trade import Trade

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "wire-contract.md").read_text(encoding="utf-8")
EXAMPLES = {
    name: text.encode().removesuffix(b"\n").split(b"\n")
    for name, text in re.findall(r"^```frames ([\w-]+)\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
}
POSTED = [
    (
        b'{"symbol":"xrp-usd","price":"2.3450","qty":100,"side":"buy","trade_id":"f-1001",'
        b'"ts":"2025-11-21T10:40:00.123456Z","fee":"0.05"}'
    ),
    (
        b'{"symbol":"eth-usd","price":2731.5,"qty":"0.10","side":"SELL","trade_id":"f-1002",'
        b'"ts":"2025-11-21T10:40:00.5Z","strategy":"carry","venue":"kraken"}'
    ),
]


def test_there_is_an_example_of_each_message() -> None:
    assert EXAMPLES.keys() == {"batch", "heartbeat", "request", "answer", "empty-answer", "forked-answer", "error"}


@pytest.mark.parametrize("name", ["batch", "answer", "empty-answer", "forked-answer"])
def test_the_examples_of_batches_are_what_the_code_sends(name: str) -> None:
    header, batch = wire.decode_frames(TRADES, EXAMPLES[name])
    assert batch is not None
    sent = wire.encode_batch(TRADES, batch, header.sent_at_ns, header.head, header.oldest, header.forked)
    assert sent == EXAMPLES[name]
    events = msgspec.json.decode(EXAMPLES[name][2], type=list[Trade])
    assert [event.seq for event in events] == list(range(header.first, header.last + 1))


def test_the_trades_of_the_example_are_what_the_app_journals() -> None:
    payloads = [read_trade(body, 1_763_721_600_200_000_000, TradeIds()).payload for body in POSTED]
    numbered = [wire.number(payload, sequence) for sequence, payload in enumerate(payloads, 41)]
    assert EXAMPLES["batch"][2] == b"[%b]" % b",".join(numbered)
    assert EXAMPLES["answer"][2] == b"[%b]" % numbered[1]


def test_the_examples_of_kinds_are_no_fills() -> None:
    (lines,) = re.findall(r"^```json\n(.*?)\n```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    events = lines.encode().split(b"\n")
    assert may_hold_other_kinds(b",".join(events))
    assert not any(map(is_fill, events))
    decoded = [msgspec.json.decode(event, type=LedgerEvent) for event in events]
    assert [(event.seq, event.kind, event.aside) for event in decoded] == [
        (43, "void", False),
        (44, "cash", False),
        (45, "note", True),
    ]
    assert decoded[0].void is not None
    assert bytes(decoded[0].void.was) in EXAMPLES["batch"][2].replace(b'{"seq":41,', b"{")


def test_the_example_of_a_heartbeat_is_what_the_code_sends() -> None:
    header, batch = wire.decode_frames(TRADES, EXAMPLES["heartbeat"])
    assert batch is None
    [commit] = header.commits
    sent = wire.encode_heartbeat(TRADES, header.stream, header.last, header.sent_at_ns, commit)
    assert sent == EXAMPLES["heartbeat"]


def test_the_hashes_of_the_examples_are_right() -> None:
    known = wire.decode_request(EXAMPLES["request"][0]).hash
    _, batch = wire.decode_frames(TRADES, EXAMPLES["batch"])
    assert known is not None
    assert batch is not None
    assert wire.follow(batch, bytes.fromhex(known)) == bytes.fromhex(batch.commits[-1].hash)
    for name in ("heartbeat", "answer"):
        assert wire.decode_frames(TRADES, EXAMPLES[name])[0].commits == batch.commits
    previous = bytes(16)
    for events, digest in [cells[:2] for cells in table("## The hash of the history").values()]:
        previous = xxhash.xxh3_128_digest(previous + events.strip("`").encode())
        assert digest == f"`{previous.hex()}`"


def test_the_example_of_a_request_is_what_the_code_sends() -> None:
    [frame] = EXAMPLES["request"]
    assert wire.encode_request(wire.decode_request(frame)) == frame


def test_the_example_of_an_error_is_what_the_code_sends() -> None:
    with pytest.raises(MalformedFrame) as refused:
        wire.decode_request(b'{"v":1,"after":-1,"limit":0}')
    assert wire.encode_error(TRADES, refused.value) == EXAMPLES["error"]


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the first table below a heading, by their first cell."""
    section = f"\n{DOCUMENT}".split(f"\n{heading}\n")[1]
    rows = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert rows
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[0].splitlines()[2:]]
    return {name: rest for name, *rest in cells}


def members(heading: str) -> set[str]:
    return {name for cell in table(heading) for name in re.findall(r"`(\w+)`", cell)}


def test_every_member_is_described() -> None:
    assert members("### Header") == set(wire.Header.__struct_fields__)
    assert members("### Body") == set(Trade.__struct_fields__)
    assert members("## Replay") == set(wire.ReplayRequest.__struct_fields__)


def test_every_topic_is_described() -> None:
    topics = {TRADES.batches, TRADES.heartbeats, TRADES.errors}
    assert {cell.strip("`").encode() for cell in table("## Messages")} == topics


def test_the_limits_are_those_of_the_code() -> None:
    assert {name: cells[0].split()[0] for name, cells in table("## Limits").items()} == {
        "events in a live batch": str(BATCH_LIMIT),
        "events in an answer": str(replay_server.LIMIT),
        "size of an answer": str(PAGE_BYTES // 2**20),
        "size of a request": str(replay_server.REQUEST_BYTES),
        "answers that you have not read": str(replay_server.UNREAD_ANSWERS),
        "frames of a request": str(replay_server.REQUEST_FRAMES),
        "requests of yours that wait": str(replay_server.WAITING_REQUESTS),
        "bytes that a connection sends in all": str(connections.MAX_BYTES // 2**20),
        "open connections, of both sockets": str(connections.MAX_CONNECTIONS),
        "size of a subscription": str(publisher.SUBSCRIPTION_BYTES),
        "live messages waiting for a subscriber": str(publisher.HIGH_WATER_MARK),
    }


def test_every_reason_for_a_refused_connection_is_described() -> None:
    assert [name.strip("`") for name in table("### Refused connections")] == list(gatekeeper.REASONS)


def test_the_addresses_are_the_defaults() -> None:
    sample = (ROOT / ".env.sample").read_text(encoding="utf-8").splitlines()
    for _, setting, default, _ in table("# The wire contract, version 1").values():
        assert f"{setting.strip('`')}={default.strip('`')}" in sample

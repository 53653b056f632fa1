"""Random frames, and recorded ones that were changed, at the ZeroMQ ports of both apps."""

import random
from collections import Counter
from pathlib import Path

import zmq

from telemetry_stream.errors import MalformedFrame
from telemetry_stream.transports.zeromq.replay_server import (
    POSTPONED_REQUESTS,
    REQUEST_BYTES,
    REQUEST_FRAMES,
)
from telemetry_stream.wire import ReplayRequest, decode_frames, decode_request, encode_request
from tests.support.apps import Apps, samples_of
from tests.support.audit import audit
from tests.support.impostor import Impostor
from tests.support.load import make_trade, post_batch
from tests.support.mutation import Frames, mutated, random_message
from tests.support.polling import eventually
from tests.telemetry_stream.streams import TRADES
from tests.torture.figures import Figures

COUNT = 500
ROUND = 250
AT_ONCE = 100
"""Live messages; more would overflow the publisher's queue."""

MAX_GROWTH_BYTES = 128 * 1024 * 1024


def requests(folder: Path, seed: int, count: int) -> Figures:
    """Ask the web app's replay socket for what makes no sense; each request is answered, or refused and counted."""
    chance = random.Random(seed)
    apps = Apps(folder)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    expected: Counter[str] = Counter()
    try:
        apps.start("trading-app")
        apps.wait_for("trading-app")
        trades = [make_trade(f"trade-{number}", chance) for number in range(COUNT)]
        last = post_batch(apps.web_port, trades)["last_seq"]
        memory = _memory(apps, "trading-app")
        for start in range(0, count, ROUND):
            with context.socket(zmq.DEALER) as oversized, context.socket(zmq.DEALER) as hostile:
                oversized.connect(apps.environment["WEBAPP_REPLAY_ADDR"])
                oversized.send(b"x" * (REQUEST_BYTES + 1))
                hostile.connect(apps.environment["WEBAPP_REPLAY_ADDR"])
                unread = 0
                for _ in range(min(ROUND, count - start)):
                    message = _hostile_request(chance, last)
                    fate = _fate(message)
                    expected[fate] += 1
                    hostile.send_multipart(message)
                    unread += fate != "too_many_frames"
                    while unread > POSTPONED_REQUESTS // 2 or hostile.poll(0):
                        hostile.recv_multipart()
                        unread -= 1
                eventually(lambda: _counted(apps) == expected, what=f"{dict(expected)} counted")
            assert _asked(context, apps, last - 1) == last, "a good client is answered"
            expected["answered"] += 1
        grown = _memory(apps, "trading-app") - memory
        assert grown < MAX_GROWTH_BYTES, f"{grown} bytes more"
        apps.start("metrics-sidecar")
        apps.wait_until_ready()
        passed = audit(apps, others=last)
        _assert_quiet(apps)
    finally:
        apps.end()
        context.destroy(linger=0)
    counted = ", ".join(f"{fate} {number:,}" for fate, number in sorted(expected.items()))
    return Figures(f"{count:,} hostile replay requests", f"{counted}, each counted; {passed}", dict(expected))


def messages(folder: Path, seed: int, count: int) -> Figures:
    """Send the sidecar live messages and replay answers that make no sense; its figures stay the journal's."""
    chance = random.Random(seed)
    apps = Apps(folder)
    impostor = Impostor(apps.environment["WEBAPP_ZMQ_ADDR"], apps.environment["WEBAPP_REPLAY_ADDR"], seed)
    try:
        apps.start("trading-app")
        apps.start("metrics-sidecar", WEBAPP_ZMQ_ADDR=impostor.live_address, WEBAPP_REPLAY_ADDR=impostor.replay_address)
        apps.wait_until_ready()
        memory, last = _memory(apps, "metrics-sidecar"), 0
        impostor.hostile.set()
        while impostor.sent < count:
            trades = [make_trade(f"trade-{last}-{number}", chance) for number in range(chance.randrange(1, 20))]
            last = post_batch(apps.web_port, trades)["last_seq"]
            impostor.pester(AT_ONCE)
            apps.wait_until_applied(last, seconds=30)
        impostor.hostile.clear()
        passed = audit(apps, others=last, seconds=30)
        rejected = _by_reason(apps.samples(), "trading_events_rejected_total")
        assert {"malformed_frame", "malformed_header", "malformed_body"} <= rejected.keys(), rejected
        assert not rejected.keys() & {"undecodable", "out_of_range"}, rejected
        grown = _memory(apps, "metrics-sidecar") - memory
        assert grown < MAX_GROWTH_BYTES, f"{grown} bytes more"
        _assert_quiet(apps)
    finally:
        apps.end()
        impostor.close()
    counted = ", ".join(f"{reason} {number:,}" for reason, number in sorted(rejected.items()))
    return Figures(
        f"{impostor.sent:,} hostile messages to the sidecar", f"{counted}; {last:,} trades, {passed}", rejected
    )


def _hostile_request(chance: random.Random, last: int) -> Frames:
    if chance.random() < 0.2:
        message = random_message(chance)
    else:
        request = ReplayRequest(1, chance.randrange(last), chance.randrange(1, 50), chance.choice((None, "x")))
        message = mutated([encode_request(request)], chance)
    return [frame[:REQUEST_BYTES] for frame in message]


def _fate(message: Frames) -> str:
    """What is to become of a request that a DEALER sends: answered, or the reason it is refused for."""
    if len(message) + 1 > REQUEST_FRAMES:  # ROUTER puts in front whom to answer
        return "too_many_frames"
    try:
        decode_request(message[-1])
    except MalformedFrame as error:
        return error.reason
    return "answered"


def _counted(apps: Apps) -> Counter[str]:
    """What the web app says that it has answered and refused."""
    samples = samples_of(f"{apps.web_url}/metrics")
    answered = int(float(samples["trading_app_replay_answers_total"]))
    return Counter({"answered": answered, **_by_reason(samples, "trading_app_replay_requests_refused_total")})


def _by_reason(samples: dict[str, str], metric: str) -> dict[str, int]:
    start = f'{metric}{{reason="'
    counts = {
        name.removeprefix(start).removesuffix('"}'): int(float(value))
        for name, value in samples.items()
        if name.startswith(start)
    }
    return {reason: count for reason, count in counts.items() if count}


def _asked(context: zmq.Context[zmq.Socket[bytes]], apps: Apps, after: int) -> int:
    """The last sequence of the answer to a good request."""
    with context.socket(zmq.REQ) as good:
        good.connect(apps.environment["WEBAPP_REPLAY_ADDR"])
        good.send(encode_request(ReplayRequest(1, after, 10)))
        assert good.poll(10_000), "no answer"
        return decode_frames(TRADES, good.recv_multipart())[0].last


def _memory(apps: Apps, name: str) -> int:
    """What a process holds, in bytes."""
    status = Path(f"/proc/{apps.processes[name].pid}/statm").read_text(encoding="ascii")
    return int(status.split()[1]) * 4_096


def _assert_quiet(apps: Apps) -> None:
    """Neither app logged an error."""
    for name in ("trading-app", "metrics-sidecar"):
        log = apps.log(name).read_text()
        assert "Traceback" not in log, log[-2_000:]
        assert not apps.logged_levels(name) & {"error", "critical"}, log[-2_000:]

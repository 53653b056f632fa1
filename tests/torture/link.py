"""The web app and the sidecar in two network namespaces, and the link between them cut and healed.

Everything runs inside namespaces made here: the first one runs this module again, the second one the sidecar.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.support.apps import BIN, Apps
from tests.support.audit import audit
from tests.support.load import Bots
from tests.support.polling import eventually
from tests.torture.figures import Figures

ROOT = Path(__file__).resolve().parents[2]
NEAR, FAR = "10.213.77.1", "10.213.77.2"
MAX_SECONDS = 4.0
NAMESPACE = "trading-telemetry-{}-{}"


def obstacle() -> str:
    """Why namespaces can't be made here; empty if they can."""
    if shutil.which("ip") is None:
        return "there is no `ip` (Debian: apt install iproute2)"
    name = NAMESPACE.format(os.getpid(), "try")
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "no network namespace can be made here (it takes root)"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return ""


def cut(folder: Path, seed: int, rounds: int) -> Figures:
    """Cut the link for some seconds while bots post, heal it, and wait until the sidecar has all."""
    with _namespaces() as (near, far):
        command = ["ip", "netns", "exec", near, sys.executable, "-m", "tests.torture.link"]
        done = subprocess.run(
            [*command, str(folder), str(seed), str(rounds), far], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2_000:]
        return Figures(**json.loads(done.stdout))


def _inside(folder: Path, seed: int, rounds: int, far: str) -> Figures:
    chance = random.Random(seed)
    apps = Apps(folder)
    ports = {key: apps.environment[key].rpartition(":")[2] for key in ("WEBAPP_ZMQ_ADDR", "WEBAPP_REPLAY_ADDR")}
    reached = {key: f"tcp://{NEAR}:{port}" for key, port in ports.items()}
    there = ["ip", "netns", "exec", far]
    asked = str(apps.sidecar_port)
    relays = [_relay([], NEAR, port) for port in ports.values()]
    # The sidecar is asked by a name of loopback: without tokens it answers to no other.
    relays += [_relay([], "127.0.0.1", asked, FAR), _relay(there, FAR, asked)]
    slowest = 0.0
    try:
        apps.start("trading-app")
        apps.start("metrics-sidecar", [*there, BIN / "metrics-sidecar"], **reached)
        apps.wait_until_ready()
        with Bots(apps.web_port, 2, seed, rate=500) as bots:
            for _ in range(rounds):
                bots.wait_for_more(50)
                _link("down")
                began, outage = time.monotonic(), chance.uniform(0.5, MAX_SECONDS)
                eventually(lambda began=began, outage=outage: time.monotonic() - began > outage)  # type: ignore[misc]
                _link("up")
                healed = time.monotonic()
                apps.wait_until_applied(max(answer.sequence for answer in list(bots.acknowledged.values())), seconds=30)
                slowest = max(slowest, time.monotonic() - healed)
            bots.end()
        passed = audit(apps, bots)
    finally:
        apps.end()
        for relay in relays:
            relay.kill()
            relay.wait()
    return Figures(
        f"the link cut {rounds} times, for up to {MAX_SECONDS:.0f} s",
        f"caught up {slowest:.1f} s after it was healed, at the latest; {passed}",
        {"cuts": rounds, **passed.counts},
    )


def _relay(prefix: list[str], host: str, port: str, to: str = "127.0.0.1") -> subprocess.Popen[bytes]:
    command = [*prefix, sys.executable, "-m", "tests.support.relay", host, port, to, port]
    return subprocess.Popen(command, cwd=ROOT)


def _link(state: str) -> None:
    subprocess.run(["ip", "link", "set", "near", state], check=True)


@contextmanager
def _namespaces() -> Iterator[tuple[str, str]]:
    """Two, with a link between them."""
    names = [NAMESPACE.format(os.getpid(), which) for which in ("near", "far")]
    try:
        for name in names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", names[0], "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", names[1])
        for name, end, address in zip(names, ("near", "far"), (NEAR, FAR), strict=True):
            _ip("-n", name, "address", "add", f"{address}/30", "dev", end)
            _ip("-n", name, "link", "set", end, "up")
        yield names[0], names[1]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


if __name__ == "__main__":
    figures = _inside(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    print(json.dumps(asdict(figures)))

"""Files torn, changed, exchanged and deleted while the apps are down: after the restart the state is right again."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.apps import BIN, Apps, running_apps
from tests.support.audit import audit
from tests.support.load import make_trade, post_batch
from tests.torture.figures import Figures

SNAPSHOT = "sidecar-snapshot.json"
TRADES = 300
ROUNDS_A_JOURNAL = 20
"""After each, books are kept again from the first trade on: with one journal for all, that would take the most time."""


def damage_snapshot(folder: Path, seed: int, rounds: int) -> Figures:
    """Kill the sidecar, damage its snapshot, let trades pass by, start it: all figures are right.

    The damages come in turn, at random places: torn, a bit flipped, empty, of another stream, of a position that the
    journal has not, deleted, random bytes, unreadable.
    """
    chance = random.Random(seed)
    damages: list[Callable[[Path, bytes], object]] = [
        lambda file, was: file.write_bytes(was[: chance.randrange(len(was))]),
        lambda file, was: file.write_bytes(flipped(was, chance)),
        lambda file, _: file.write_bytes(foreign),
        lambda file, _: file.unlink(),
        lambda file, _: file.write_bytes(chance.randbytes(5_000)),
        lambda file, _: file.write_bytes(b""),
        lambda file, was: file.write_bytes(was + was),
        lambda file, _: _put_a_folder(file),
    ]
    foreign = _foreign_snapshot(folder / "foreign", chance)
    reported = 0
    for first in range(0, rounds, ROUNDS_A_JOURNAL):
        place = folder / f"from-{first}"
        place.mkdir()
        with running_apps(place, SIDECAR_SNAPSHOT_SECONDS="60") as apps:
            posted = 0
            for number in range(first, min(first + ROUNDS_A_JOURNAL, rounds)):
                posted += _post(apps, f"before-{number}", chance)
                apps.wait_until_applied(posted)
                apps.stop_one("metrics-sidecar")
                file = apps.data / SNAPSHOT
                damages[number % len(damages)](file, file.read_bytes())
                posted += _post(apps, f"meanwhile-{number}", chance)
                apps.start("metrics-sidecar")
                audit(apps, others=posted)
                if file.is_dir():
                    file.rmdir()
            reported += apps.log("metrics-sidecar").read_text().count("snapshot not used")
    return Figures(
        f"{rounds} damaged snapshots",
        f"every figure right after each start; {reported} were reported unusable",
        {"rounds": rounds, "unusable": reported},
    )


def exchange_journal(folder: Path, seed: int, rounds: int) -> Figures:
    """Exchange the journal while the web app is down and the sidecar runs: it notices, and shows the new one's trades.

    In turn: deleted; put back from an older copy; put back and continued differently, further than it was before.
    """
    chance = random.Random(seed)
    posted = 0
    with running_apps(folder) as apps:
        for number in range(rounds):
            way = ("put back and continued differently", "deleted", "put back")[number % 3]
            posted += _post(apps, f"kept-{number}", chance)
            apps.wait_until_applied(posted)
            copy = folder / f"copy-{number}.sqlite3"
            _command(apps, "backup", copy)
            gone = _post(apps, f"gone-{number}", chance)
            apps.wait_until_applied(posted + gone)
            apps.stop_one("trading-app")
            if way == "deleted":
                for file in apps.data.glob("journal.sqlite3*"):
                    file.unlink()
                posted = 0
            else:
                _command(apps, "restore", copy)
            apps.start("trading-app")
            apps.wait_for("trading-app")
            if way.endswith("differently"):
                posted += _post(apps, f"other-{number}", chance) + _post(apps, f"more-{number}", chance)
            audit(apps, others=posted)
        overs = apps.log("metrics-sidecar").read_text().count("another history: starting over")
        assert overs == rounds
    return Figures(
        f"{rounds} exchanged journals",
        f"every figure that of the journal put there; {overs} new beginnings",
        {"rounds": rounds, "new_beginnings": overs},
    )


def flipped(content: bytes, chance: random.Random) -> bytes:
    """The content with one bit changed."""
    changed = bytearray(content)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _foreign_snapshot(folder: Path, chance: random.Random) -> bytes:
    """A good snapshot, of another stream."""
    folder.mkdir()
    with running_apps(folder) as apps:
        apps.wait_until_applied(_post(apps, "foreign", chance))
        apps.stop_one("metrics-sidecar")
        return (apps.data / SNAPSHOT).read_bytes()


def _command(apps: Apps, command: str, file: Path) -> None:
    arguments: list[str | Path] = [BIN / "trading-app", command, file]
    subprocess.run(arguments, env=apps.environment, check=True, capture_output=True)


def _put_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _post(apps: Apps, prefix: str, chance: random.Random) -> int:
    post_batch(apps.web_port, [make_trade(f"{prefix}-{index}", chance) for index in range(TRADES)])
    return TRADES

"""Other programs at the journal's files: their locks are waited for, and a file they take away is noticed."""

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw

from tests.support.apps import Apps, running_apps
from tests.support.audit import audit
from tests.support.load import Bots
from tests.support.polling import eventually
from tests.torture.figures import Figures

BOTS = 4
LONG = "lock longer than the wait"
JOURNAL = "journal.sqlite3"
LOST = "was removed or replaced while the app writes it"


def locks(folder: Path, seed: int, rounds: int) -> Figures:
    """Hold the journal's lock, make checkpoints and copies as other programs do, while bots post."""
    chance = random.Random(seed)
    done = {"short lock": 0, LONG: 0, "checkpoint": 0, "copy": 0}
    with running_apps(folder) as apps, Bots(apps.web_port, BOTS, seed) as bots:
        web = apps.processes["trading-app"]
        with closing(apsw.Connection(str(apps.data / JOURNAL))) as other:
            other.set_busy_timeout(10_000)
            for number in range(rounds):
                what = LONG if number % 20 == 5 else chance.choice(list(done))
                if what == "checkpoint":
                    other.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
                elif what == "copy":
                    other.execute("VACUUM INTO ?", (str(folder / f"copy-{number}"),))
                else:
                    is_met = _grows(partial(_refused, bots) if what == LONG else partial(_waits, apps))
                    other.execute("BEGIN IMMEDIATE")
                    eventually(is_met, what=what)
                    other.execute("COMMIT")
                done[what] += 1
                bots.wait_for_more(BOTS)
                assert web.poll() is None, f"ended with {web.poll()} after a {what}"
        bots.end()
        passed = audit(apps, bots)
    listed = ", ".join(f"{what} {count}" for what, count in done.items())
    return Figures(f"{rounds} times another program at the journal: {listed}", f"the app went on each time; {passed}")


def _grows(count: Callable[[], float]) -> Callable[[], bool]:
    before = count()
    return lambda: count() > before


def _refused(bots: Bots) -> float:
    return bots.refused.get(503, 0)


def _waits(apps: Apps) -> float:
    return float(apps.web_samples()["trading_app_journal_lock_waits_total"])


def _remove(file: Path) -> None:
    file.unlink()


def _replace(file: Path) -> None:
    shutil.copyfile(file, f"{file}.copy")
    Path(f"{file}.copy").rename(file)


HARMS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "log removed": (f"{JOURNAL}-wal", _remove),
    "log replaced": (f"{JOURNAL}-wal", _replace),
    "journal removed": (JOURNAL, _remove),
    "journal replaced": (JOURNAL, _replace),
}


def files_lost(folder: Path, seed: int, rounds: int) -> Figures:
    """Take a file away under the running app: it ends with 1 and says which, and what it had accepted is there."""
    for number in range(rounds):
        what = list(HARMS)[number % len(HARMS)]
        (folder / str(number)).mkdir()
        lose_a_file(folder / str(number), seed + number, what)
        shutil.rmtree(folder / str(number))
    return Figures(
        f"{rounds} times a file of the journal taken away: {', '.join(HARMS)}",
        "exit code 1, one line that names the file; lost 0, double 0 after the restart",
    )


def lose_a_file(folder: Path, seed: int, what: str) -> None:
    """One round. Fails where anything is not as promised."""
    name, harm = HARMS[what]
    with running_apps(folder, LOG_FORMAT="json") as apps, Bots(apps.web_port, BOTS, seed) as bots:
        web = apps.processes["trading-app"]
        bots.wait_for_more(50)
        harm(apps.data / name)
        eventually(lambda: web.poll() is not None, what="an end")
        assert web.poll() == 1, f"{what}: exit code {web.poll()}"
        log = apps.log("trading-app").read_text()
        assert log.count(f"{name} {LOST}") == 1, log
        if name == JOURNAL:
            (apps.data / JOURNAL).unlink(missing_ok=True)
            for file in apps.data.glob(f"{JOURNAL}-*"):
                file.unlink()
            [rescued] = apps.data.glob("journal-rescued-*")
            rescued.rename(apps.data / JOURNAL)
        apps.start("trading-app")
        bots.wait_for_more(BOTS)
        bots.end()
        audit(apps, bots)

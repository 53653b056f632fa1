"""Random ledgers with moves between accounts and imports taken back: exported in every form, imported into another app,
both killed meanwhile. The other app's figures are the oracle's of the first.
"""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import ledger_figures
from tests.support.exported_ledger import figures_of, is_event, lines, send_on
from tests.support.programs import run_command
from tests.support.random_ledger import random_ledger
from tests.support.stored_ledger import store
from tests.torture.figures import Figures
from tests.trading_app.running import RunningApp

EVENTS = 500
ADDRESSES = ("WEBAPP_HTTP_PORT", "WEBAPP_ZMQ_ADDR", "WEBAPP_REPLAY_ADDR")
FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("trades.ndjson", ("--all-events",)),
    ("trades.csv", ()),
    ("trades.json", ()),
    ("trades.csv", ("--order", "desc", "--local-time", "America/New_York")),
)
"""What is exported how. Without --all-events the other app has the other events before."""

MAX_SECONDS_TO_A_KILL = 0.4


def round_trips(folder: Path, seed: int, count: int) -> Figures:
    """So many ledgers, in each form in turn; the first app is killed before its export, the other one while it takes
    the file.
    """
    found, kills = list[str](), 0
    for number in range(count):
        place = folder / f"ledger-{number}"
        found += [f"ledger {number}: {difference}" for difference in _round_trip(place, seed * 10**6 + number, number)]
        kills += 2
    assert not found, found[:5]
    return Figures(
        f"{count:,} random ledgers of {EVENTS} events exported as NDJSON, CSV and JSON, and imported into another app;"
        f" {kills:,} kills of either",
        f"{len(found)} figures differ from the oracle's of the first app",
        {"ledgers": count, "kills": kills, "differences": len(found)},
    )


def _round_trip(folder: Path, seed: int, form: int) -> list[str]:
    chance = random.Random(seed)
    name, options = FORMS[form % len(FORMS)]
    source, sink = folder / "from", folder / "to"
    source.mkdir(parents=True)
    sink.mkdir()
    events = store(random_ledger(seed, EVENTS), source / "data")
    apps = [_started(source), _started(sink)]
    try:
        apps[0] = _killed_and_started(apps[0], source)
        assert lines(apps[0].client, all_events="true") == events
        file, everything = folder / name, _export(apps[0], "--all-events")
        others = [line for line in everything if is_event(line)]
        if "--all-events" in options:
            others = [line for line in others if '"kind":"instrument"' in line]
            file.write_text("\n".join(line for line in everything if line not in others))
        else:
            _export(apps[0], file, *options)
        send_on(others, apps[1].client)
        with ThreadPoolExecutor(1) as beside:
            environment = apps[1].environment
            importing = beside.submit(
                run_command, "trading-app", "import", file, "--yes", "--json", environment=environment
            )
            time.sleep(chance.uniform(0, MAX_SECONDS_TO_A_KILL))
            apps[1] = _killed_and_started(apps[1], sink)
            done = importing.result()
        assert done.returncode == 0, done
        assert json.loads(done.stdout.splitlines()[0])["state"] in ("taken", "nothing_new"), done
        return ledger_figures.differences(figures_of(apps[0].client), figures_of(apps[1].client))
    finally:
        for app in apps:
            app.end()


def _started(folder: Path, **settings: str) -> RunningApp:
    app = RunningApp(folder, LOG_LEVEL="WARNING", **settings)
    app.wait_until_ready()
    return app


def _killed_and_started(app: RunningApp, folder: Path) -> RunningApp:
    """The app after it, at the same addresses."""
    app.end()
    return _started(folder, **{name: app.environment[name] for name in ADDRESSES})


def _export(app: RunningApp, *words: object) -> list[str]:
    """`trading-app export …`: the lines that it printed."""
    done = run_command("trading-app", "export", *words, environment=app.environment)
    assert done.returncode == 0, done
    return done.stdout.splitlines()

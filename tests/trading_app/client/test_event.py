"""`trading-app event`: what the arguments say, and what the app makes of it."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http import HTTP
from tests.support.programs import run_command
from tests.trading_app.running import RunningApp, running
from trading_app.client.errors import UsageError
from trading_app.client.event import read_event
from trading_model.kind_members import KINDS

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running(tmp_path_factory.mktemp("event")) as app:
        yield app


def event(app: RunningApp, *words: str) -> subprocess.CompletedProcess[str]:
    return run_command("trading-app", "event", *words, environment=app.environment)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("void target=41 reason=x=y", {"kind": "void", "target": "41", "reason": "x=y"}),
        (
            "replace target=41 price=1.50 tags=a,b",
            {"kind": "replace", "target": "41", "price": "1.50", "tags": "a,b"},
        ),
        ("cash amount=-0.020 id=7", {"kind": "cash", "amount": "-0.020", "id": "7"}),
        ("instrument symbol=A negative_prices=True", {"kind": "instrument", "symbol": "A", "negative_prices": True}),
        ("instrument symbol=A aliases=B,C", {"kind": "instrument", "symbol": "A", "aliases": ["B", "C"]}),
        ("move from.symbol=A from.quantity=1", {"kind": "move", "from": {"symbol": "A", "quantity": "1"}}),
    ],
)
def test_the_arguments_are_an_event(words: str, said: dict[str, Any]) -> None:
    kind, *members = words.split()
    assert read_event(kind, members) == said


@pytest.mark.parametrize(
    "words",
    ["trade", "import nam=x", "void target", "void target=1 target=2", "void =1", "void kind=cash", "void tragte=1",
     "cash from.symbol=1", "move from=1", "move from.symbol=1 from.symbol=2", "void target.x=1"],
)  # fmt: skip
def test_arguments_that_are_no_event(words: str) -> None:
    kind, *members = words.split()
    with pytest.raises(UsageError):
        read_event(kind, members)


def test_a_dry_run_sends_nothing(app: RunningApp) -> None:
    run = event(app, "split", "symbol=AAPL", "n=4", "d=1", "--dry-run", "--url", "http://127.0.0.1:9")
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout) == {"kind": "split", "symbol": "AAPL", "n": "4", "d": "1"}


def test_events_are_sent_and_refusals_shown(app: RunningApp) -> None:
    app.client.post("/trade", json={"symbol": "A", "price": 1, "qty": 1, "side": "buy"}).raise_for_status()
    sent = event(app, "void", "target=1", "reason=entered twice")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert json.loads(sent.stdout) == {"seq": 2, "kind": "void", "id": "void-1", "status": "accepted"}
    assert json.loads(event(app, "void", "target=1", "reason=entered twice").stdout)["status"] == "duplicate"
    refused = event(app, "void", "target=1", "id=other")
    assert refused.returncode == 1
    assert "1 is voided by event 2 already; void that event to restore 1" in refused.stderr
    assert refused.stdout == ""
    wrong = event(app, "cash", "amount=0", "curency=USD")
    assert wrong.returncode == 2
    assert "'curency' is not a member of cash: id, target, currency, amount" in wrong.stderr
    several = event(app, "cash", "amount=0", "currency=USD")
    assert several.returncode == 1
    assert several.stderr.count("\n") == 2


def test_without_an_app_it_gives_up(app: RunningApp) -> None:
    run = event(app, "split", "symbol=A", "n=2", "d=1", "--url", "http://127.0.0.1:9", "--max-wait", "0.2")
    assert run.returncode == 1
    assert "gave up after 0.2 s" in run.stderr


def test_the_help_lists_every_kind_and_member(app: RunningApp) -> None:
    text = event(app, "--help").stdout
    assert all(f"\n  {kind} " in text for kind in KINDS)
    assert "[position_side]" in text


def documented() -> list[str]:
    """What stands behind `trading-app event` in docs/operations.md."""
    text = (ROOT / "docs" / "operations.md").read_text()
    return re.findall(r"^\.venv/bin/trading-app event (.+?)(?:  +#.*)?$", text, re.MULTILINE)


def test_the_documented_commands_are_accepted(app: RunningApp) -> None:
    """In their order; where one names an event, it is a trade made for it, or the void before."""
    trade = {"symbol": "BTC/USDT", "side": "buy", "price": "100", "qty": "1"}
    lines = documented()
    assert {line.split()[0] for line in lines} >= {"void", "replace", "opening", "cash", "move", "split", "instrument"}
    void = ""
    for line in lines:
        seq = HTTP.post(f"{app.url}/trade", json=trade).json()["seq"]
        words = shlex.split(line.replace("target=41", f"target={seq}").replace("target=57", f"target={void}"))
        run = event(app, *words)
        assert run.returncode == 0, (line, run.stderr)
        answer = json.loads(run.stdout)
        assert answer["status"] == "accepted", line
        void = void or str(answer["seq"])

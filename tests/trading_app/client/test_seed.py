"""The made-up past: the same for the same arguments, with late trades and mistakes, taken only by an empty ledger."""

import json
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from tests.trading_app.client.command import run_seed
from tests.trading_app.running import running
from trading_app.client.past import Item, past
from trading_app.client.seed import requests

END = datetime(2026, 3, 2, tzinfo=UTC)


def digest(items: list[Item]) -> str:
    return sha256(json.dumps(items).encode()).hexdigest()[:16]


def test_it_stays_what_it_is() -> None:
    """Another machine, or a later version, makes the same past of the same arguments."""
    assert digest(past(1, END, 14)) == "920ac809f5485ccd"
    assert digest(past(2, END, 14)) != digest(past(1, END, 14))


def test_it_has_what_happens_to_a_ledger() -> None:
    items = past(1, END, 21)
    kinds = Counter(item.event.get("kind", "fill") for item in items)
    assert set(kinds) == {"fill", "instrument", "cash", "void", "replace", "split", "import"}
    assert {item.event["account"] for item in items if "account" in item.event} == {"main", "perps", "broker"}
    assert {item.event["reason"] for item in items if item.event.get("kind") == "cash"} == {
        "deposit", "withdrawal", "funding", "dividend", "tax",
    }  # fmt: skip
    fills = [item.event for item in items if "kind" not in item.event and not item.import_id]
    assert sum(later["ts"] < earlier["ts"] for earlier, later in pairwise(fills)) > 5  # late
    for number, item in enumerate(items, 1):
        if item.event.get("kind") in ("void", "replace"):
            target = items[item.event["target"] - 1].event
            assert item.event["target"] < number
            assert target.get("kind", "import") == "import"  # a fill, or an import


def test_requests_are_in_the_order_of_arrival() -> None:
    items = past(1, END, 14)
    sent = [(path, event) for path, body, _ in requests(items) for event in json.loads(body)]
    assert [event for _, event in sent] == [item.event for item in items]
    assert {path for path, _ in sent} == {
        "/trades", "/events", "/trades?import_id=seed-broker", "/trades?import_id=seed-mistake",
    }  # fmt: skip


def test_an_app_takes_it_into_an_empty_ledger_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path) as app:
        asked = ("--url", app.url, "--days", 10, "--until", "2026-03-02")
        assert run_seed(*asked) == 0
        assert f"up to 2026-03-02\n  open {app.url}/history\n" in capsys.readouterr().out
        taken = app.client.get("/trades", params={"limit": 1000}).json()["trades"]
        assert len(taken) == sum("kind" not in item.event for item in past(1, END, 10))
        assert run_seed(*asked) == 1
        assert "the ledger is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("days", [9, 4_000])
def test_it_needs_some_days(days: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_seed("--days", days) == 2
    assert "--days: 10 to 3,650" in capsys.readouterr().err


def test_it_does_not_end_in_the_future(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_seed("--until", "2200-01-01") == 2
    assert "--until: at most" in capsys.readouterr().err

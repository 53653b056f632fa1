"""The calls of an import, against the app as a process: its event, its trades, what is known, taking it back."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from service_kit.access.tokens import entry_text, mint, read_scopes
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running

Make = Callable[..., dict[str, Any]]
NDJSON = {"Content-Type": "application/x-ndjson"}
_numbers = count(1)


@pytest.fixture
def rows(trade: Make) -> list[dict[str, Any]]:
    return [trade(trade_id=f"i{index}", ts="2025-01-31T12:00:00Z", fee="0.10") for index in range(3)]


@pytest.fixture
def begin(client: httpx.Client) -> Callable[..., str]:
    """Begins an import; its id."""

    def send(**members: Any) -> str:
        import_id = f"import-{next(_numbers)}"
        event = {"kind": "import", "id": import_id, "name": "fills.csv", "digest": "0f", **members}
        client.post("/events", json=event).raise_for_status()
        return import_id

    return send


def post(client: httpx.Client, import_id: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(f"/trades?import_id={import_id}", json=rows).raise_for_status().json()
    return answer


def known(client: httpx.Client, rows: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = client.post("/known", json=rows).raise_for_status().json()
    return found


def undo(client: httpx.Client, import_id: str) -> int:
    sequence: int = client.post(f"/imports/{import_id}/undo").raise_for_status().json()["first_seq"]
    return sequence


def test_the_trades_of_an_import_bear_its_id(
    client: httpx.Client, rows: list[dict[str, Any]], begin: Callable[..., str]
) -> None:
    import_id = begin()
    rare = rows[0] | {"trade_id": "rare", "multiplier": 2, "tags": "x", "ts": "2025-01-31 12:00:00+01:00"}
    first = post(client, import_id, [*rows, rare])["first_seq"]
    lines = "".join(json.dumps(row | {"trade_id": f"line {row['trade_id']}"}) + "\n" for row in rows)
    client.post(f"/trades?import_id={import_id}", content=lines, headers=NDJSON).raise_for_status()
    stored = client.get("/trades", params={"after": first - 1}).json()["trades"]
    assert len(stored) == 7
    assert all(list(one)[-1] == "import_id" and one["import_id"] == import_id for one in stored)
    assert client.get(f"/trades/{first}").json()["way"] == "import"


def test_only_an_import_in_force_can_bring_trades(
    client: httpx.Client, rows: list[dict[str, Any]], begin: Callable[..., str]
) -> None:
    problem(client.post("/trades?import_id=none", json=rows), "invalid_parameter")
    import_id = begin()
    problem(client.post(f"/trades?import_id={import_id}&import_id={import_id}", json=rows), "invalid_parameter")
    problem(client.post(f"/trades?import={import_id}", json=rows), "invalid_parameter")
    problem(client.post(f"/trade?import_id={import_id}", json=rows[0]), "invalid_parameter")
    undo(client, import_id)
    problem(client.post(f"/trades?import_id={import_id}", json=rows), "event_conflict")


@pytest.mark.parametrize("name", ["import_id", "import\\u005fid"])
def test_a_trade_can_t_name_its_import_itself(
    client: httpx.Client, trade: Make, begin: Callable[..., str], name: str
) -> None:
    import_id, other = begin(), begin()
    body = json.dumps([trade()])[:-2] + f', "{name}": "{other}"}}]'
    for query in ("", f"?import_id={import_id}"):
        refused = client.post(f"/trades{query}", content=body, headers={"Content-Type": "application/json"})
        assert problem(refused, "invalid_batch")["errors"][0]["pointer"] == "#/0/import_id"


def test_the_same_trade_of_two_imports_is_one(
    client: httpx.Client, rows: list[dict[str, Any]], begin: Callable[..., str]
) -> None:
    one, other = begin(), begin()
    first = post(client, one, rows[:2])["first_seq"]
    client.post("/trade", json=rows[2]).raise_for_status()
    again = [row | {"fee": "0.1"} for row in rows]
    assert post(client, other, again)["duplicates"] == 3
    assert known(client, again) == {
        "new": 0, "known": [[index, first + index] for index in range(3)], "taken_back": [], "different": [],
        "history": None, "similar": [], "forms": [],
    }  # fmt: skip


def test_what_is_known_of_trades(client: httpx.Client, rows: list[dict[str, Any]], begin: Callable[..., str]) -> None:
    first = post(client, begin(), rows[:2])["first_seq"]
    void = client.post("/events", json={"kind": "void", "target": first}).json()["seq"]
    asked = [rows[2], rows[1] | {"price": "64250.11"}, rows[0], rows[0] | {"fee": None}, rows[1]]
    assert known(client, asked) == {
        "new": 1,
        "known": [[4, first + 1]],
        "taken_back": [{"index": 2, "seq": first, "void": void, "import_id": rows_import(client, first)}],
        "different": [
            {
                "index": 1, "seq": first + 1, "void": None,
                "fields": {"price": {"yours": "64250.11", "stored": "64250.10"}},
            },
            {"index": 3, "seq": first, "void": void, "fields": {"fee": {"yours": None, "stored": "0.10"}}},
        ],
        "history": None,
        "similar": [],
        "forms": [],
    }  # fmt: skip
    assert known(client, [rows[2]])["new"] == 1, "nothing was written"


def test_a_replaced_trade_is_known_by_what_it_says_now(client: httpx.Client, rows: list[dict[str, Any]]) -> None:
    first = client.post("/trades", json=rows[:2]).raise_for_status().json()["first_seq"]
    replace = client.post("/events", json={"kind": "replace", "target": first, "price": "64251.20"}).json()["seq"]
    right, other = rows[0] | {"price": "64251.2"}, rows[0] | {"price": "1"}
    fields = {"price": {"yours": "1", "stored": "64251.20"}}
    found = known(client, [right, rows[0], other, rows[1] | {"price": "64251.20"}])
    assert found["known"] == [[0, first], [1, first]]
    assert found["different"][0] == {"index": 2, "seq": first, "void": None, "fields": fields}
    assert [one["index"] for one in found["different"]] == [2, 3]
    client.post("/events", json={"kind": "void", "target": replace}).raise_for_status()
    assert [one["index"] for one in known(client, [right, rows[0]])["different"]] == [0]


def rows_import(client: httpx.Client, sequence: int) -> str:
    import_id: str = client.get(f"/trades/{sequence}").json()["trade"]["import_id"]
    return import_id


def test_an_import_is_taken_back_as_a_whole(
    client: httpx.Client, rows: list[dict[str, Any]], begin: Callable[..., str], account: str
) -> None:
    import_id = begin(account=account, rows=3, taken=3)
    answer = client.get("/imports?limit=1").json()
    listed = answer["imports"][0]
    assert (listed["id"], listed["taken"], listed["in_force"], listed["void"]) == (import_id, 3, True, None)
    cash = {"kind": "cash", "amount": 1, "currency": "USD", "reason": "dividend", "account": account}
    paid = client.post("/events", json=cash | {"target": listed["seq"]}).json()["seq"]
    first = post(client, import_id, rows)["first_seq"]

    void = undo(client, import_id) + 1  # the first is that of the cash
    assert client.get(f"/trades/{first}").json()["in_force"] is False
    voids = client.get("/events", params={"kind": "void", "after": first}).json()["events"]
    assert [event["target"] for event in voids] == [paid, listed["seq"]]
    listed = client.get("/imports?limit=1").json()["imports"][0]
    assert (listed["in_force"], listed["void"]) == (False, void)
    problem(client.post(f"/imports/{import_id}/undo"), "event_conflict")
    assert [one["void"] for one in known(client, rows)["taken_back"]] == [void] * 3

    again = client.post("/trades", json=[*rows, rows[0] | {"trade_id": "new"}]).json()
    assert (again["accepted"], again["voided"]) == (1, 3)
    assert again["voided_trades"] == [{"index": index, "seq": first + index} for index in range(3)]
    assert client.post("/trade", json=rows[0]).json()["voided"] is True

    client.post("/events", json={"kind": "void", "target": void}).raise_for_status()
    assert [index for index, _ in known(client, rows)["known"]] == [0, 1, 2]
    assert undo(client, import_id) > void, "a second time, by the event that restored it"
    assert len(known(client, rows)["taken_back"]) == 3


def test_imports_are_paged_newest_first(client: httpx.Client, begin: Callable[..., str]) -> None:
    made = [begin() for _ in range(3)]
    page = client.get("/imports?limit=2").json()
    assert [one["id"] for one in page["imports"]] == made[:0:-1]
    following = client.get("/imports", params={"limit": 1, "before": page["next_before"]}).json()
    assert [one["id"] for one in following["imports"]] == made[:1]
    problem(client.get("/imports?limit=0"), "invalid_parameter")
    problem(client.post("/imports/none/undo"), "not_found")


def test_an_event_that_an_import_brings_names_one(client: httpx.Client, trade: Make) -> None:
    sequence = client.post("/trade", json=trade()).json()["seq"]
    cash = {"kind": "cash", "amount": 1, "currency": "USD", "reason": "dividend", "target": sequence}
    problem(client.post("/events", json=cash), "invalid_event")


def test_a_token_imports_and_undoes_what_its_scopes_and_accounts_allow(tmp_path: Path, trade: Make) -> None:
    ingest, desk, correct = mint(), mint(), mint()
    entries = [
        entry_text(ingest, read_scopes(["ingest"])),
        entry_text(desk, read_scopes(["ingest"]), ["desk-1"]),
        entry_text(correct, read_scopes(["ingest", "correct"]), ["desk-1"]),
    ]
    event = {"kind": "import", "id": "i", "name": "a.csv", "digest": "0f"}
    with running(tmp_path, WEBAPP_API_TOKENS=",".join(entries)) as app:
        as_desk, as_correct = bearer(desk), bearer(correct)
        problem(app.client.post("/events", json=event, headers=as_desk), "forbidden")
        app.client.post("/events", json=event | {"account": "desk-1"}, headers=as_desk).raise_for_status()
        own, foreign = [trade(account="desk-1", trade_id="1")], [trade(account="desk-2", trade_id="1")]
        app.client.post("/trades?import_id=i", json=own, headers=as_desk).raise_for_status()
        problem(app.client.post("/trades?import_id=i", json=foreign, headers=as_desk), "forbidden")
        problem(app.client.post("/known", json=foreign, headers=as_desk), "forbidden")
        assert app.client.post("/known", json=own, headers=as_desk).json()["known"] == [[0, 2]]
        problem(app.client.post("/imports/i/undo", headers=bearer(ingest)), "forbidden")
        assert app.client.post("/imports/i/undo", headers=as_correct).json()["accepted"] == 1


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_all_of_it_is_known_after_a_restart(tmp_path: Path, trade: Make) -> None:
    event = {"kind": "import", "id": "i", "name": "a.csv", "digest": "0f"}
    rows = [trade(trade_id="1")]
    with running(tmp_path) as app:
        app.client.post("/events", json=event).raise_for_status()
        app.client.post("/trades?import_id=i", json=rows).raise_for_status()
        app.client.post("/imports/i/undo").raise_for_status()
    again: RunningApp
    with running(tmp_path) as again:
        assert known(again.client, rows)["taken_back"][0]["import_id"] == "i"
        problem(again.client.post("/trades?import_id=i", json=rows), "event_conflict")
        assert again.client.get("/imports").json()["imports"][0]["in_force"] is False


def test_what_the_ledger_has_of_other_events(client: httpx.Client, begin: Callable[..., str]) -> None:
    import_id = begin()
    cash = {"kind": "cash", "amount": "1", "currency": "USD", "reason": "dividend"}
    ids = [f"{import_id}-{number}" for number in range(3)]
    for event_id in ids[:2]:
        client.post("/events", json={**cash, "id": event_id}).raise_for_status()
    seq = client.post("/known/events", json=[{"kind": "cash", "id": ids[0]}]).json()["known"][0][1]
    void = client.post("/events", json={"kind": "void", "target": seq}).raise_for_status().json()["seq"]
    asked = [{"kind": "cash", "id": event_id} for event_id in ids]
    found = client.post("/known/events", json=asked).raise_for_status().json()
    assert (found["new"], [index for index, _ in found["known"]]) == (1, [1])
    assert found["taken_back"] == [{"index": 0, "seq": seq, "void": void, "import_id": None}]
    headers = {"Content-Type": "application/json"}
    problem(client.post("/known/events", content=b"\0", headers=headers), "not_json")
    problem(client.post("/known/events", json=[]), "invalid_batch")
    problem(client.post("/known/events", json=[{"kind": "fill", "id": "1"}]), "invalid_batch")
    problem(client.post("/known/events", json={"kind": "cash"}), "invalid_batch")


def test_events_that_are_sent_whole_are_compared(client: httpx.Client) -> None:
    cash = {"kind": "cash", "amount": "1.50", "currency": "USD", "reason": "dividend", "text": "x", "id": "whole-1"}
    seq = client.post("/events", json={**cash, "account": "whole-a"}).raise_for_status().json()["seq"]
    asked = [
        {**cash, "account": "whole-a", "amount": "1.5", "text": "y"},
        {**cash, "account": "whole-a", "amount": "2"},
        {**cash, "account": "whole-b"},
    ]
    found = client.post("/known/events", json=asked).raise_for_status().json()
    fields = {"amount": {"yours": "2", "stored": "1.50"}}
    assert found == {
        "new": 1,
        "known": [[0, seq]],
        "taken_back": [],
        "different": [{"index": 1, "seq": seq, "void": None, "fields": fields}],
    }
    refused = problem(client.post("/known/events", json=[{**cash, "amount": "x"}]), "invalid_batch")
    assert refused["errors"][0]["pointer"] == "#/0/amount"


def test_an_import_that_is_taken_back_brings_no_events(client: httpx.Client, begin: Callable[..., str]) -> None:
    import_id = begin()
    target = client.get("/imports").json()["imports"][0]["seq"]
    cash = {"kind": "cash", "amount": "1", "currency": "USD", "reason": "dividend", "target": target}
    client.post("/events", json=cash).raise_for_status()
    assert client.post(f"/imports/{import_id}/undo").json()["accepted"] == 2
    problem(client.post("/events", json=cash), "event_conflict")


def test_an_undo_in_parts_may_have_an_idempotency_key(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_MAX_BATCH_TRADES="2") as app:
        event = {"kind": "import", "id": "i", "name": "a.csv", "digest": "0f"}
        target = app.client.post("/events", json=event).raise_for_status().json()["seq"]
        for _ in range(4):
            cash = {"kind": "cash", "amount": "1", "currency": "USD", "reason": "dividend", "target": target}
            app.client.post("/events", json=cash).raise_for_status()
        app.client.post("/imports/i/undo", headers={"Idempotency-Key": "k"}).raise_for_status()
        assert len(app.client.get("/events?kind=void").json()["events"]) == 5

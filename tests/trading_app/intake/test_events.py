"""Events that are not trades, through the API: taken once, held against the ledger, read back."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from service_kit.access.tokens import entry_text, mint
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running

_names = count(1)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running(tmp_path_factory.mktemp("events"), WEBAPP_MAX_BATCH_TRADES="100") as app:
        yield app


def fill(client: httpx.Client, **fields: Any) -> int:
    """A new fill; its sequence."""
    trade = {"symbol": "BTC/USDT", "price": "100.0", "qty": "2", "side": "buy", "trade_id": f"t{next(_names)}"}
    answer = client.post("/trade", json={**trade, **fields})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["seq"])


def send(client: httpx.Client, kind: str, status: int = 201, **members: Any) -> dict[str, Any]:
    answer = client.post("/events", json={"kind": kind, **members})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(client: httpx.Client, code: str, member: str, kind: str, **members: Any) -> str:
    """The reason why an event is refused; nothing of it may be taken."""
    head = client.get("/events", params={"limit": 1000}).json()["events"][-1:]
    answer = client.post("/events", json={"kind": kind, **members})
    found = problem(answer, code)
    assert [error["pointer"] for error in found["errors"]] == [f"#/{member}"]
    after = head[0]["seq"] - 1 if head else 0
    assert client.get("/events", params={"after": after}).json()["events"] == head
    return str(found["errors"][0]["detail"])


def story(client: httpx.Client, sequence: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/trades/{sequence}").raise_for_status().json()
    return found


def stored(client: httpx.Client, sequence: int) -> dict[str, Any]:
    """An event as journaled."""
    page = client.get("/events", params={"after": sequence - 1, "limit": 1}).json()
    [event] = page["events"]
    assert event["seq"] == sequence
    found: dict[str, Any] = event
    return found


# What was wrong.


def test_a_void_quotes_what_never_happened(client: httpx.Client) -> None:
    target = fill(client)
    said = send(client, "void", target=target, reason='a "fat" finger')
    assert said == {"seq": target + 1, "kind": "void", "id": f"void-{target}", "status": "accepted"}
    was = {name: value for name, value in story(client, target)["trade"].items() if name != "seq"}
    assert stored(client, target + 1) == {
        "seq": target + 1,
        "kind": "void",
        "id": f"void-{target}",
        "target": target,
        "void": {"reason": 'a "fat" finger', "was": was},
    }
    assert list(stored(client, target + 1)) == ["seq", "kind", "id", "target", "void"]
    found = story(client, target)
    assert found["in_force"] is False
    assert [(one["seq"], one["reason"], one["in_force"]) for one in found["story"]] == [
        (target + 1, 'a "fat" finger', True)
    ]


def test_a_void_of_a_void_restores(client: httpx.Client) -> None:
    target = fill(client)
    void = send(client, "void", target=target)["seq"]
    restored = send(client, "void", target=void, id=f"restore {target}")["seq"]
    assert story(client, target)["in_force"] is True
    assert [one["in_force"] for one in story(client, target)["story"]] == [False, True]
    again = send(client, "void", target=restored)["seq"]
    assert story(client, target)["in_force"] is False
    assert stored(client, again)["void"]["was"]["void"]["was"]["void"]["was"]["trade_id"]
    assert '"seq"' not in json.dumps(stored(client, again)["void"])


def test_the_same_void_again_is_a_duplicate_and_another_is_refused(client: httpx.Client) -> None:
    target = fill(client)
    first = send(client, "void", target=target, reason="x")
    assert send(client, "void", 200, target=target, reason="x") == {**first, "status": "duplicate"}
    assert f"voided by event {first['seq']}" in refused(
        client, "event_conflict", "target", "void", target=target, id="o"
    )
    assert "differs in reason" in refused(client, "event_conflict", "id", "void", target=target, reason="y")
    restore = send(client, "void", target=first["seq"])["seq"]
    answer = refused(client, "event_conflict", "target", "void", target=target, id="o")
    assert answer == (
        f"{target} was voided and restored; void event {restore}, which restored it, to void {target} again"
    )


def test_a_void_of_nothing_is_refused(client: httpx.Client) -> None:
    head = fill(client)
    reason = refused(client, "invalid_event", "target", "void", target=head + 1)
    assert reason == f"{head + 1} is not in the ledger, whose last event is {head}"
    for odd in (0, -1, "x", 1.5, None, [1], 2**70):
        refused(client, "invalid_event", "target", "void", target=odd)


def test_voids_of_voids_come_to_an_end(client: httpx.Client) -> None:
    last = fill(client)
    for _ in range(10):
        last = send(client, "void", target=last)["seq"]
    assert "maximum" in refused(client, "invalid_event", "target", "void", target=last)


def test_any_kind_can_be_voided(client: httpx.Client) -> None:
    cash = send(client, "cash", amount="1", currency="USD", reason="deposit")["seq"]
    void = send(client, "void", target=cash)["seq"]
    assert stored(client, void)["void"]["was"] == {
        name: value for name, value in stored(client, cash).items() if name != "seq"
    }


def test_a_replace_holds_the_whole_new_fill(client: httpx.Client) -> None:
    target = fill(client, fee="0.1", fee_currency="BNB", venue="v", tags=["a"])
    said = send(client, "replace", target=target, price="101.50", fee=None, fee_currency=None, reason="typo")
    was = {name: value for name, value in story(client, target)["trade"].items() if name != "seq"}
    new = {name: value for name, value in was.items() if not name.startswith("fee")} | {"price": "101.50"}
    assert stored(client, said["seq"])["replace"] == {"fill": new, "reason": "typo", "was": was}
    assert story(client, target)["now"] == {"seq": target, **new}
    assert story(client, target)["trade"] == {"seq": target, **was}


def test_the_last_replace_in_force_holds(client: httpx.Client) -> None:
    target = fill(client)
    first = send(client, "replace", target=target, price=101)["seq"]
    second = send(client, "replace", target=first, qty="3")["seq"]
    assert stored(client, second)["target"] == target
    assert (story(client, target)["now"]["price"], story(client, target)["now"]["qty"]) == ("101", "3")
    send(client, "void", target=second)
    assert (story(client, target)["now"]["price"], story(client, target)["now"]["qty"]) == ("101", "2")
    send(client, "void", target=first)
    assert story(client, target)["now"] == story(client, target)["trade"]


def test_a_replace_again_is_a_duplicate_even_after_another(client: httpx.Client) -> None:
    target = fill(client)
    first = send(client, "replace", target=target, price="101.0", id=f"r{target}")
    send(client, "replace", target=target, price="102")
    again = send(client, "replace", 200, target=target, price=101, id=f"r{target}")
    assert again == {**first, "status": "duplicate"}
    conflict = refused(client, "event_conflict", "id", "replace", target=target, price=103, id=f"r{target}")
    assert f"event {first['seq']}, which differs in price" in conflict


def test_a_replace_that_changes_nothing_is_refused(client: httpx.Client) -> None:
    target = fill(client)
    for same in ({}, {"price": "100"}, {"qty": 2, "fee": None}, {"ts": None}):
        assert "already" in refused(client, "invalid_event", "target", "replace", target=target, **same)
    send(client, "replace", target=target, price="99")
    assert "already" in refused(client, "invalid_event", "target", "replace", target=target, price="99.0")


def test_a_replace_needs_a_fill_in_force(client: httpx.Client) -> None:
    target = fill(client)
    void = send(client, "void", target=target)["seq"]
    reason = refused(client, "invalid_event", "target", "replace", target=target, price=1)
    assert reason == f"{target} is voided by event {void}; void that event first"
    assert "only a fill" in refused(client, "invalid_event", "target", "replace", target=void, price=1)


@pytest.mark.parametrize(
    ("member", "value"),
    [("price", -1), ("qty", 0), ("side", "hold"), ("symbol", ""), ("side", None), ("trade_id", "x")],
)
def test_a_replace_follows_the_rules_of_a_fill(client: httpx.Client, member: str, value: object) -> None:
    refused(client, "invalid_event", member, "replace", target=fill(client), **{member: value})


def test_one_batch_corrects_an_event_once(client: httpx.Client) -> None:
    target = fill(client)
    both = [{"kind": "replace", "target": target, "price": 1}, {"kind": "void", "target": target}]
    found = problem(client.post("/events", json=both), "invalid_batch")
    assert found["indexes"] == [1]
    assert story(client, target)["story"] == []


def test_a_voided_trade_that_is_sent_again_stays_voided(client: httpx.Client) -> None:
    trade = {"symbol": "A", "price": 1, "qty": 1, "side": "buy", "trade_id": f"t{next(_names)}"}
    first = client.post("/trade", json=trade).json()
    duplicate = {**first, "status": "duplicate"}
    void = send(client, "void", target=first["seq"])["seq"]
    assert client.post("/trade", json=trade).json() == {**duplicate, "voided": True}
    assert client.post("/trade", data=trade).json() == {**duplicate, "voided": True}
    restored = send(client, "void", target=void)["seq"]
    assert client.post("/trade", json=trade).json() == duplicate
    send(client, "void", target=restored)
    assert client.post("/trade", json=trade).json() == {**duplicate, "voided": True}
    assert story(client, first["seq"])["in_force"] is False


# The other kinds.


def test_amounts_keep_their_digits_and_times_are_in_utc(client: httpx.Client) -> None:
    said = send(client, "cash", amount=-0.50, currency="usdt", reason="FUNDING", ts="2026-01-31T13:00:00+01:00")
    assert stored(client, said["seq"])["cash"] == {
        "currency": "USDT",
        "amount": "-0.5",
        "reason": "funding",
        "ts": "2026-01-31T12:00:00Z",
        "account": "default",
    }
    text = client.post("/events", content=b'{"kind":"rate","base":"EUR","quote":"USD","rate":1.10}', headers=JSON)
    assert stored(client, text.json()["seq"])["rate"]["rate"] == "1.10"


JSON = {"Content-Type": "application/json"}


def test_the_same_id_and_content_is_the_same_event(client: httpx.Client) -> None:
    cash: dict[str, Any] = {"amount": "-0.50", "currency": "USDT", "reason": "funding", "id": "f-1"}
    first = send(client, "cash", **cash)
    assert send(client, "cash", 200, **cash, account="default") == {**first, "status": "duplicate"}
    assert send(client, "cash", 200, **{**cash, "amount": -0.5})["status"] == "duplicate"
    reason = refused(client, "event_conflict", "id", "cash", **{**cash, "amount": "1", "text": "x"})
    assert (
        reason == f"f-1 is the id of event {first['seq']}, which differs in amount, text; use a new id for a new event"
    )
    send(client, "note", text="the same id in another kind", day="2026-01-31", id="f-1")


def test_an_id_of_money_belongs_to_its_account(client: httpx.Client) -> None:
    paid: dict[str, Any] = {"amount": "-0.25", "currency": "USDT", "reason": "funding", "id": "own-1"}
    of = [send(client, "cash", **paid, account=name) for name in ("own-a", "own-b", "own-c")]
    assert [one["id"] for one in of] == ["own-1", "own-b:own-1", "own-c:own-1"]
    for one, name in zip(of, ("own-a", "own-b", "own-c"), strict=True):
        assert send(client, "cash", 200, **paid, account=name) == {**one, "status": "duplicate"}
    assert "differs in amount" in refused(
        client, "event_conflict", "id", "cash", **{**paid, "amount": "1"}, account="own-b"
    )
    held: dict[str, Any] = {
        "symbol": "ETH/USDT",
        "quantity": "1",
        "average": "9",
        "ts": "2025-01-01T00:00:00Z",
        "id": "own-1",
    }
    assert send(client, "opening", **held, account="own-a")["id"] == "own-1"
    assert send(client, "opening", **held, account="own-b")["id"] == "own-b:own-1"
    long = send(client, "cash", **{**paid, "id": "7" * 128}, account="own-a")
    assert send(client, "cash", **{**paid, "id": "7" * 128}, account="o" * 64)["id"] != long["id"]


def test_accounts_of_one_batch_may_use_one_id(client: httpx.Client) -> None:
    batch = [
        {"kind": "cash", "amount": "1", "currency": "USD", "reason": "interest", "id": "batch-1", "account": name}
        for name in ("batch-a", "batch-b")
    ]
    first = client.post("/events", json=batch).json()
    assert first["accepted"] == 2
    assert client.post("/events", json=batch[::-1]).json()["duplicates"] == 2
    assert stored(client, first["last_seq"])["id"] == "batch-b:batch-1"


def test_nobody_takes_the_id_that_a_void_gets(client: httpx.Client) -> None:
    target, other = fill(client), fill(client)
    send(client, "void", target=other, id=f"void-{target}")
    void = send(client, "void", target=target)
    assert send(client, "void", 200, target=target) == {**void, "status": "duplicate"}
    assert story(client, target)["in_force"] is False


def test_a_made_id_makes_every_event_a_new_one(client: httpx.Client) -> None:
    ids = {send(client, "cash", amount=1, currency="USD", reason="interest")["id"] for _ in range(3)}
    assert len(ids) == 3


def test_an_idempotency_key_makes_a_repeat_safe(client: httpx.Client) -> None:
    target = fill(client)
    body = [
        {"kind": "replace", "target": target, "price": 7},
        {"kind": "cash", "amount": 1, "currency": "USD", "reason": "interest"},
    ]
    headers = {"Idempotency-Key": f"batch {target}"}
    first = client.post("/events", json=body, headers=headers)
    assert (first.status_code, first.json()["accepted"]) == (201, 2)
    again = client.post("/events", json=body, headers=headers)
    assert (again.status_code, again.json()["first_seq"]) == (200, first.json()["first_seq"])
    problem(client.post("/events", json=body[1:], headers=headers), "idempotency_key_conflict")


def test_a_whole_number_may_have_zeros_after_the_point(client: httpx.Client) -> None:
    target = fill(client)
    void = send(client, "void", target=float(target))
    assert stored(client, void["seq"])["target"] == target
    refused(client, "invalid_event", "target", "void", target=target + 0.5)


def test_a_batch_is_taken_whole_or_not_at_all(client: httpx.Client) -> None:
    good = {"kind": "split", "symbol": "AAPL", "n": 4, "d": 1}
    answer = client.post("/events", json=[good, {**good, "d": 0}, {"kind": "cash", "amount": 0}, 3])
    found = problem(answer, "invalid_batch")
    assert found["indexes"] == [1, 2, 3]
    assert {"index": 1, "pointer": "#/1/d", "detail": "must be a whole number from 1 to 1000000000"} in found["errors"]
    problem(client.post("/events", json=[]), "invalid_batch")
    problem(client.post("/events", json=[good] * 101), "too_large")
    assert client.get("/events", params={"kind": "split"}).json()["events"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"), (b"{", "not_json"), (b"[{]", "not_json"), (b"\xff", "not_json"), (b"3", "invalid_event"),
        (b"{}", "invalid_event"), (b'{"kind":"trade"}', "invalid_event"), (b'{"kind":7}', "invalid_event"),
        (b'{"kind":"import","name":"x"}', "invalid_event"), (b'{"kind":"void","target":1,"x":1}', "invalid_event"),
        (b'{"kind":"cash","amount":NaN}', "not_json"), (b"[" * 100_000, "not_json"), (b'{"a":' * 10_000, "not_json"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(client: httpx.Client, body: bytes, code: str) -> None:
    problem(client.post("/events", content=body, headers=JSON), code)


def test_a_form_is_refused(client: httpx.Client) -> None:
    problem(client.post("/events", data={"kind": "void"}), "unsupported_media_type")


def test_aliases_never_go_round_in_a_circle(client: httpx.Client) -> None:
    send(client, "instrument", symbol="ONE-USDT", aliases=["TWO-USDT"])
    assert "ONE-USDT" in refused(
        client, "invalid_event", "aliases", "instrument", symbol="two-usdt", aliases=["one-usdt"]
    )
    both = [
        {"kind": "instrument", "symbol": "FIVE", "aliases": ["SIX"]},
        {"kind": "instrument", "symbol": "SIX", "aliases": ["FIVE"]},
    ]
    assert problem(client.post("/events", json=both), "invalid_batch")["indexes"] == [1]
    said = send(client, "instrument", symbol="FIVE", aliases=["SIX"])
    send(client, "void", target=said["seq"])
    send(client, "instrument", symbol="SIX", aliases=["FIVE"])


def test_a_negative_price_needs_an_instrument(client: httpx.Client) -> None:
    oil: dict[str, Any] = {"symbol": "OIL-1", "price": "-37.63", "qty": 1, "side": "buy"}
    problem(client.post("/trade", json=oil), "invalid_trade")
    assert "negative_prices" in refused(client, "invalid_event", "price", "price", symbol="OIL-1", price="-37.63")
    said = send(client, "instrument", symbol="OIL-1", negative_prices=True)
    send(client, "price", symbol="oil-1", price="-37.63")
    sequence = fill(client, **oil)
    send(client, "replace", target=sequence, price="-40")
    send(client, "void", target=said["seq"])
    problem(client.post("/trade", json=oil), "invalid_trade")


def test_an_inverse_contract_has_prices_above_0(client: httpx.Client) -> None:
    send(client, "instrument", symbol="INV-PERP", settlement="inverse", multiplier=1)
    for kind, member in (("price", "price"), ("opening", "average")):
        more = {"quantity": 1} if kind == "opening" else {}
        assert "1 / price" in refused(client, "invalid_event", member, kind, symbol="INV-PERP", **{member: 0}, **more)
    at_0: dict[str, Any] = {"symbol": "INV-PERP", "price": 0, "qty": 1, "side": "sell"}
    assert "1 / price" in problem(client.post("/trade", json=at_0), "invalid_trade")["detail"]
    assert "1 / price" in refused(
        client, "invalid_event", "price", "replace", target=fill(client, **at_0 | {"price": 9}), price=0
    )


# Reading back.


def test_pages_of_events_hold_each_once(app: RunningApp, client: httpx.Client) -> None:
    fill(client)
    whole = client.get("/events", params={"limit": 1000}).json()
    assert whole["next_after"] is None
    pages, after = [], 0
    while after is not None:
        page = client.get("/events", params={"after": after, "limit": 7}).json()
        pages += page["events"]
        after = page["next_after"]
    assert pages == whole["events"]
    voids = client.get("/events", params={"kind": "void", "limit": 1000}).json()["events"]
    assert voids == [event for event in whole["events"] if event["kind"] == "void"]
    assert app.metric("trading_app_events_accepted_total") == len(pages)


@pytest.mark.parametrize("query", ["kind=voids", "kind=", "limit=0", "limit=1001", "after=-1", "x=1"])
def test_odd_parameters_are_refused(client: httpx.Client, query: str) -> None:
    problem(client.get(f"/events?{query}"), "invalid_parameter")


def test_there_is_a_story_of_trades_only(client: httpx.Client) -> None:
    sequence = send(client, "cash", amount=1, currency="USD", reason="interest")["seq"]
    assert "cash" in problem(client.get(f"/trades/{sequence}"), "not_found")["detail"]
    problem(client.get("/trades/1000000"), "not_found")
    problem(client.get("/trades/0"), "invalid_parameter")


def test_a_note_is_part_of_the_story(client: httpx.Client) -> None:
    sequence = fill(client)
    note = send(client, "note", target=sequence, text='why\nso ☂ "big"?', tags=["review"])["seq"]
    assert stored(client, note)["aside"] is True
    assert list(stored(client, note)) == ["seq", "kind", "id", "aside", "target", "note"]
    found = story(client, sequence)
    assert [one["event"] for one in found["story"]] == [stored(client, note)]
    assert found["in_force"] is True


# Who may.


def test_scopes(tmp_path: Path) -> None:
    tokens = {name: mint() for name in ("ingest", "correct", "read", "admin")}
    bound = mint()
    entries = [entry_text(token, frozenset([name])) for name, token in tokens.items()]
    entries.append(entry_text(bound, frozenset(["ingest", "correct"]), ["a"]))
    with running(tmp_path, WEBAPP_API_TOKENS=",".join(entries)) as app:

        def post(token: str, path: str, body: object) -> httpx.Response:
            return app.client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})

        trade = {"symbol": "A", "price": 1, "qty": 1, "side": "buy"}
        cash = {"kind": "cash", "amount": 1, "currency": "USD", "reason": "interest"}
        split = {"kind": "split", "symbol": "A", "n": 2, "d": 1}
        assert post(tokens["ingest"], "/trade", trade).status_code == 201
        problem(post(tokens["correct"], "/trade", trade), "forbidden")
        assert post(tokens["ingest"], "/events", cash).status_code == 201
        assert "correct" in problem(post(tokens["ingest"], "/events", [cash, split]), "forbidden")["detail"]
        assert post(tokens["correct"], "/events", split).status_code == 201
        problem(post(tokens["correct"], "/events", cash), "forbidden")
        problem(post(tokens["read"], "/events", cash), "forbidden")
        assert post(tokens["admin"], "/events", [cash, split]).status_code == 201

        own = post(bound, "/trade", trade).json()["seq"]
        assert post(bound, "/events", cash).status_code == 201
        assert post(bound, "/events", {"kind": "replace", "target": own, "price": 2}).status_code == 201
        for body in (
            {**cash, "account": "b"},
            split,
            {"kind": "void", "target": 1},
            {"kind": "replace", "target": own, "account": "b"},
            {"kind": "instrument", "symbol": "A", "lot": 1},
        ):
            problem(post(bound, "/events", body), "forbidden")
        assert post(bound, "/events", {**split, "account": "a"}).status_code == 201
        read = {"Authorization": f"Bearer {tokens['read']}"}
        found = app.client.get(f"/trades/{own}", headers=read).json()
        name = found["who"]
        assert (name[:6], found["way"], len(found["at"]) >= 20) == ("token ", "api", True)
        assert [(one["who"], one["way"]) for one in found["story"]] == [(name, "api")]
        kept = app.client.get("/events", params={"kind": "cash"}, headers=read).json()["events"]
        assert [event["cash"]["account"] for event in kept] == ["default", "default", "a"]

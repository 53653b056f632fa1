"""POST /trade against the app as a process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.trading_app.problem_documents import problem

Make = Callable[..., dict[str, Any]]
TOGETHER = 24


def stored(client: httpx.Client, account: str) -> list[dict[str, Any]]:
    trades: list[dict[str, Any]] = client.get("/trades", params={"account": account, "limit": 1000}).json()["trades"]
    return trades


def at_once(send: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """Many requests on the way at the same time."""
    with ThreadPoolExecutor(TOGETHER) as threads:
        return list(threads.map(send, range(TOGETHER)))


def test_a_new_trade_is_answered_with_201_and_its_sequence(client: httpx.Client, trade: Make, account: str) -> None:
    answer = client.post("/trade", json=trade(trade_id="t1"))
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    sequence = answer.json()["seq"]
    assert answer.json() == {"seq": sequence, "trade_id": "t1", "status": "accepted"}
    assert client.post("/trade", json=trade(trade_id="t2")).json()["seq"] == sequence + 1
    assert [(row["seq"], row["trade_id"]) for row in stored(client, account)] == [
        (sequence, "t1"),
        (sequence + 1, "t2"),
    ]


def test_a_trade_without_an_id_gets_one(client: httpx.Client, trade: Make, account: str) -> None:
    made = [client.post("/trade", json=trade()).json()["trade_id"] for _ in range(2)]
    assert len(set(made)) == 2
    assert [row["trade_id"] for row in stored(client, account)] == made


def test_the_digits_come_back_as_they_were_sent(client: httpx.Client, account: str) -> None:
    body = f'{{"symbol":"xrp/eth","price":0.10,"qty":1e2,"side":"BUY","account":"{account}","fee":-0.0}}'
    client.post("/trade", content=body, headers={"Content-Type": "application/json"}).raise_for_status()
    [row] = stored(client, account)
    assert (row["symbol"], row["price"], row["qty"], row["side"], row["fee"]) == (
        "XRP/ETH",
        "0.10",
        "100",
        "buy",
        "-0.0",
    )


def test_the_same_trade_again_is_a_duplicate_with_the_first_sequence(client: httpx.Client, trade: Make) -> None:
    first = client.post("/trade", json=trade(trade_id="t1"))
    again = client.post("/trade", json=trade(trade_id="t1", price=64250.1, side="BUY"))
    assert again.status_code == 200
    assert again.json() == {**first.json(), "status": "duplicate"}


def test_the_same_id_with_other_content_is_a_conflict(client: httpx.Client, trade: Make, account: str) -> None:
    sequence = client.post("/trade", json=trade(trade_id="t1")).json()["seq"]
    other = trade(trade_id="t1", qty="0.26", tags=["late", "news"])
    document = problem(client.post("/trade", json=other), "trade_id_conflict")
    where = "in the trade with this trade_id"
    qty = {"pointer": "#/qty", "detail": f"is 0.26 here and 0.25 {where}", "yours": "0.26", "stored": "0.25"}
    tags = {"pointer": "#/tags", "detail": f"is late, news here and not given {where}"}
    assert document["errors"] == [
        {**qty, "seq": sequence},
        {**tags, "seq": sequence, "yours": ["late", "news"], "stored": None},
    ]
    assert document["detail"] == (
        f"trade_id t1 is taken by the trade with sequence {sequence}, of the same account, venue, symbol and side;"
        " it differs in qty, tags; nothing of this request was accepted"
    )
    assert [row["qty"] for row in stored(client, account)] == ["0.25"]


def test_the_same_id_in_another_account_is_another_trade(client: httpx.Client, trade: Make, account: str) -> None:
    client.post("/trade", json=trade(trade_id="t1")).raise_for_status()
    assert client.post("/trade", json=trade(trade_id="t1", account=f"{account}-b", qty=9)).status_code == 201


def test_of_many_repeats_at_once_exactly_one_is_new(client: httpx.Client, trade: Make, account: str) -> None:
    answers = at_once(lambda _: client.post("/trade", json=trade(trade_id="t1")))
    assert sorted(answer.status_code for answer in answers) == [200] * (TOGETHER - 1) + [201]
    assert len({answer.json()["seq"] for answer in answers}) == 1
    assert len(stored(client, account)) == 1


def test_of_many_that_differ_under_one_id_one_is_taken(client: httpx.Client, trade: Make, account: str) -> None:
    answers = at_once(lambda number: client.post("/trade", json=trade(trade_id="t1", qty=number + 1)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (TOGETHER - 1)
    assert len(stored(client, account)) == 1


def test_a_request_repeated_under_its_key_is_answered_as_before(
    client: httpx.Client, trade: Make, account: str
) -> None:
    headers = {"Idempotency-Key": account}
    first = client.post("/trade", json=trade(), headers=headers)
    again = client.post("/trade", json=trade(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "status": "duplicate"}
    assert len(stored(client, account)) == 1


def test_of_many_repeats_under_one_key_exactly_one_is_new(client: httpx.Client, trade: Make, account: str) -> None:
    headers = {"Idempotency-Key": account}
    answers = at_once(lambda _: client.post("/trade", json=trade(), headers=headers))
    assert sorted(answer.status_code for answer in answers) == [200] * (TOGETHER - 1) + [201]
    assert len({(answer.json()["seq"], answer.json()["trade_id"]) for answer in answers}) == 1
    assert len(stored(client, account)) == 1


def test_a_key_used_for_another_request_is_a_conflict(client: httpx.Client, trade: Make, account: str) -> None:
    headers = {"Idempotency-Key": account}
    client.post("/trade", json=trade(), headers=headers).raise_for_status()
    problem(client.post("/trade", json=trade(qty=1), headers=headers), "idempotency_key_conflict")
    assert client.post("/trades", json=[trade()], headers=headers).status_code == 201, "a key belongs to one call"
    assert len(stored(client, account)) == 2


def test_a_key_of_a_refused_request_is_free(client: httpx.Client, trade: Make, account: str) -> None:
    headers = {"Idempotency-Key": account}
    problem(client.post("/trade", json=trade(qty=0), headers=headers), "invalid_trade")
    assert client.post("/trade", json=trade(), headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 129, "a\tb", 'a"b'])
def test_a_key_of_no_use_is_refused(client: httpx.Client, trade: Make, account: str, key: str) -> None:
    problem(client.post("/trade", json=trade(), headers={"Idempotency-Key": key}), "bad_request")
    assert stored(client, account) == []


def test_a_form_gets_a_json_answer_where_no_page_is_asked_for(client: httpx.Client, trade: Make, account: str) -> None:
    answer = client.post("/trade", data=trade(trade_id="f1", strategy=""))
    assert answer.status_code == 201
    assert answer.json()["trade_id"] == "f1"
    [row] = stored(client, account)
    assert (row["price"], row["strategy"]) == ("64250.10", "default")


def test_a_multipart_form_is_a_form(client: httpx.Client, trade: Make, account: str) -> None:
    fields = {name: (None, str(value)) for name, value in trade().items()}
    assert client.post("/trade", files=fields).status_code == 201
    assert len(stored(client, account)) == 1


def test_a_form_with_a_key_is_taken_once(client: httpx.Client, trade: Make, account: str) -> None:
    headers = {"Idempotency-Key": account}
    answers = [client.post("/trade", data=trade(), headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["seq"] == answers[1].json()["seq"]
    assert len(stored(client, account)) == 1


def test_a_bad_form_gets_an_error_for_each_field(client: httpx.Client) -> None:
    document = problem(client.post("/trade", data={"symbol": "A", "price": "x"}), "invalid_trade")
    assert [error["pointer"] for error in document["errors"]] == ["#/price", "#/qty", "#/side"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"no boundary"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n1'),
    ],
)
def test_a_form_that_can_not_be_read_is_refused(client: httpx.Client, content_type: str, body: bytes) -> None:
    problem(client.post("/trade", content=body, headers={"Content-Type": content_type}), "bad_request")


def test_a_large_form_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    problem(client.post("/trade", content=b"a&" * 1_000_000, headers=headers), "too_large")


def test_json_sent_as_a_form_gets_the_header_to_add(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl -d sends
    for path in ("/trade", "/trades"):
        document = problem(client.post(path, content=b' {"symbol":"A"}', headers=headers), "unsupported_media_type")
        assert "add the header 'Content-Type: application/json'" in document["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/jsonx", "", "a" * 4_000])
def test_another_content_type_is_refused(client: httpx.Client, content_type: str) -> None:
    for path in ("/trade", "/trades"):
        answer = client.post(path, content=b"{}", headers={"Content-Type": content_type})
        assert "application/json" in problem(answer, "unsupported_media_type")["detail"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;"])
def test_a_content_type_may_have_parameters_and_any_case(client: httpx.Client, trade: Make, content_type: str) -> None:
    body = httpx.Request("POST", client.base_url, json=trade()).content
    assert client.post("/trade", content=body, headers={"Content-Type": content_type}).status_code == 201

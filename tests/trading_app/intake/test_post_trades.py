"""POST /trades against the app as a process."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.trading_app.intake.test_post_trade import stored
from tests.trading_app.problem_documents import problem

Make = Callable[..., dict[str, Any]]
MAX = 1_000  # as the app under test is set
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def rows(trade: Make) -> list[dict[str, Any]]:
    return [trade(trade_id=f"b{index}", price=f"{index + 1}.50") for index in range(3)]


def test_a_batch_is_taken_in_order(client: httpx.Client, rows: list[dict[str, Any]], account: str) -> None:
    answer = client.post("/trades", json=rows)
    assert answer.status_code == 201
    first = answer.json()["first_seq"]
    assert answer.json() == {"accepted": 3, "duplicates": 0, "first_seq": first, "last_seq": first + 2}
    assert [(row["seq"], row["trade_id"], row["price"]) for row in stored(client, account)] == [
        (first, "b0", "1.50"),
        (first + 1, "b1", "2.50"),
        (first + 2, "b2", "3.50"),
    ]


@pytest.mark.parametrize(
    ("between", "end"), [("\n", ""), ("\n", "\n"), ("\r\n", "\r\n"), ("\n\n \n", "\n\n")],
    ids=["no final newline", "final newline", "CRLF", "blank lines"],
)  # fmt: skip
def test_lines_are_taken(
    client: httpx.Client, rows: list[dict[str, Any]], account: str, between: str, end: str
) -> None:
    answer = client.post("/trades", content=between.join(map(json.dumps, rows)) + end, headers=NDJSON)
    assert (answer.status_code, answer.json()["accepted"]) == (201, 3)
    assert [row["trade_id"] for row in stored(client, account)] == ["b0", "b1", "b2"]


def test_lines_may_come_in_chunks(client: httpx.Client, rows: list[dict[str, Any]], account: str) -> None:
    def chunks() -> Iterator[bytes]:
        for row in rows:
            line = json.dumps(row).encode()
            yield line[:20]
            yield line[20:] + b"\n"

    assert client.post("/trades", content=chunks(), headers=NDJSON).json()["accepted"] == 3
    assert len(stored(client, account)) == 3


def test_a_batch_again_is_all_duplicates(client: httpx.Client, rows: list[dict[str, Any]], account: str) -> None:
    first = client.post("/trades", json=rows).json()
    again = client.post("/trades", content="\n".join(map(json.dumps, rows)), headers=NDJSON)
    assert again.status_code == 201
    assert again.json() == {**first, "accepted": 0, "duplicates": 3}
    assert len(stored(client, account)) == 3


def test_a_batch_that_is_known_in_part_adds_the_rest(
    client: httpx.Client, rows: list[dict[str, Any]], account: str
) -> None:
    known = client.post("/trade", json=rows[1]).json()["seq"]
    answer = client.post("/trades", json=rows).json()
    assert (answer["accepted"], answer["duplicates"], answer["first_seq"]) == (2, 1, known)
    assert [row["trade_id"] for row in stored(client, account)] == ["b1", "b0", "b2"]


def test_a_trade_twice_in_one_batch_is_stored_once(client: httpx.Client, trade: Make, account: str) -> None:
    answer = client.post("/trades", json=[trade(trade_id="b1"), trade(trade_id="b1"), trade(trade_id="b2")]).json()
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    assert answer["last_seq"] == answer["first_seq"] + 1
    assert [row["trade_id"] for row in stored(client, account)] == ["b1", "b2"]


def test_one_id_with_two_contents_in_one_batch_is_a_conflict(client: httpx.Client, trade: Make, account: str) -> None:
    rows = [trade(trade_id="b0"), trade(trade_id="b1"), trade(trade_id="b1", qty=9)]
    document = problem(client.post("/trades", json=rows), "trade_id_conflict")
    [error] = document["errors"]
    assert (error["index"], error["pointer"], error["yours"], "seq" in error) == (2, "#/2/qty", "9", False)
    assert "is taken by another trade of the request" in document["detail"]
    assert stored(client, account) == []


def test_a_conflict_with_an_earlier_trade_takes_nothing_of_the_batch(
    client: httpx.Client, rows: list[dict[str, Any]], account: str
) -> None:
    sequence = client.post("/trade", json={**rows[2], "qty": 9}).json()["seq"]
    document = problem(client.post("/trades", json=rows), "trade_id_conflict")
    assert document["indexes"] == [2]
    [error] = document["errors"]
    assert (error["pointer"], error["seq"], error["stored"]) == ("#/2/qty", sequence, "9")
    assert [row["trade_id"] for row in stored(client, account)] == ["b2"]


@pytest.mark.parametrize("as_lines", [False, True])
def test_one_bad_trade_and_nothing_is_taken(
    client: httpx.Client, rows: list[dict[str, Any]], account: str, as_lines: bool
) -> None:
    rows[1]["price"] = "1e400"
    body = "\n".join(map(json.dumps, rows)) if as_lines else json.dumps(rows)
    headers = NDJSON if as_lines else {"Content-Type": "application/json"}
    document = problem(client.post("/trades", content=body, headers=headers), "invalid_batch")
    assert document["indexes"] == [1]
    assert document["errors"] == [
        {
            "index": 1,
            "pointer": "#/1/price",
            "detail": "is out of range: at most 38 digits on either side of the point",
        }
    ]
    assert stored(client, account) == []


def test_each_bad_trade_is_named(client: httpx.Client, rows: list[dict[str, Any]]) -> None:
    body = [row if index % 2 else {**row, "side": "?"} for index, row in enumerate(rows * 100)]
    document = problem(client.post("/trades", json=body), "invalid_batch")
    assert document["indexes"] == list(range(0, 300, 2))
    assert (len(document["errors"]), document["errors_omitted"]) == (100, 50)


@pytest.mark.parametrize(
    ("body", "headers"), [("[]", {"Content-Type": "application/json"}), ("", NDJSON), ("\n\n", NDJSON)]
)
def test_an_empty_batch_is_refused(client: httpx.Client, body: str, headers: dict[str, str]) -> None:
    document = problem(client.post("/trades", content=body, headers=headers), "invalid_batch")
    assert document["detail"] == "the batch is empty; at least one trade is needed"


def test_a_batch_may_have_as_many_trades_as_set_and_no_more(client: httpx.Client, trade: Make, account: str) -> None:
    assert client.post("/trades", json=[trade()] * MAX).json()["accepted"] == MAX
    document = problem(client.post("/trades", json=[trade()] * (MAX + 1)), "too_large")
    assert document["detail"] == f"a batch has at most {MAX} trades, this one has {MAX + 1}; send several"
    assert len(stored(client, account)) == MAX


def test_a_batch_repeated_under_its_key_is_answered_with_200(client: httpx.Client, trade: Make, account: str) -> None:
    send: dict[str, Any] = {"json": [trade(), trade()], "headers": {"Idempotency-Key": account}}
    first, again = client.post("/trades", **send), client.post("/trades", **send)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "accepted": 0, "duplicates": 2}
    assert len(stored(client, account)) == 2


def test_batches_that_overlap_at_once_store_each_trade_once(client: httpx.Client, trade: Make, account: str) -> None:
    def send(number: int) -> httpx.Response:
        return client.post("/trades", json=[trade(trade_id=f"b{index}") for index in range(number, number + 20)])

    with ThreadPoolExecutor(12) as threads:
        answers = [answer.json() for answer in threads.map(send, range(0, 120, 5))]
    ids = [row["trade_id"] for row in stored(client, account)]
    assert len(ids) == len(set(ids)) == 135
    assert sum(answer["accepted"] for answer in answers) == 135
    assert sum(answer["duplicates"] for answer in answers) == 24 * 20 - 135

"""Whatever is sent: a clear error, nothing stored that was not taken, nothing lost that was. Against the process."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp

Make = Callable[..., dict[str, Any]]
JSON = {"Content-Type": "application/json"}
HUNDRED_MB = 100 * 1024 * 1024


@pytest.fixture(autouse=True)
def head_stands(client: httpx.Client, trade: Make, account: str) -> Iterator[None]:
    """Around each test: a trade before and one after are both there, next to each other."""
    before = client.post("/trade", json=trade(trade_id="before")).json()["seq"]
    yield
    after = client.post("/trade", json=trade(trade_id="after")).json()["seq"]
    assert after == before + 1, "nothing came in between"
    stored = client.get("/trades", params={"account": account}).json()["trades"]
    assert [row["trade_id"] for row in stored] == ["before", "after"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("symbol", "BTC\u202e", "must be printable"),
        ("symbol", "A  B", "must have no two spaces in a row"),
        ("symbol", "", "must have 1 to 128 characters"),
        ("symbol", 5, "must be a string"),
        ("symbol", None, "must not be null"),
        ("price", "NaN", "must be a number such as 1234.5"),
        ("price", "Infinity", "must be a number such as 1234.5"),
        ("price", "1e400", "is out of range"),
        ("price", "9" * 10_000, "has 10000 digits; the maximum is 38"),
        ("price", "-1", "must be 0 or more: no instrument says"),
        ("qty", 0, "must be more than 0"),
        ("multiplier", "0", "must be more than 0"),
        ("position_side", "both", "must be long or short"),
        ("currency", "US DOLLAR", "must be 1 to 16 of A-Z 0-9"),
        ("tags", ["a", "a"], "has the same tag twice"),
        ("import_id", "i-1", "is not known; the fields are"),
        ("price", True, "must be a number such as 1234.5"),
        ("price", [1], "must be a number such as 1234.5"),
        ("price", {"value": 1}, "must be a number such as 1234.5"),
        ("qty", "1,5", "must be a number such as 1234.5"),
        ("qty", "", "must be a number such as 1234.5"),
        ("side", "hold", "must be buy or sell"),
        ("side", 1, "must be a string"),
        ("ts", "3000-01-01T00:00:00Z", "is more than a day ahead of this machine's clock"),
        ("ts", 32503680000, "is more than a day ahead of this machine's clock"),
        ("ts", "yesterday", "must be RFC 3339"),
        ("ts", "2026-01-31T12:00:00", "must be RFC 3339 with a time zone"),
        ("ts", 1, "is before March 1973"),
        ("trade_id", 7, "must be a string"),
        ("trade_id", "x" * 129, "must have 1 to 128 characters"),
        ("account", "a\x00b", "must be printable"),
        ("strategy", "\ud800", "must be a string"),
        ("fee", "free", "must be a number such as 1234.5"),
        ("fee_currency", "US DOLLAR", "must be 1 to 16 of A-Z 0-9"),
        ("leverage", 10, "is not known; the fields are symbol, price, qty"),
    ],
)
def test_a_bad_field_is_named(client: httpx.Client, trade: Make, field: str, value: object, words: str) -> None:
    body = json.dumps(trade(**{field: value}))
    document = problem(
        client.post("/trade", content=body, headers=JSON), "not_json" if "\\ud800" in body else "invalid_trade"
    )
    if "errors" in document:
        [error] = document["errors"]
        assert error["pointer"] == f"#/{field}"
        assert error["detail"].startswith(words)
        assert len(document["detail"]) < 400
    batch = problem(
        client.post("/trades", content=f"[{json.dumps(trade())},{body}]", headers=JSON),
        "not_json" if "\\ud800" in body else "invalid_batch",
    )
    assert batch.get("indexes", [1]) == [1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"price=1",
        b"{",
        b'{"symbol":"A","price":NaN,"qty":1,"side":"buy"}',
        b'{"symbol":"A","price":Infinity,"qty":1,"side":"buy"}',
        b'{"symbol":"A","price":0x10,"qty":1,"side":"buy"}',
        b'{"symbol":"A","price":1,"qty":1,"side":"buy"} trailing',
        b'{"symbol":"A","price":1,"qty":1,"side":"buy"}\x00',
        b'\xef\xbb\xbf{"symbol":"A","price":1,"qty":1,"side":"buy"}',
        b'{"symbol":"\xff\xfe","price":1,"qty":1,"side":"buy"}',
        b"[" * 1_000_000,
        b'{"price":' * 100_000,
        b'{"symbol":"A","symbol' * 1_000,
        b"\x1f\x8b\x08\x00 zipped",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_json_is_a_400(client: httpx.Client, body: bytes) -> None:
    for path in ("/trade", "/trades"):
        problem(client.post(path, content=body, headers=JSON), "not_json")
    if body:
        lines = client.post("/trades", content=body, headers={"Content-Type": "application/x-ndjson"})
        assert problem(lines, lines.json()["code"])["code"] in ("not_json", "invalid_batch")


def test_a_number_with_ten_thousand_digits_is_refused_as_a_number_too(client: httpx.Client) -> None:
    for number in ("9" * 10_000, "0." + "1" * 10_000, "1e" + "9" * 10_000, "1e400"):
        body = f'{{"symbol":"A","price":{number},"qty":1,"side":"buy"}}'
        document = problem(client.post("/trade", content=body, headers=JSON), "invalid_trade")
        assert document["errors"][0]["pointer"] == "#/price"


def test_an_answer_to_nonsense_is_short(client: httpx.Client, trade: Make) -> None:
    nonsense = {f"{index}" * 50: "x" * 1_000 for index in range(500)}
    answers = [
        client.post("/trade", json=trade(**nonsense)),
        client.post("/trade", json=trade(symbol="x" * 1_000_000)),
        client.post("/trade", content=b"x" * 1_000_000, headers=JSON),
        client.post("/trade", content=b"{}", headers={"Content-Type": "x" * 10_000}),
        client.get("/" + "x" * 10_000),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 400, 415, 414]
    assert all(len(answer.content) < 5_000 for answer in answers)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("chunked", [False, True], ids=["Content-Length", "chunked"])
def test_a_hundred_megabytes_get_a_413_that_curl_shows(web: RunningApp, tmp_path: Path, chunked: bool) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as large:
        large.truncate(HUNDRED_MB)
    before = web.max_resident_bytes()
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "-X", "POST"]
    command += ["-H", "Content-Type: application/json", "-T" if chunked else "--data-binary"]
    command += ["-" if chunked else f"@{file}", "--write-out", "\n%{http_code}", f"{web.url}/trades"]
    with file.open("rb") as large:
        shown = subprocess.run(command, stdin=large, capture_output=True, text=True, check=True).stdout
    body, _, status = shown.rpartition("\n")
    assert status == "413"
    assert json.loads(body)["code"] == "too_large"
    assert "WEBAPP_MAX_BODY_BYTES" in json.loads(body)["detail"]
    assert web.max_resident_bytes() - before < 40 * 1024 * 1024


def test_a_body_of_the_size_that_is_set_is_read_and_one_byte_more_is_not(client: httpx.Client) -> None:
    maximum = 8_388_608
    problem(client.post("/trade", content=b" " * maximum, headers=JSON), "not_json")
    problem(client.post("/trade", content=b" " * (maximum + 1), headers=JSON), "too_large")

    def chunks() -> Iterator[bytes]:
        for _ in range(maximum // 65_536):
            yield b" " * 65_536
        yield b" "

    problem(client.post("/trade", content=chunks(), headers=JSON), "too_large")


def test_a_large_body_of_small_errors_is_given_up_at_the_first(client: httpx.Client) -> None:
    body = b"[" + b"0," * 4_000_000 + b"0]"
    answer = client.post("/trades", content=body, headers=JSON)
    assert len(problem(answer, "invalid_batch")["errors"]) == 1, "it is given up at the first"

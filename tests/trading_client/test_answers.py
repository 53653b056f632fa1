"""What an answer means: a trade is refused only if the app itself says so."""

import json
from typing import Any

import pytest

from trading_app.problems import TYPES
from trading_client.answers import Accepted, Answer, Failed, Later, TooLarge, Wrong, read_answer


def problem(code: str, **members: Any) -> bytes:
    document = {"type": f"urn:trading-telemetry:problem:{code}", "code": code, "detail": f"about {code}"}
    return json.dumps(document | members).encode()


def read(status: int, body: bytes, **headers: str) -> Answer:
    return read_answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, lambda: 1e9)


def test_a_batch_that_was_taken() -> None:
    assert read(201, b'{"accepted":2,"duplicates":1,"first_seq":4,"last_seq":6}') == Accepted(2, 1)
    assert read(200, b'{"accepted":0,"duplicates":3,"first_seq":4,"last_seq":6}') == Accepted(0, 3)


@pytest.mark.parametrize("code", sorted(TYPES))
def test_each_error_of_the_app_is_about_lines_or_waited_for(code: str) -> None:
    status = TYPES[code].status
    answer = read(status, problem(code))
    if code in ("not_json", "invalid_trade", "invalid_event", "invalid_batch", "trade_id_conflict", "event_conflict"):
        assert answer == Wrong(code, f"about {code}")
    elif code == "too_large":
        assert answer == TooLarge("about too_large")
    elif status == 500:
        assert answer == Failed(code, f"about {code}")
    else:
        assert answer == Later(f"the app answers {status}: about {code}", denied=status in (401, 403))


@pytest.mark.parametrize("status", [200, 201, 204, 301, 307, 400, 401, 404, 409, 413, 422, 500, 502])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code":"invalid_batch"}', b'{"code":5}', b"[" * 100_000])
def test_what_another_server_answers_costs_no_trade(status: int, body: bytes) -> None:
    assert isinstance(read(status, body), Later)


def test_the_reasons_are_given_by_index() -> None:
    errors = [
        {"index": 1, "pointer": "#/1/qty", "detail": "must be more than 0"},
        {"index": 1, "pointer": "#/1/side", "detail": "must be buy or sell"},
        {"pointer": "#/x", "detail": "of no line"},
        "nonsense",
    ]
    assert read(422, problem("invalid_batch", errors=errors, indexes=[1, 150, "x"])) == Wrong(
        "invalid_batch",
        "about invalid_batch",
        {1: "qty must be more than 0; side must be buy or sell", 150: "is not valid"},
    )


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("99999", 3_600),
        ("Sun, 09 Sep 2001 01:47:00 GMT", 20),
        ("Sun, 09 Sep 2001 01:46:00 GMT", 0),
        ("soon", 0),
        ("-1", 0),
        ("", 0),
    ],
)
def test_the_app_says_how_long_to_wait(header: str, seconds: float) -> None:
    answer = read(503, problem("overloaded"), retry_after=header)
    assert isinstance(answer, Later)
    assert answer.retry_after == seconds

from collections.abc import Iterator

import pytest

from tests.support.ports import free_port
from tests.trading_app.client.clock import Clock
from tests.trading_app.client.fake_app import Answer, FakeApp
from trading_app.client.delivery import Delivery, Failure, is_retryable, retry_after
from trading_app.client.errors import Refused, Unreachable, UsageError
from trading_app.client.target import Target

BODY = b'{"trade_id":"a"}\n{"trade_id":"b"}\n'


class Trial:
    """A delivery to a URL whose waits take no time."""

    def __init__(self, url: str, max_wait: float | None = None, token: str | None = None) -> None:
        self.clock = Clock()
        self.failures: list[Failure] = []
        self.delivery = Delivery(
            Target(url, token), max_wait, self.failures.append, self._delays, self.clock, self.clock.sleep
        )

    def _delays(self) -> Iterator[float]:
        while True:
            yield 0.5


def test_a_batch_arrives_as_it_is_and_is_answered(app: FakeApp) -> None:
    trial = Trial(app.url, token="secret")
    with trial.delivery as delivery:
        receipt = delivery.post(BODY)
    assert (receipt.accepted, receipt.duplicates, receipt.first_seq, receipt.last_seq) == (2, 0, 1, 2)
    assert [request.body for request in app.requests] == [BODY]
    assert app.requests[0].headers["content-type"] == "application/x-ndjson"
    assert app.requests[0].headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_is_tried_again_with_the_same_bytes(app: FakeApp, status: int) -> None:
    app.answers.extend([Answer(status, stores=False, body=b"<html>"), Answer(status, stores=False)])
    trial = Trial(app.url)
    with trial.delivery as delivery:
        assert delivery.post(BODY).accepted == 2
    assert [request.body for request in app.requests] == [BODY] * 3
    assert trial.clock.slept == [0.5, 0.5]
    assert f"answers {status}" in trial.failures[0].reason


def test_retry_after_is_honoured(app: FakeApp) -> None:
    app.answers.append(Answer(503, stores=False, headers={"retry-after": "7"}))
    app.answers.append(Answer(429, stores=False, headers={"retry-after": "0"}))
    trial = Trial(app.url)
    with trial.delivery as delivery:
        delivery.post(BODY)
    assert trial.clock.slept == [7.0, 0.5]


def test_a_lost_answer_is_asked_for_again(app: FakeApp) -> None:
    app.answers.append(Answer(cut=True))
    trial = Trial(app.url)
    with trial.delivery as delivery:
        receipt = delivery.post(BODY)
    assert (receipt.accepted, receipt.duplicates) == (0, 2)
    assert [request.body for request in app.requests] == [BODY] * 2
    assert "no answer" in trial.failures[0].reason


def test_it_gives_up_after_the_longest_wait(app: FakeApp) -> None:
    trial = Trial(f"http://127.0.0.1:{free_port()}", max_wait=1.2)
    with trial.delivery as delivery, pytest.raises(Unreachable, match=r"gave up after 1\.2 s: no answer"):
        delivery.post(BODY)
    assert trial.clock.slept == [0.5, 0.5]
    app.answers.append(Answer(503, stores=False, headers={"retry-after": "60"}))
    trial = Trial(app.url, max_wait=30)
    with trial.delivery as delivery, pytest.raises(Unreachable, match="gave up after 30 s: the app answers 503"):
        delivery.post(BODY)
    assert trial.clock.slept == []


@pytest.mark.parametrize("status", [301, 400, 401, 404, 409, 413, 422])
def test_a_refusal_is_final(app: FakeApp, status: int) -> None:
    body = b'{"detail":"no","errors":[{"index":1,"pointer":"#/1/price","detail":"is missing"}],"errors_omitted":3}'
    app.answers.append(Answer(status, stores=False, body=body))
    with Trial(app.url).delivery as delivery, pytest.raises(Refused) as caught:
        delivery.post(BODY)
    assert len(app.requests) == 1
    assert caught.value.status == status
    assert [(problem.index, problem.field, problem.detail) for problem in caught.value.problems] == [
        (1, "price", "is missing"),
        (None, "", "and 3 more"),
    ]
    assert ("TRADING_APP_TOKEN" in str(caught.value)) == (status == 401)


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{}", b"[1]", b"\xff"])
def test_somebody_else_at_the_url_is_found_out(app: FakeApp, body: bytes) -> None:
    app.answers.append(Answer(200, stores=False, body=body))
    with Trial(app.url).delivery as delivery, pytest.raises(Refused, match="is not the trading app"):
        delivery.post(BODY)


def test_ping_shows_whether_the_app_answers(app: FakeApp) -> None:
    with Trial(app.url).delivery as delivery:
        delivery.ping()
    with (
        Trial(f"http://127.0.0.1:{free_port()}").delivery as delivery,
        pytest.raises(Unreachable, match="make apps-up"),
    ):
        delivery.ping()


@pytest.mark.parametrize(
    "url", ["", "foo", "ftp://x", "http://", "http://x?y=1", "http://a b", "http://x:99999", "http://[::1"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        Delivery(Target(url))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("7", 7),
        ("-7", 0),
        ("soon", 0),
        ("1" * 400, 3_600),
        ("99999999", 3_600),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 60),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
    ],
)
def test_retry_after_is_read(header: str, seconds: float) -> None:
    assert retry_after(header, lambda: 40.0) == seconds


def test_what_may_be_tried_again() -> None:
    assert [status for status in range(200, 600) if is_retryable(status)] == [408, 425, 429, *range(500, 600)]

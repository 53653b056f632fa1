"""Never a 500, whatever comes, and every refusal counted: requests made of odd parts, against the process."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import some_of
from tests.trading_app import odd_requests
from tests.trading_app.fuzzing import MEANT, SETTINGS, Account, assert_unharmed, send_broken, thread_count
from tests.trading_app.odd_requests import OddRequest
from tests.trading_app.running import RunningApp, running


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app that nobody else asks: it is compared with what was asked here."""
    with running(tmp_path_factory.mktemp("fuzzed"), **SETTINGS, LOG_LEVEL="INFO") as app:
        yield app


@pytest.fixture(scope="module", autouse=True)
def threads(app: RunningApp) -> int:
    return thread_count(app)


def examples(count: int) -> settings:
    return settings(max_examples=some_of(count), suppress_health_check=list(HealthCheck))


@pytest.mark.long
@pytest.mark.parametrize(
    ("odd", "count"),
    [(odd_requests.posts, 1_000), (odd_requests.requests, 600), (odd_requests.reads, 200)],
    ids=["trades", "any request", "queries"],
)
def test_no_request_is_too_odd(app: RunningApp, threads: int, odd: st.SearchStrategy[OddRequest], count: int) -> None:
    account = Account(app)

    @examples(count)
    @given(odd)
    def ask(request: OddRequest) -> None:
        account.ask(request)

    ask()
    account.hang_up()
    account.settle()
    assert_unharmed(app, threads)
    assert account.asked >= some_of(count)


def test_no_bytes_are_too_odd(app: RunningApp, threads: int) -> None:
    @examples(200)
    @given(odd_requests.messages())
    def send(message: bytes) -> None:
        assert MEANT.issuperset(send_broken(app.port, message))

    send()
    assert_unharmed(app, threads)

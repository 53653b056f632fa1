from collections.abc import Iterator

import pytest

from tests.trading_app.client.fake_app import FakeApp, serving


@pytest.fixture(scope="session")
def served_app() -> Iterator[FakeApp]:
    with serving(FakeApp()) as app:
        yield app


@pytest.fixture
def app(served_app: FakeApp) -> FakeApp:
    served_app.reset()
    return served_app

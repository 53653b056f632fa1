from collections.abc import Callable, Iterator
from itertools import count

import httpx
import pytest

from tests.trading_app.running import RunningApp, running

ORIGIN = "https://desk.example"


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """One app for all tests that leave it as it was but for more trades."""
    settings = {"WEBAPP_CORS_ORIGINS": ORIGIN, "WEBAPP_MAX_BATCH_TRADES": "1000", "WEBAPP_MAX_LIVE_STREAMS": "4"}
    with running(tmp_path_factory.mktemp("web"), **settings) as app:
        yield app


@pytest.fixture(scope="session")
def app(web: RunningApp) -> RunningApp:
    """The app that `client` calls: a module overrides this one where it needs an app of its own."""
    return web


@pytest.fixture(scope="module")
def client(app: RunningApp) -> httpx.Client:
    return app.client


_numbers = count(1)


@pytest.fixture
def account() -> str:
    """An account nobody else uses."""
    return f"account-{next(_numbers)}"


@pytest.fixture
def trade(account: str) -> Callable[..., dict[str, object]]:
    """Makes a trade in an account of the test's own."""

    def make(**fields: object) -> dict[str, object]:
        return {"symbol": "BTC/USDT", "price": "64250.10", "qty": "0.25", "side": "buy", "account": account, **fields}

    return make

"""A web app that the tests of a file share; each test has an account of its own."""

from collections.abc import Iterator

import pytest

from tests.support.apps import Apps


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    apps = Apps(tmp_path_factory.mktemp("app"))
    try:
        apps.start("trading-app")
        apps.wait_for("trading-app")
        yield apps
    finally:
        apps.end()

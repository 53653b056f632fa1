"""What holds for all tests: their examples, and which of several workers runs which of them, and when."""

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # it has none

from tests.support.examples import some_of

# Property tests give the same examples each time, so that a failure can be repeated by running the test again.
settings.register_profile("same-each-time", derandomize=True, database=None, deadline=None, max_examples=some_of(100))
settings.load_profile("same-each-time")

SHARED = ("tests/browser/", "tests/infra/live/")
"""All of such a package is run by one worker: its tests share a browser, or apps under load, that are slow to start."""

LONG = (
    *SHARED,
    *(f"tests/{name}/" for name in ("faults", "system", "infra", "workspace", "benchmarks", "trading_app")),
)
"""Here most tests start processes, and they begin first: a long one at the end would leave the other workers idle."""


class ByPlace(LoadFileScheduling):  # type: ignore[misc]  # its base has no types, see above
    """Gives a worker a whole file, or a whole package whose tests share what they start."""

    def _split_scope(self, nodeid: str) -> str:
        return next(filter(nodeid.startswith, SHARED), str(super()._split_scope(nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByPlace | None:
    return ByPlace(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("long") is not None:
            item.add_marker(pytest.mark.timeout(900))  # beside other work they take several times as long
    places = [*LONG, ""]
    items.sort(key=lambda item: next(at for at, place in enumerate(places) if item.nodeid.startswith(place)))

"""Open pages of many positions beside the posts of a trader."""

from pathlib import Path

from benchmarks import pages
from tests.support.apps import running_apps
from tests.support.audit import audit
from tests.torture.figures import Figures

MAX_TIMES_ALONE = 3
FLOOR_SECONDS = 0.02
"""One scheduling of a busy machine, which is no fault of the app."""


def beside_pages(folder: Path, _seed: int, count: int) -> Figures:
    """POST /trade alone, and beside that many pages that show 10,000 positions."""
    with running_apps(folder) as apps:
        last = pages.fill(apps)
        apps.wait_until_applied(last, seconds=60)
        alone = pages.p99(apps.web_port)
        with pages.opened(apps.web_port, count):
            beside = pages.p99(apps.web_port)
        passed = audit(apps, others=last + 2 * pages.REQUESTS)
    return Figures(
        f"{2 * pages.REQUESTS:,} posts, alone and beside {count} pages of {pages.POSITIONS:,} positions",
        f"p99 {alone * 1e3:.1f} ms alone, {beside * 1e3:.1f} ms beside them; {passed}",
        seconds={"p99 of a post beside pages": (beside, MAX_TIMES_ALONE * alone + FLOOR_SECONDS)},
    )

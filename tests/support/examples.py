"""The number of examples of the property tests: a share in `make test`, all with `make test EXAMPLES=1`."""

import os

SHARE = float(os.environ.get("EXAMPLES") or 0.2)


def some_of(count: int) -> int:
    """That share of the full number of examples, one at least."""
    return max(1, round(count * SHARE))

"""A steady load for some seconds. `make torture PART=soak` does it for half an hour."""

from pathlib import Path

from tests.torture import soak

SEED = 20_261_121


def test_nothing_grows_under_a_steady_load(tmp_path: Path) -> None:
    print(soak.soak(tmp_path, SEED, 5))

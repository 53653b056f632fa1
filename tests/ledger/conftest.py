"""The keepers that each example of the accounting rules is tried with."""

import pytest

from tests.ledger.keeper import Keep, by_fold, by_fold_with_restarts, by_oracle
from tests.support.ledger_builder import LedgerBuilder


@pytest.fixture(params=[by_oracle, by_fold, by_fold_with_restarts])
def keep(request: pytest.FixtureRequest) -> Keep:
    """Keeps the books of a ledger."""
    keeper: Keep = request.param
    return keeper


@pytest.fixture
def ledger() -> LedgerBuilder:
    """An empty ledger."""
    return LedgerBuilder()

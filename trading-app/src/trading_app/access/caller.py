"""Who calls, once that is known."""

from dataclasses import dataclass

from service_kit.access.tokens import EVERY_SCOPE
from trading_app.access.lease import Lease


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever shows a credential. `name` is for people; without a `lease` it holds as long as the app runs."""

    name: str
    scopes: frozenset[str]
    lease: Lease | None = None


ANYBODY = Caller("", EVERY_SCOPE)
"""Every caller, where no credential is set."""

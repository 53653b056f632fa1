"""What the fast path needs of the app around it."""

from typing import TYPE_CHECKING, Protocol

from service_kit.connection.context import ConnectionContext
from trading_app.access.gate import Gate
from trading_app.context import Context
from trading_app.intake.service import Intake
from trading_app.metrics import AppMetrics

if TYPE_CHECKING:
    from trading_app.access.rate_limit import RateLimit


class Host(Protocol):
    """The app, as its connections see it."""

    connections: ConnectionContext
    context: Context
    """Holds the stream, which is open while the app serves."""

    intake: Intake
    gate: Gate
    metrics: AppMetrics
    rate_limit: "RateLimit | None"
    max_body_bytes: int
    shares_origins: bool
    """Whether pages of other origins may call: their requests take the way through the app."""

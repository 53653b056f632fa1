"""The interface of the app that the fast path uses."""

from typing import TYPE_CHECKING, Protocol

from service_kit.connection.context import ConnectionContext
from trading_app.access.gate import Gate
from trading_app.context import Context
from trading_app.intake.service import Intake
from trading_app.metrics import AppMetrics

if TYPE_CHECKING:
    from trading_app.access.rate_limit import RateLimit


class Host(Protocol):
    """The web app, as far as its connections use it."""

    connections: ConnectionContext
    context: Context
    """Holds the stream, which is open while the app serves."""

    intake: Intake
    gate: Gate
    metrics: AppMetrics
    rate_limit: "RateLimit | None"
    max_body_bytes: int
    shares_origins: bool
    """Whether WEBAPP_CORS_ORIGINS is set: requests with an Origin then take the ASGI path, for its CORS headers."""

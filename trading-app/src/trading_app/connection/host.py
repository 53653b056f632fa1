"""What a connection needs of the app around it."""

from typing import TYPE_CHECKING, Protocol

from service_kit.request_ids import RequestIds
from trading_app.access.gate import Gate
from trading_app.connection.body_budget import BodyBudget
from trading_app.context import Context
from trading_app.intake.service import Intake

if TYPE_CHECKING:
    from trading_app.access.rate_limit import RateLimit


class Host(Protocol):
    """The app, as its connections see it."""

    context: Context
    """Settings, counters, and the stream."""

    intake: Intake
    gate: Gate
    body_budget: BodyBudget
    ids: RequestIds
    rate_limit: "RateLimit | None"

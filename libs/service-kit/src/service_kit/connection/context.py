"""What all connections of a server share."""

from dataclasses import dataclass, field
from typing import Any

from service_kit.connection.admission import Admission
from service_kit.connection.body_budget import BodyBudget
from service_kit.connection.counters import ConnectionCounters
from service_kit.connection.limits import ConnectionLimits
from service_kit.connection.response_writer import ResponseWriter
from service_kit.request_ids import RequestIds


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """Limits, counters and shared resources of a server's connections. Used from the event loop only."""

    limits: ConnectionLimits
    counters: ConnectionCounters
    admission: Admission[Any]
    body_budget: BodyBudget
    ids: RequestIds = field(default_factory=RequestIds)
    responses: ResponseWriter = field(default_factory=ResponseWriter)

    @classmethod
    def of(cls, limits: ConnectionLimits, counters: ConnectionCounters) -> "ConnectionContext":
        """A context for one server."""
        admission: Admission[Any] = Admission(limits.max_connections)
        return cls(limits, counters, admission, BodyBudget(limits.max_bodies_bytes, limits.setting_prefix))

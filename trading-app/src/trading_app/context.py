"""What the parts of the web app share: settings, capacities, counters, and the stream."""

from service_kit.capacity import Capacity
from service_kit.connection.context import ConnectionContext
from service_kit.connection.counters import ConnectionCounters
from service_kit.connection.limits import ConnectionLimits
from trading_app.environment import Settings
from trading_app.metrics import AppMetrics
from trading_app.outgoing import OutgoingBudget
from trading_app.problems import TYPES
from trading_app.zmq_pub import TradeStream


class Context:
    """Settings, capacities and counters from the start, and the stream while the app serves."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connections = ConnectionContext.of(_limits(settings), ConnectionCounters(TYPES))
        self.live_streams = Capacity(settings.max_live_streams)
        self.outgoing = OutgoingBudget(settings.max_outgoing_bytes)
        self.metrics = AppMetrics(settings, self.connections, self.live_streams, self.outgoing)
        self._stream: TradeStream | None = None

    @property
    def stream(self) -> TradeStream:
        """The open stream."""
        assert self._stream is not None, "the server sends no request before the lifespan has opened the stream"
        return self._stream

    @property
    def opened_stream(self) -> TradeStream | None:
        """The stream; None before it is opened."""
        return self._stream

    def open(self, stream: TradeStream) -> None:
        """Set the stream, which the lifespan has opened."""
        self._stream = self.metrics.stream = stream


def _limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        setting_prefix="WEBAPP",
        max_connections=settings.max_connections,
        header_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        unread_seconds=settings.unread_seconds,
        max_bodies_bytes=settings.max_bodies_bytes,
    )

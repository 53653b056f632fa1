"""What the parts of the web app share."""

from service_kit.capacity import Capacity
from trading_app.environment import Settings
from trading_app.metrics import AppMetrics
from trading_app.zmq_pub import TradeStream


class Context:
    """Settings, capacities, counters, and the stream, which is open while the app serves."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connections = Capacity(settings.max_connections)
        self.live_streams = Capacity(settings.max_live_streams)
        self.metrics = AppMetrics(settings, self.connections, self.live_streams)
        self._stream: TradeStream | None = None

    @property
    def stream(self) -> TradeStream:
        """The open stream."""
        assert self._stream is not None, "requests come after the lifespan has begun"
        return self._stream

    @property
    def opened_stream(self) -> TradeStream | None:
        """The stream, if it was opened yet."""
        return self._stream

    def open(self, stream: TradeStream) -> None:
        """Have the stream from now on."""
        self._stream = self.metrics.stream = stream

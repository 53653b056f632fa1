"""Chooses the store and the transport of a stream, by the names that settings give them.

A back end is imported when it is used: a reader over ZeroMQ needs no SQLite, and numpy takes a fifth of its start.
"""

from collections.abc import Callable, Mapping

from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import StreamPosition
from telemetry_stream.log import Store, StreamSubscriber, Transport
from telemetry_stream.place import Place
from telemetry_stream.refusals import Obstacle
from telemetry_stream.transports.zeromq.curve import make_key_file, public_key_of


def _sqlite() -> Store:
    from telemetry_stream.stores.sqlite.store import SqliteStore

    return SqliteStore()


def _zeromq() -> Transport:
    from telemetry_stream.transports.zeromq.transport import ZeroMqTransport

    return ZeroMqTransport()


STORES: Mapping[str, Callable[[], Store]] = {"sqlite": _sqlite}
TRANSPORTS: Mapping[str, Callable[[], Transport]] = {"zeromq": _zeromq}


def open_log(place: Place, on_failure: Callable[[BaseException], None]) -> DurableLog:
    """The one writer of a stream.

    `on_failure` is called, from another thread, if the stream can't go on. Raises BackendError.
    """
    return DurableLog(place, STORES[place.store](), TRANSPORTS[place.transport](), on_failure)


def follow(
    place: Place,
    position: StreamPosition | None = None,
    explain: Callable[[Obstacle], str] = str,
    recent: int | None = None,
) -> StreamSubscriber:
    """A reader of a stream, inside one running event loop.

    `explain` puts what keeps it from the stream into words, for the log. With `recent`, a reader that is further behind
    skips all but the last `recent` events. Raises BackendError.
    """
    return TRANSPORTS[place.transport]().subscribe(place, position, explain, recent)


def store_of(name: str = "sqlite") -> Store:
    """The store with that name, for looking after what it keeps."""
    return STORES[name]()


__all__ = ["STORES", "TRANSPORTS", "follow", "make_key_file", "open_log", "public_key_of", "store_of"]

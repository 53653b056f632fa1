"""Both back ends of the stream behind one face, for the contract tests. A further one joins here."""

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from telemetry_stream.events import StreamPosition
from telemetry_stream.log import StreamReader, StreamSubscriber, StreamWriter
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.testing.memory import MemoryStream, MemorySubscriber
from telemetry_stream.transports.zeromq.publisher import Publisher
from telemetry_stream.transports.zeromq.subscriber import Subscriber
from tests.support.ports import free_address
from tests.telemetry_stream.streams import TRADES, open_stream


class Backend(Protocol):
    """One stream and what a test does to it. A test closes what it opens."""

    def open(self) -> StreamWriter:
        """The writer, after a restart too."""

    def reader(self) -> StreamReader:
        """Read access to a stream that has been opened once."""

    def subscriber(self, position: StreamPosition | None = None, page_limit: int = 1_000) -> StreamSubscriber:
        """A new subscriber, inside a running event loop."""

    def keep_copy(self) -> Callable[[], None]:
        """Copy the stream while its writer is closed; gives what puts the copy back."""

    def forget(self) -> None:
        """Let the next writer begin a new stream."""

    def messages_lost(self) -> AbstractContextManager[None]:
        """In this context no subscriber hears of what is committed."""


class MemoryBackend:
    """The stream that lives in a list, which outlives its writer here."""

    def __init__(self) -> None:
        self._stream = MemoryStream()

    def open(self) -> StreamWriter:
        return self._stream

    def reader(self) -> StreamReader:
        return self._stream

    def subscriber(self, position: StreamPosition | None = None, page_limit: int = 1_000) -> StreamSubscriber:
        return MemorySubscriber(self._stream, position, page_limit)

    def keep_copy(self) -> Callable[[], None]:
        kept = copy.deepcopy(self._stream)

        def restore() -> None:
            self._stream = kept

        return restore

    def forget(self) -> None:
        self._stream = MemoryStream()

    @contextmanager
    def messages_lost(self) -> Iterator[None]:
        waiting, self._stream.grown = self._stream.grown, set()
        yield
        self._stream.grown = waiting


class EmbeddedBackend:
    """SQLite and ZeroMQ, in a temporary folder and on free ports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "stream"
        self._copies = folder
        self._publisher_address = free_address()
        self._replay_address = free_address()

    def open(self) -> StreamWriter:
        def on_failure(error: BaseException) -> None:
            raise error

        return open_stream(self._folder, self._publisher_address, self._replay_address, on_failure)

    def reader(self) -> StreamReader:
        return JournalReader(self._folder)

    def subscriber(self, position: StreamPosition | None = None, page_limit: int = 1_000) -> StreamSubscriber:
        return Subscriber(TRADES, self._publisher_address, self._replay_address, position, page_limit)

    def keep_copy(self) -> Callable[[], None]:
        kept = self._copies / "copy"
        shutil.copytree(self._folder, kept)

        def restore() -> None:
            shutil.rmtree(self._folder)
            shutil.copytree(kept, self._folder)

        return restore

    def forget(self) -> None:
        shutil.rmtree(self._folder)

    @contextmanager
    def messages_lost(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Publisher, "publish", lambda _self, _batches: None)
            yield


BACKENDS: dict[str, Callable[[Path], Backend]] = {
    "memory": lambda _folder: MemoryBackend(),
    "embedded": EmbeddedBackend,
}

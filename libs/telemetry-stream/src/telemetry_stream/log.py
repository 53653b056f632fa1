"""The stream as an interface. `embedded` (SQLite and ZeroMQ) and `memory` implement it, under one set of contract
tests.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from telemetry_stream.events import (
    Batch,
    Delivery,
    Result,
    StreamPosition,
    Submission,
    SubscriberCounters,
)


class StreamWriter(Protocol):
    """The one place where a stream grows. Not safe for several threads at once."""

    @property
    def stream(self) -> str:
        """The stream's id, minted when it was made."""

    def head(self) -> int:
        """The last sequence that is durable; 0 for an empty stream."""

    def append(self, submissions: Sequence[Submission]) -> list[Result]:
        """Make the submissions durable, all in one commit, then publish what is new.

        Each is taken whole or not at all, by itself, in the order given. On return the receipts hold even if the
        machine loses power. It does not promise that any subscriber has seen the events yet. Unfinished is given where
        looking up what the stream has would take long; append what it holds later.
        Raises whatever the store raises; the writer must not be used after that.
        """

    def checkpoint_if_due(self) -> None:
        """Do what nobody waits for, once the outcomes of an `append` have been told. Raises as `append` does."""

    def heartbeat(self) -> None:
        """Tell subscribers the head, so that they notice a lost last message."""

    def close(self) -> None:
        """Release everything. Idempotent."""


class StreamReader(Protocol):
    """Random access to what is durable. Each thread makes its own."""

    @property
    def stream(self) -> str:
        """The stream's id."""

    def head(self) -> int:
        """The last durable sequence, read now."""

    def read(self, after: int, limit: int) -> Batch:
        """The events that follow `after`, at most `limit` of them (≥ 1), fewer where they are large or there are no
        more.
        """

    def close(self) -> None:
        """Release everything. Idempotent."""


class StreamSubscriber(Protocol):
    """Follows a stream from a position: every event once, in order, whatever gets lost on the way."""

    @property
    def counters(self) -> SubscriberCounters:
        """What was met since the start."""

    @property
    def position(self) -> StreamPosition:
        """What has been delivered so far, the delivery handed out last included: save it with the state that has it."""

    @property
    def head(self) -> int | None:
        """The highest sequence the stream is known to have; None until it was first heard of."""

    @property
    def caught_up(self) -> bool:
        """Whether everything that is known to exist has been delivered. False until the head was read once."""

    @property
    def obstacle(self) -> str | None:
        """Why the stream can't be followed and what to do, where the other side lets that be known; else None."""

    def deliveries(self) -> AsyncIterator[Delivery]:
        """The deliveries, until the subscriber is closed. Only one iteration at a time.

        It does not end while the stream is out of reach: it waits and tries again.
        """

    def close(self) -> None:
        """Release everything; the iteration ends. Idempotent."""

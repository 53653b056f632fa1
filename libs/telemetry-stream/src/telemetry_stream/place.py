"""Where a stream is: what a program's settings say of it."""

from dataclasses import dataclass
from pathlib import Path

from telemetry_stream.topics import Topic


@dataclass(frozen=True, slots=True)
class Place:
    """A stream's topic, the folder it is kept in, and the addresses it is carried over.

    The writer shows `secret_key_file` and lets in `client_keys`; a reader shows `secret_key_file` and knows the writer
    by `server_key`. Without keys both listen and talk on loopback only.
    """

    topic: Topic
    folder: Path
    live_address: str
    replay_address: str
    secret_key_file: Path | None = None
    client_keys: tuple[str, ...] = ()
    server_key: str = ""
    store: str = "sqlite"
    transport: str = "zeromq"

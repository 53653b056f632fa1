"""How far an account has been followed, in a file that a crash or a power cut leaves whole."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from telemetry_stream.durable_files import replacing
from trading_app.follow.source import Unusable

VERSION = 1


class Reach(msgspec.Struct):
    """From when until when everything was taken, in Unix milliseconds."""

    since: int
    through: int


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    exchange: str
    reached: dict[str, Reach] = {}
    witness: dict[str, str] = {}


class Position:
    """The reach of each symbol, and an event that the ledger had when it was written: without it, the ledger is another
    one. Raises Unusable if the file is not one of this exchange.
    """

    def __init__(self, path: Path, exchange: str) -> None:
        self._path = path
        self._document = _Document(VERSION, exchange)
        try:
            self._document = msgspec.json.decode(path.read_bytes(), type=_Document)
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            raise Unusable(f"{path}: can't be read: {error}") from None
        if (self._document.version, self._document.exchange) != (VERSION, exchange):
            raise Unusable(f"{path} is of {self._document.exchange}, version {self._document.version}")

    def reach(self, name: str, since: int) -> Reach:
        """The reach of a symbol. It begins at `since` if that is earlier than before, or if there was none."""
        known = self._document.reached.get(name)
        if known is None or since < known.since:
            known = Reach(since, since)
        return known

    @property
    def witness(self) -> Mapping[str, str]:
        """An event that the ledger had; empty if none was noted."""
        return self._document.witness

    def begin_again(self) -> None:
        """Each symbol was followed from its beginning to there alone: the ledger has lost what came after."""
        for reach in self._document.reached.values():
            reach.through = reach.since
        self._document.witness = {}
        self._write()

    def save(self, name: str, reach: Reach, witness: Mapping[str, str] | None = None) -> None:
        """Remember the reach of a symbol, and an event that the ledger has, durably. Raises OSError."""
        self._document.reached[name] = reach
        if witness is not None:
            self._document.witness = dict(witness)
        self._write()

    def _write(self) -> None:
        with replacing(self._path, self._path.with_name(f"{self._path.name}.draft")) as file:
            file.write(msgspec.json.format(msgspec.json.encode(self._document)) + b"\n")

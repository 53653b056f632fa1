"""Imported files, newest first."""

import msgspec

from trading_history.reader import Snapshot
from trading_model.contents import Import


class StoredImport(msgspec.Struct, frozen=True):
    """An imported file. Without `in_force`, none of its fills counts."""

    id: str
    seq: int
    in_force: bool
    content: Import


_decode = msgspec.json.Decoder(Import).decode
_IMPORTS = "SELECT id, seq, in_force, content FROM imports WHERE seq < ? ORDER BY seq DESC LIMIT ?"


def imports(snapshot: Snapshot, before: int, limit: int) -> list[StoredImport]:
    """The imports whose events have sequences less than `before`, at most `limit`."""
    rows = snapshot.connection.execute(_IMPORTS, (before, limit))
    return [StoredImport(name, seq, bool(in_force), _decode(content)) for name, seq, in_force, content in rows]

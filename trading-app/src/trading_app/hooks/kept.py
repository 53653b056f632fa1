"""Keeps the messages that could not be read, on disk, so that they can be mapped and taken later.

One file a message, below `DATA_DIR/hooks`. A message is kept once it is in its folder: it is synchronised before it
gets its name there. Values that look like secrets are blanked. Not safe for several threads at once.
"""

import os
import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import msgspec

from telemetry_stream.durable_files import sync
from trading_model.field_rules import format_timestamp

FOLDER = "hooks"
"""The folder of all kept messages, in DATA_DIR."""

MAX_MESSAGES = 1_000
"""Maximum number of kept messages of one hook."""

MAX_BYTES = 4 * 1024 * 1024
"""Maximum size of the kept messages of one hook."""

ID = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}")

_SECRET_NAME = r"(?:[\w-]*(?:secret|password|passphrase|passwd|api_?key)[\w-]*|(?:auth|access|bearer)?[_-]?token)"
_SECRET_MEMBERS = re.compile(rf'("{_SECRET_NAME}"\s*:\s*)("(?:[^"\\]|\\.)*"|[^\s,}}\]]+)', re.IGNORECASE)
_LONG_WORD = re.compile(r"[\w-]{22,}")
_SECRET_FIELDS = re.compile(rf"((?:^|[&\s]){_SECRET_NAME}=)[^&\s]+", re.IGNORECASE)


class CantKeep(Exception):
    """The message can't be kept. The text says why."""


class Kept(msgspec.Struct, frozen=True):
    """A message that could not be read: when it arrived first, how often, and why it could not be read."""

    id: str
    received_at: str
    received_ns: int
    content_type: str
    reason: str
    times: int
    body: str


class KeptMessages:
    """The kept messages of all hooks."""

    def __init__(self, folder: Path, is_secret: Callable[[bytes], bool]) -> None:
        """`is_secret` returns whether a text is the secret of a hook."""
        self._folder = folder
        self._is_secret = is_secret

    def keep(self, hook: str, body: bytes, content_type: str, reason: str, received_ns: int) -> Kept:
        """Keep a message; the same message again is counted. Raises CantKeep, OSError."""
        text = self._blank(body.decode("utf-8", "backslashreplace"))
        digest = blake2b(f"{content_type}\0{text}".encode(), digest_size=8).hexdigest()
        sizes = self._sizes(hook)
        known = next((name for name in sizes if name.endswith(f"-{digest}")), None)
        earlier = self.find(hook, known) if known is not None else None
        if earlier is not None:
            kept = msgspec.structs.replace(earlier, reason=reason, times=earlier.times + 1)
        else:
            first = format_timestamp(received_ns)
            kept = Kept(f"{received_ns:016x}-{digest}", first, received_ns, content_type[:100], reason, 1, text)
            if len(sizes) >= MAX_MESSAGES or sum(sizes.values()) + len(body) > MAX_BYTES:
                raise CantKeep(
                    f"{len(sizes)} messages of this hook wait to be read by a person, the maximum is {MAX_MESSAGES}, or"
                    f" {MAX_BYTES // 2**20} MiB: `trading-app hook unread {hook}` shows them"
                )
        self._write(hook, kept)
        return kept

    def find(self, hook: str, message: str) -> Kept | None:
        """The kept message with this id; None if there is none. Raises OSError."""
        if ID.fullmatch(message) is None:
            return None
        try:
            return _decode((self._folder / hook / f"{message}.json").read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def page(self, hook: str, after: str, limit: int, max_bytes: int) -> tuple[list[Kept], bool]:
        """The hook's kept messages after the one with this id, the oldest first: at most `limit`, and about `max_bytes`
        bytes; and whether there are more. Raises OSError.
        """
        sizes = self._sizes(hook)
        page, size = list[Kept](), 0
        for message in sorted(message for message in sizes if message > after):
            if len(page) >= limit or size >= max_bytes:
                return page, True
            if (kept := self.find(hook, message)) is not None:
                page.append(kept)
                size += sizes[message]
        return page, False

    def count(self, hook: str) -> int:
        """The number of the hook's kept messages."""
        return len(self._sizes(hook))

    def drop(self, hook: str, message: str) -> bool:
        """Forget a message. Whether it was there. Raises OSError."""
        if ID.fullmatch(message) is None:
            return False
        try:
            (self._folder / hook / f"{message}.json").unlink()
        except FileNotFoundError:
            return False
        return True

    def _blank(self, text: str) -> str:
        """The text without the secrets of hooks, and without values whose names say that they are secrets."""
        text = _LONG_WORD.sub(lambda word: "***" if self._is_secret(word[0].encode()) else word[0], text)
        return _SECRET_FIELDS.sub(r"\1***", _SECRET_MEMBERS.sub(r'\1"***"', text))

    def _sizes(self, hook: str) -> dict[str, int]:
        """The sizes of the kept messages in bytes, by id."""
        try:
            with os.scandir(self._folder / hook) as entries:
                files = [entry for entry in entries if ID.fullmatch(entry.name.removesuffix(".json"))]
                return {entry.name.removesuffix(".json"): entry.stat().st_size for entry in files}
        except FileNotFoundError:
            return {}

    def _write(self, hook: str, kept: Kept) -> None:
        folder = self._folder / hook
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / "draft"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(_encode(kept))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / f"{kept.id}.json")
        for each in (folder, self._folder, self._folder.parent):
            sync(each)


_decode = msgspec.json.Decoder(Kept).decode
_encode = msgspec.json.Encoder().encode

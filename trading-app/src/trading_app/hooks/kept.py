"""Keeps messages that are in no journal, on disk, so that they can be taken later.

One file a message, below a folder of DATA_DIR: FOLDER for those that could not be read, WAITING_FOLDER for those that
the journal did not take. A message is kept once it is in its folder: it is synchronised before it gets its name there,
which says when it arrived and, as a hash, what it says: a damaged file is not taken for another message. Values that
look like secrets are blanked. One thread at a time may keep messages; others may read and drop them meanwhile.
"""

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

import msgspec

from telemetry_stream.durable_files import replacing, sync
from trading_app.hooks.hook import NAME
from trading_app.hooks.readings import Said
from trading_model.field_rules import format_timestamp

FOLDER, WAITING_FOLDER = "hooks", "hooks-waiting"

MAX_MESSAGES = 1_000
"""Maximum number of kept messages of one hook in each folder."""

WRITERS = 8
"""Threads that write messages kept at the same time: what they wait for is the disk, which takes them together."""

MAX_BYTES = 4 * 1024 * 1024
"""Maximum size of the kept messages of one hook in each folder."""

ID = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}")

# A word is looked at once and taken whole (++): else "secretsecret…" would take time by its square.
_SECRET_WORD = r"(?=[\w-]*?(?:secret|password|passphrase|passwd|api_?key))[\w-]++"
_SECRET_NAME = rf"(?:{_SECRET_WORD}|(?:auth|access|bearer)?[_-]?token)"
_SECRET_MEMBERS = re.compile(rf'("{_SECRET_NAME}"\s*+:\s*+)("(?:[^"\\]|\\.)*+"|[^\s,}}\]]+)', re.IGNORECASE)
_LONG_WORD = re.compile(r"[\w-]{22,}")
_SECRET_FIELDS = re.compile(rf"((?:^|[&\s]){_SECRET_NAME}=)[^&\s]+", re.IGNORECASE)


class CantKeep(Exception):
    """The message can't be kept. The text says why."""


class DamagedMessage(Exception):
    """What its file says is not what was kept."""

    def __init__(self) -> None:
        super().__init__(
            "its file is damaged, and what the message said can't be known: look at its source, record what is missing,"
            " then drop it"
        )


class Arrived(NamedTuple):
    """A message as it arrived; `received_ns` is when, in ns since 1970."""

    body: bytes
    content_type: str
    received_ns: int


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message: when it arrived first, how often, and why it is in no journal.

    `said` is what it was read as when it arrived; None if it could not be read.
    """

    id: str
    received_at: str
    received_ns: int
    content_type: str
    reason: str
    times: int
    body: str
    said: Said | None = None


Place = tuple[str, str]
"""A hook, and the id of a message that is kept of it."""


class ToKeep(NamedTuple):
    """A message of a hook that is to be kept, why, and what it was read as."""

    hook: str
    message: Arrived
    reason: str
    said: Said | None = None


class _Found:
    """What is there while messages are kept: the sizes of each hook's files, and what is written for these messages."""

    def __init__(self) -> None:
        self.sizes = dict[str, dict[str, int]]()
        self.to_write = dict[Place, Kept]()


class KeptMessages:
    """The messages of all hooks that are kept in a folder."""

    def __init__(self, folder: Path, is_secret: Callable[[bytes], bool]) -> None:
        """`is_secret` returns whether a text is the secret of a hook."""
        self._folder = folder
        self._is_secret = is_secret
        self._synced = set[str]()
        """Hooks whose folder is on disk."""

    def keep(self, hook: str, message: Arrived, reason: str, said: Said | None = None) -> Kept:
        """Keep a message; the same message again is counted. Raises CantKeep, OSError."""
        (kept,) = self.keep_all([ToKeep(hook, message, reason, said)])
        if not isinstance(kept, Kept):
            raise kept
        return kept

    def keep_all(self, asked: Sequence[ToKeep]) -> list[Kept | Exception]:
        """Keep messages, in this order: each as it is kept, or what `keep` would raise. A disk takes many at once in
        hardly more time than one.
        """
        found = _Found()
        planned = list[Place | Exception]()
        for one in asked:
            try:
                planned.append(self._plan(one, found))
            except Exception as error:  # noqa: BLE001 -- whatever it is, the others are kept
                planned.append(error)
        lanes = [list(found.to_write.items())[lane::WRITERS] for lane in range(min(WRITERS, len(found.to_write)))]
        with ThreadPoolExecutor(max(len(lanes), 1)) as pool:
            failed = dict(chain.from_iterable(pool.map(self._write_each, lanes, count())))
        return [failed.get(one, found.to_write[one]) if isinstance(one, tuple) else one for one in planned]

    def _plan(self, asked: ToKeep, found: "_Found") -> Place:
        """Note what is to be written for a message. Raises CantKeep, OSError."""
        hook, (body, content_type, received_ns), reason, said = asked
        text, content_type = self._blank(body.decode("utf-8", "backslashreplace")), content_type[:100]
        name = _id(received_ns, content_type, text, said)
        if hook not in found.sizes:
            found.sizes[hook] = self._sizes(hook)
        sizes = found.sizes[hook]
        known = next((one for one in sizes if one[_TIME:] == name[_TIME:]), None)
        try:
            earlier = known and (found.to_write.get((hook, known)) or self.find(hook, known))
        except DamagedMessage:  # it takes the place of its damaged file
            earlier, name = None, known or name
        if earlier:
            kept = msgspec.structs.replace(earlier, reason=reason, times=earlier.times + 1)
        else:
            kept = Kept(name, *_received(name), content_type, reason, 1, text, said)
            if len(sizes) >= MAX_MESSAGES or sum(sizes.values()) + len(_encode(kept)) > MAX_BYTES:
                raise CantKeep(
                    f"{len(sizes)} messages of the hook {hook} are kept; the maximum is {MAX_MESSAGES}, or"
                    f" {MAX_BYTES // 2**20} MiB"
                )
            sizes[name] = len(_encode(kept))
        found.to_write[hook, kept.id] = kept
        return hook, kept.id

    def find(self, hook: str, message: str) -> Kept | None:
        """The kept message with this id; None if there is none. Raises DamagedMessage, OSError."""
        if ID.fullmatch(message) is None:
            return None
        try:
            kept = _decode((self._folder / hook / f"{message}.json").read_bytes())
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise DamagedMessage from None
        if not kept.id == message == _id(kept.received_ns, kept.content_type, kept.body, kept.said):
            raise DamagedMessage
        return kept

    def page(self, hook: str, after: str, limit: int, max_bytes: int) -> tuple[list[Kept], bool]:
        """The hook's kept messages after the one with this id, the oldest first: at most `limit`, and about `max_bytes`
        bytes; and whether there are more. One whose file is damaged says so in place of what it said. Raises OSError.
        """
        sizes = self._sizes(hook)
        page, size = list[Kept](), 0
        for message in sorted(message for message in sizes if message > after):
            if len(page) >= limit or size >= max_bytes:
                return page, True
            try:
                kept = self.find(hook, message)
            except DamagedMessage as error:
                kept = Kept(message, *_received(message), "", str(error), 1, "")
            if kept is not None:
                page.append(kept)
                size += sizes[message]
        return page, False

    def count(self, hook: str) -> int:
        """The number of the hook's kept messages. Raises OSError."""
        try:
            with os.scandir(self._folder / hook) as entries:
                return sum(ID.fullmatch(entry.name.removesuffix(".json")) is not None for entry in entries)
        except FileNotFoundError:
            return 0

    def hooks(self) -> list[str]:
        """The hooks that messages are or were kept of. Raises OSError."""
        try:
            with os.scandir(self._folder) as entries:
                return sorted(entry.name for entry in entries if NAME.fullmatch(entry.name) and entry.is_dir())
        except FileNotFoundError:
            return []

    def set_aside_damaged(self, hook: str) -> list[Path]:
        """Rename files that can't be read back, so that they are no messages, and return them. Raises OSError."""
        damaged = list[Path]()
        for message in self._sizes(hook):
            try:
                self.find(hook, message)
            except DamagedMessage:
                file = self._folder / hook / f"{message}.json"
                damaged.append(file.replace(file.with_suffix(".damaged")))
        return damaged

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

    def _write_each(self, messages: Sequence[tuple[Place, Kept]], lane: int) -> list[tuple[Place, OSError]]:
        """Write messages, in one of several threads; those that could not be."""
        failed = list[tuple[Place, OSError]]()
        for place, kept in messages:
            try:
                self._write(place[0], kept, f"draft-{lane}")
            except OSError as error:
                failed.append((place, error))
        return failed

    def _write(self, hook: str, kept: Kept, draft: str) -> None:
        folder = self._folder / hook
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(folder / f"{kept.id}.json", folder / draft, 0o600) as file:
            file.write(_encode(kept))
        if hook not in self._synced:
            sync(self._folder)
            sync(self._folder.parent)
            self._synced.add(hook)


_TIME = 16
"""Hex digits of an id that say when the message arrived first."""


def _id(received_ns: int, content_type: str, text: str, said: Said | None) -> str:
    digest = blake2b(f"{content_type}\0{text}".encode() + _sent(said), digest_size=8).hexdigest()
    return f"{received_ns:0{_TIME}x}-{digest}"


def _received(message: str) -> tuple[str, int]:
    """When the message with this id arrived first."""
    received_ns = int(message[:_TIME], 16)
    return format_timestamp(received_ns), received_ns


def _sent(said: Said | None) -> bytes:
    """What a message was read as, but for what its hook or its arrival says: it tells apart messages that differ in
    what was blanked.
    """
    if said is None:
        return b""
    sent = [{name: text for name, text in one.members.items() if name not in one.assumed} for one in said.all]
    return msgspec.json.encode(sent, order="sorted")


_decode = msgspec.json.Decoder(Kept).decode
_encode = msgspec.json.Encoder().encode

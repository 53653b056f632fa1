"""What zip and gzip hold, within bounds: no bomb, no password, no member that is larger than it says."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from trading_files.errors import FileRefused
from trading_files.reading.limits import Limits
from trading_files.reading.signatures import ZIP, refused
from trading_files.reading.text import CHUNK, ChunkStream

_ENCRYPTED = 0x1
_STEP = 1 << 12  # packed bytes are counted in steps of this size
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    OverflowError, OSError, KeyError, IndexError, AttributeError, MemoryError,
)  # fmt: skip
"""What the standard library raises for archives that were made to break it, found by fuzzing."""


@contextmanager
def damaged_is_refused(what: str) -> Iterator[None]:
    """Errors of the standard library's archive readers as FileRefused."""
    try:
        yield
    except _BROKEN as error:
        raise FileRefused(
            f"the {what} is damaged or cut off ({type(error).__name__}); download or pack it again"
        ) from None


def ungzip(chunks: Iterator[bytes], limits: Limits) -> BinaryIO:
    """The content of a gzip file, as it is read."""
    packed = _Packed()
    stream = io.BufferedReader(ChunkStream(packed.count(chunks)), _STEP)
    unpacked = gzip.GzipFile(fileobj=stream, mode="rb")
    return io.BufferedReader(_Bounded(unpacked.read, packed, limits, "gzip file"), CHUNK)


def open_zip(source: BinaryIO, limits: Limits) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """An archive and its members with content, without what a Mac adds."""
    with damaged_is_refused("zip archive"):
        archive = zipfile.ZipFile(source)
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/") and member.file_size
        ]
    if len(members) > limits.members * 100:
        raise FileRefused(f"the zip archive holds {len(members)} files; take out those with trades")
    for member in members:
        if member.file_size > max(limits.any_ratio_bytes, member.compress_size * limits.ratio):
            raise _trap("zip archive", limits)
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise refused("a zip archive with a password", "unpack it and import the files in it")
    return archive, members


def unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> BinaryIO:
    """The content of a member. If it is an archive itself, it can seek: it is unpacked into memory."""
    stream = open_member(archive, member, limits)
    return seekable_copy(stream, limits) if stream.peek(4).startswith(ZIP) else stream


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> io.BufferedReader:
    """The content of a member, as it is read."""
    with damaged_is_refused("zip archive"):
        unpacked = archive.open(member)
    return io.BufferedReader(_Bounded(unpacked.read, member, limits, "zip archive"), CHUNK)


def seekable_copy(source: BinaryIO, limits: Limits) -> BinaryIO:
    """The content in memory. Raises FileRefused beyond `limits.in_memory_bytes`."""
    content = source.read(limits.in_memory_bytes + 1)
    if len(content) > limits.in_memory_bytes:
        raise FileRefused(
            f"an archive of more than {limits.in_memory_bytes >> 20} MB lies in an archive or comes through a pipe; "
            "unpack it and import the files in it"
        )
    return io.BytesIO(content)


def _trap(what: str, limits: Limits) -> FileRefused:
    return FileRefused(f"the {what} unpacks to more than {limits.ratio} times its size: it is a trap")


class _Packed:
    """Counts packed bytes as they are read."""

    def __init__(self) -> None:
        self.compress_size = 0

    def count(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            for start in range(0, len(chunk), _STEP):
                part = chunk[start : start + _STEP]
                self.compress_size += len(part)
                yield part


class _Bounded(io.RawIOBase):
    """Unpacked content that ends with FileRefused where it is damaged, or larger than its packed size explains."""

    def __init__(
        self, read: Callable[[int], bytes], packed: _Packed | zipfile.ZipInfo, limits: Limits, what: str
    ) -> None:
        self._read = read
        self._packed = packed
        self._limits = limits
        self._what = what
        self._total = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        with damaged_is_refused(self._what):
            data = self._read(len(buffer))
        self._total += len(data)
        ratio = self._total / max(self._packed.compress_size, 1)
        if self._total > self._limits.any_ratio_bytes and ratio > self._limits.ratio:
            raise _trap(self._what, self._limits)
        buffer[: len(data)] = data
        return len(data)

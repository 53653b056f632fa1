"""A hash table in a file: finds the sequences that may have a key. No SQLite.

Open addressing with linear probing (Knuth, The Art of Computer Programming 3, 6.4, algorithm L). A slot is a word of 64
bits: 24 bits of the key's hash above 40 bits of the sequence, 0 if it is free. A slot is only a hint, to be verified in
the journal: two keys in 16 million look alike. No key is ever removed.

The file is mapped into memory, and never synced. What was put in outlives its process, but not a crash of the machine:
`origin` shows whether the file was written since the machine started, and not copied from elsewhere. A sum over all
slots and their places shows whether each is as it was put in: a key that a damaged slot has lost would be new again.
"""

import errno
import mmap
import os
import secrets
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

Words = npt.NDArray[np.uint64]

SEQUENCE_BITS = 40
UNFINISHED = ".new"
"""The end of a file's name until the table is complete."""

FEW = 80
"""Below this number a Python loop is faster than numpy, whose code has left the CPU caches since the last commit."""

_ONE = np.uint64(1)
_STEP = np.uint64(8)
_NEXT = np.arange(_STEP, dtype=np.uint64)
_TAG_SHIFT = np.uint64(SEQUENCE_BITS)
_SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1
_SEQUENCE = np.uint64(_SEQUENCE_MASK)
_MAGIC = 0x5452_5354_4B45_5932  # "TRSTKEY2"
_WORD_BYTES = 8
_HEADER_WORDS = 512  # one page, so that the slots begin with a page
_IS, _ORIGIN, _STREAM, _FIRST, _LAST, _LAST_WORD, _SUM = range(7)
_SUM_MASK = (1 << 64) - 1
_SUMMED_AT_ONCE = 1 << 16
"""Slots whose sum is made at a time: they stay in the CPU's caches."""

_ZEROS = bytes(1 << 20)


class KeyTable:
    """The keys of the sequences from `first` to `last`, without holes. Use it from one thread at a time."""

    def __init__(self, file: Path) -> None:
        """Map a file that was made by `create`. Raises OSError; ValueError if it is not a table."""
        if file.stat().st_size <= _HEADER_WORDS * _WORD_BYTES or file.stat().st_size % _WORD_BYTES:
            raise ValueError(f"{file} is no table of keys")
        with file.open("r+b") as opened:
            self._mapped = mmap.mmap(opened.fileno(), 0)
        self._header: Words = np.frombuffer(self._mapped, np.uint64, _HEADER_WORDS)
        self._slots: Words = np.frombuffer(self._mapped, np.uint64, -1, _HEADER_WORDS * _WORD_BYTES)
        self._mask = np.uint64(len(self._slots) - 1)
        self._bytes = memoryview(self._mapped)
        self._single = self._bytes[_HEADER_WORDS * _WORD_BYTES :].cast("Q")  # the slots, for a look at one
        self.file = file
        if len(self._slots) & (len(self._slots) - 1) or self._header[_IS] != _MAGIC:
            self.close()
            raise ValueError(f"{file} is no table of keys")
        self.first = int(self._header[_FIRST])

    @property
    def last(self) -> int:
        """The last sequence whose key was put in; `first - 1` before the first."""
        return int(self._header[_LAST])

    @property
    def last_word(self) -> int:
        """The hash of that key."""
        return int(self._header[_LAST_WORD])

    @property
    def slots(self) -> int:
        """How many there are."""
        return len(self._slots)

    @property
    def room(self) -> int:
        """The number of keys it can still take. Beyond two fifths full, probing sequences and look-ups get long."""
        return max(0, len(self._slots) * 2 // 5 - (self.last - self.first + 1))

    def belongs_to(self, stream: str) -> bool:
        """Whether it was made here, for this stream, since the machine started."""
        return bool(self._header[_STREAM] == _hash(stream) and self._header[_ORIGIN] == origin(self.file))

    def put(self, words: Words) -> None:
        """Add the keys with these hashes, which belong to the sequences after `last`.

        A process that was killed before it moved `last` may have added some of them: the same entries are added again.
        """
        first = self.last + 1
        end = first + len(words)
        entries = words & ~_SEQUENCE | np.arange(first, end, dtype=np.uint64)
        places = words & self._mask
        total = int(self._header[_SUM]) + _sum(entries, places)
        # All at once. In each round the entries whose place is taken move one place further.
        while len(entries):
            free = self._slots[places] == 0
            self._slots[places[free]] = entries[free]  # several may write the same place: the last one wins
            left = (self._slots[places] != entries).nonzero()[0]
            entries, before = entries[left], places[left]
            places = before + _ONE & self._mask
            total += _sum(entries, places) - _sum(entries, before)
        # After the slots, and together: whoever opens the file after a kill finds every key up to `last`.
        self._header[_LAST : _SUM + 1] = np.array((end - 1, int(words[-1]), total & _SUM_MASK), np.uint64)

    def holds_all(self, words: Words, first: int) -> bool:
        """Whether the keys with these hashes are in, at the sequences from `first` on."""
        entries = words & ~_SEQUENCE | np.arange(first, first + len(words), dtype=np.uint64)
        places = words & self._mask
        while len(entries):
            slots = self._slots[places]
            if (slots == 0).any():
                return False
            left = (slots != entries).nonzero()[0]
            entries, places = entries[left], places[left] + _ONE & self._mask
        return True

    def is_whole(self) -> bool:
        """Whether each slot is as it was put in."""
        last, total = np.uint64(self.last), 0
        for start in range(0, len(self._slots), _SUMMED_AT_ONCE):
            entries = self._slots[start : start + _SUMMED_AT_ONCE]
            taken = (entries & _SEQUENCE <= last).nonzero()[0]  # a kill may have left some that come again
            total += _sum(entries[taken], taken.astype(np.uint64) + np.uint64(start))
        return total & _SUM_MASK == int(self._header[_SUM])

    def invalidate(self) -> None:
        """Make the table unusable."""
        self._header[_ORIGIN] = 0  # in case the file can't be deleted
        self.file.unlink(missing_ok=True)

    def may_hold_any(self, words: Words) -> bool:
        """Whether one of the keys with these hashes may be in the table. False is certain, True almost."""
        if len(words) < FEW:
            slots, mask = self._single, len(self._single) - 1
            return any(self.candidates(word) for word in words.tolist() if slots[word & mask])
        places = words & self._mask
        left = self._slots[places].nonzero()[0]
        # Most places are free. The others are searched eight places at a time, until a free place ends each search.
        while len(left):
            words, places = words[left], places[left]
            slots = self._slots[places[:, None] + _NEXT & self._mask]
            if ((slots ^ words[:, None]) >> _TAG_SHIFT == 0).any():
                return True
            left = slots.all(axis=1).nonzero()[0]
            places += _STEP
        return False

    def all_candidates(self, words: Words) -> list[tuple[int, int]]:
        """The sequences that may have one of the keys with these hashes, each with the key's index in `words`."""
        if len(words) < FEW:
            return [
                (index, sequence) for index, word in enumerate(words.tolist()) for sequence in self.candidates(word)
            ]
        found = list[tuple[int, int]]()
        places = words & self._mask
        left = np.arange(len(words))
        # In each round every search moves one place further, until it ends at a free place.
        while len(left):
            slots = self._slots[places]
            taken = slots.nonzero()[0]
            left, places, slots = left[taken], places[taken], slots[taken]
            alike = ((slots ^ words[left]) >> _TAG_SHIFT == 0).nonzero()[0]
            found += zip(left[alike].tolist(), (slots[alike] & _SEQUENCE).tolist(), strict=True)
            places = places + _ONE & self._mask
        return found

    def candidates(self, word: int) -> list[int]:
        """The sequences that may have the key with this hash."""
        slots, mask = self._single, len(self._single) - 1
        place = word & mask
        found = []
        while slot := slots[place]:
            if not (slot ^ word) >> SEQUENCE_BITS:
                found.append(slot & _SEQUENCE_MASK)
            place = place + 1 & mask
        return found

    def close(self) -> None:
        """Release the file. Do not use the table afterwards."""
        # In this order: a map can't be closed while arrays or views of it exist.
        self._header = self._slots = np.empty(0, np.uint64)
        self._single.release()
        self._bytes.release()
        self._mapped.close()


def _sum(entries: Words, places: Words) -> int:
    """Of entries, each times an odd number of its own place: a lost, changed or moved one shows. Wraps at 64 bits."""
    return int((entries * (places + places + _ONE)).sum())


def create(file: Path, stream: str, slots: int, first: int) -> None:
    """Make a table of `slots` slots, a power of two, in place of any earlier one. Raises OSError.

    All of its space is reserved first: on a full disk a write into mapped memory would kill the process. Then all of it
    is read, so that it is in memory: the first keys are spread over it, and would wait for one page after the other.
    """
    fresh = file.with_name(f"{file.name}{UNFINISHED}")
    try:
        _write(fresh, stream, slots, first)
    except BaseException as error:
        fresh.unlink(missing_ok=True)  # it may hold all the room that was left
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            size = slots * _WORD_BYTES / 2**20
            raise OSError(errno.ENOSPC, f"no space left for {file.name}, which takes {size:,.0f} MiB") from error
        raise
    fresh.rename(file)  # complete from its first moment under this name


def _write(fresh: Path, stream: str, slots: int, first: int) -> None:
    header: Words = np.zeros(_HEADER_WORDS, np.uint64)
    size = (_HEADER_WORDS + slots) * _WORD_BYTES
    with fresh.open("w+b", buffering=0) as written:
        _reserve(written.fileno(), size)
        header[[_IS, _ORIGIN, _STREAM, _FIRST, _LAST]] = _MAGIC, origin(fresh), _hash(stream), first, first - 1
        written.write(header.tobytes())
        for start in range(0, size, len(_ZEROS)):
            os.pread(written.fileno(), len(_ZEROS), start)


def origin(file: Path) -> int:
    """Identifies a file and the boot of the machine: a copy, or the same file after a crash, has another origin."""
    there = file.stat()
    return _hash(f"{_BOOT} {there.st_dev} {there.st_ino}")


def _read_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:  # not Linux: tables of an earlier process are rebuilt
        return secrets.token_hex()


_BOOT = _read_boot()


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # the file system can't do it
                raise
        else:
            return
    for start in range(0, size, len(_ZEROS)):
        os.pwrite(descriptor, _ZEROS[: size - start], start)

"""The text of a file as UTF-8, whatever its encoding, within bounds. Memory stays flat."""

import codecs
import io
from collections.abc import Iterator

from trading_files.errors import FileRefused
from trading_files.reading.limits import Limits

CHUNK = 1 << 16

_MARKS = (  # of UTF-32 before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32, big-endian"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16, big-endian"),
)


def open_text(chunks: Iterator[bytes]) -> io.TextIOWrapper:
    """Chunks in UTF-8 as a text with its line ends as they are."""
    return io.TextIOWrapper(io.BufferedReader(ChunkStream(chunks), CHUNK * 4), "utf-8", newline="")


def bounded(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """The chunks of a file. Raises FileRefused beyond `limits.content_bytes`."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limits.content_bytes:
            raise FileRefused(f"the file holds more than {limits.content_bytes >> 20} MB; split it into smaller files")
        yield chunk


class ChunkStream(io.RawIOBase):
    """Chunks of bytes as a stream that other readers understand."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]  # any writable buffer
        """Fill the buffer with what the next chunk has; 0 at the end."""
        data = self._rest or next(self._chunks, b"")
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        self._rest = data[size:]
        return size


def as_utf8(chunks: Iterator[bytes], notes: list[str]) -> Iterator[bytes]:
    """Chunks of a text in any encoding as chunks in UTF-8, each of whole characters; `notes` gets the encoding."""
    head = next(chunks, b"")
    encoding, mark = _encoding_of(head, notes)
    head = head[mark:]
    if encoding != "utf-8":
        yield from _recode(encoding, head, chunks)
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    plain = True  # only ASCII so far: the encoding is open
    for chunk in _chain(head, chunks):
        if chunk.isascii() and not decoder.getstate()[0]:
            yield chunk
            continue
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            if plain and error.object[: error.start].isascii():
                notes.append("encoding: CP1252, as the text is not UTF-8")
                yield from _recode("cp1252", decoder.getstate()[0] + chunk, chunks)
                return
            notes.append("some characters are not UTF-8; they are shown as �")
            yield from _recode("utf-8", decoder.getstate()[0] + chunk, chunks)
            return
        plain = plain and not text
        yield text.encode()
    if decoder.getstate()[0]:
        yield "�".encode()


def _encoding_of(head: bytes, notes: list[str]) -> tuple[str, int]:
    """The codec and the length of the byte order mark."""
    for mark, codec, name in _MARKS:
        if head.startswith(mark):
            notes.append(f"encoding: {name}")
            return codec, len(mark)
    sample = head[: len(head) & ~1][:4_096]
    for first, codec, name in ((1, "utf-16-le", "UTF-16"), (0, "utf-16-be", "UTF-16, big-endian")):
        zeros, others = sample[first::2].count(0), sample[1 - first :: 2].count(0)
        if sample and zeros > len(sample) * 0.3 and not others:
            notes.append(f"encoding: {name}, without a byte order mark")
            return codec, 0
    return "utf-8", 0


def _recode(encoding: str, head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in _chain(head, chunks):
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _chain(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from chunks


def without_zeros(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks of a text. Raises FileRefused at a zero byte: it is not text."""
    for chunk in chunks:
        if b"\0" in chunk:
            raise FileRefused("the file holds zero bytes: it is not text, or it is damaged; export it again")
        if chunk:
            yield chunk


def with_short_lines(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """The chunks of a text. Raises FileRefused at a line beyond `limits.line_bytes`, before anything gathers it."""
    open_line = 0
    for chunk in chunks:
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        open_line = open_line + len(chunk) if end < 0 else len(chunk) - end
        if open_line > limits.line_bytes:
            raise FileRefused(f"the file holds a line of more than {limits.line_bytes >> 10} KB: it is not a table")
        yield chunk

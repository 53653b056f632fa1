"""XML from strangers: events of a parser without entities and document types, in the memory of one element."""

from collections.abc import Callable, Iterator
from xml.parsers import expat

from trading_files.errors import FileRefused
from trading_files.reading.limits import Limits


class SafeParser:
    """Feeds chunks to expat and calls back for elements and text. Raises FileRefused.

    A document type is refused where it begins, so there is no entity to expand and nothing external to fetch.
    """

    def __init__(
        self,
        limits: Limits,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None],
        text: Callable[[str], None],
    ) -> None:
        self._limits = limits
        self._depth = 0
        self._fed = 0
        self._start, self._end = start, end
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._on_doctype

    @property
    def line(self) -> int:
        """The line of the current event, from 1."""
        return self._parser.CurrentLineNumber

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        """Parse a chunk."""
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError as error:
            reason = expat.errors.messages.get(error.code, "it is not XML")
            raise FileRefused(f"line {error.lineno}: the XML is broken: {reason}") from None
        self._fed += len(chunk)
        if self._fed - max(self._parser.CurrentByteIndex, 0) > self._limits.line_bytes:
            raise FileRefused(f"line {self.line}: an XML element is larger than {self._limits.line_bytes >> 10} KB")

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > self._limits.depth:
            raise FileRefused(f"the file nests elements more than {self._limits.depth} deep")
        self._start(local_name(name), attributes)

    def _on_end(self, name: str) -> None:
        self._depth -= 1
        self._end(local_name(name))

    def _on_doctype(self, *_: object) -> None:
        raise FileRefused("the XML has a document type (DOCTYPE), which an export never needs; remove it")


def local_name(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(" ")[2]


def feed_all(parser: SafeParser, chunks: Iterator[bytes]) -> Iterator[int]:
    """Feed all chunks; gives the size of each after it, so that what was found can be taken."""
    for chunk in chunks:
        parser.feed(chunk)
        yield len(chunk)
    parser.feed(b"", final=True)
    yield 0

"""How much of a file is read at most. A hostile file reaches one of these before it exhausts memory or time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one file; beyond one of them it is refused."""

    content_bytes: int = 4 << 30  # all content after decompression
    line_bytes: int = 1 << 20  # one line of text, one JSON record, one XML element
    columns: int = 2_000  # of one table
    depth: int = 32  # nested objects, elements or archives' folders
    members: int = 100  # files in one archive
    preamble_lines: int = 200  # above the header

"""How much of a file is read at most. A hostile file reaches one of these before it exhausts memory or time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one file; beyond one of them it is refused."""

    content_bytes: int = 4 << 30  # all content after decompression
    line_bytes: int = 1 << 20  # one line of text, one JSON record, one XML element
    columns: int = 2_000  # of one table
    empty_lines: int = 1_000_000  # in a text
    plain_values: int = 100_000  # in a JSON list or object that holds no records
    bytes_without_row: int = 4 << 20  # of a web page or XML
    depth: int = 32  # nested objects and elements
    archive_depth: int = 2  # an archive in an archive
    members: int = 100  # files in one archive that are read
    ratio: int = 250  # of unpacked to packed bytes; exports have 5 to 30
    any_ratio_bytes: int = 4 << 20  # up to this many unpacked bytes any ratio is fine
    shared_text_bytes: int = 64 << 20  # texts of a workbook, which are kept in memory
    in_memory_bytes: int = 48 << 20  # an archive in an archive
    preamble_lines: int = 200  # above the header
    preamble_characters: int = 1 << 20  # of these lines

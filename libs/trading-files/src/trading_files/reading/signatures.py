"""What a file is, by its first bytes: the kinds that are opened, and the kinds that are named and refused."""

from trading_files.errors import FileRefused

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"

_EXPORT_CSV = "export CSV, JSON or XLSX from the program that made it"
_UNPACK = "unpack it and import the files in it"
_SAVE_XLSX = "open it in a spreadsheet program and save it as .xlsx or CSV"
_MAKES_DATABASE = "export the table of trades as CSV"

_REFUSED: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"%PDF-", "a PDF document", "a PDF holds no table that can be read exactly; export CSV, XLSX or HTML instead"),
    (0, b"PK\x05\x06", "an empty zip archive", "put the export into it"),
    (0, b"PK\x07\x08", "a zip archive in several parts", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (0, b"BZh", "a bzip2 file", _UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz file", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd file", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "an lz4 file", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"SQLite format 3\x00", "a SQLite database", _MAKES_DATABASE),
    (8, b"DUCK", "a DuckDB database", _MAKES_DATABASE),
    (0, b"PAR1", "a Parquet file", "write it as CSV or NDJSON, with all digits of prices and quantities"),
    (0, b"ARROW1", "an Arrow file", "write it as CSV or NDJSON, with all digits of prices and quantities"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", "write it as CSV or NDJSON"),
    (0, b"\x93NUMPY", "a NumPy array", "write it as CSV"),
    (0, b"\x09\x08\x10\x00\x00\x06\x05\x00", "an old Excel workbook (.xls)", _SAVE_XLSX),
    (0, b"\x09\x08", "an old Excel workbook (.xls)", _SAVE_XLSX),
    (0, b"\x89PNG\r\n\x1a\n", "an image", _EXPORT_CSV),
    (0, b"GIF8", "an image", _EXPORT_CSV),
    (0, b"\xff\xd8\xff", "an image", _EXPORT_CSV),
    (0, b"II*\x00", "an image", _EXPORT_CSV),
    (0, b"MM\x00*", "an image", _EXPORT_CSV),
    (8, b"WEBP", "an image", _EXPORT_CSV),
    (0, b"{\\rtf", "a rich text document", _EXPORT_CSV),
    (0, b"\x7fELF", "a program", _EXPORT_CSV),
    (0, b"MZ\x90\x00", "a program", _EXPORT_CSV),
    (0, b"\x80\x04\x95", "a Python pickle, which could run code", "write it as CSV or NDJSON"),
    (0, b"\x80\x03", "a Python pickle, which could run code", "write it as CSV or NDJSON"),
    (0, b"OFXHEADER", "a bank's OFX file", "export CSV instead"),
    (0, b"!Type:", "a QIF file", "export CSV instead"),
    (0, b"-----BEGIN ", "a key or a certificate", "keep it secret; it is not an export of trades"),
)

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")

_OFFICE_MEMBERS: tuple[tuple[str, str, str], ...] = (
    ("xl/vbaProject.bin", "an Excel workbook with macros", "save it as .xlsx (without macros) or CSV"),
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)", _SAVE_XLSX),
    ("word/document.xml", "a Word document", _EXPORT_CSV),
    ("ppt/presentation.xml", "a PowerPoint document", _EXPORT_CSV),
    ("Index/Document.iwa", "an Apple Numbers document", "export it as .xlsx or CSV"),
    ("content.xml", "an OpenDocument spreadsheet or text", "save it as .xlsx or CSV"),
)


def refuse_known(head: bytes) -> None:
    """Raises FileRefused if the first bytes, 64 KB or the whole file, are those of a kind that is not read."""
    if not head:
        raise FileRefused("the file is empty; export it again")
    if head.startswith(_OLE2):
        if _ENCRYPTED_PACKAGE in head:
            raise refused("an Excel workbook with a password", "save it without a password")
        raise refused("an old Excel workbook or another Office document (.xls, .doc)", _SAVE_XLSX)
    for at, signature, what, advice in _REFUSED:
        if head.startswith(signature, at):
            raise refused(what, advice)


def refuse_office(members: frozenset[str]) -> None:
    """Raises FileRefused if an archive with these members is a document that is not read."""
    for member, what, advice in _OFFICE_MEMBERS:
        if member in members:
            raise refused(what, advice)


def refused(what: str, advice: str) -> FileRefused:
    """The error that names a file and says what to do."""
    return FileRefused(f"the file is {what}: {advice}")

"""Small files of every kind that is read, and their mutations."""

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable

import openpyxl  # type: ignore[import-untyped]  # it has none

ROWS = [
    ["id", "ts", "symbol", "price"],
    *([str(number), "2026-01-05 10:00", "BTC", f"{number}.5"] for number in range(9)),
]


def csv_text(delimiter: str = ",") -> str:
    return "".join(f"{delimiter.join(row)}\r\n" for row in ROWS)


def objects() -> list[dict[str, object]]:
    return [dict(zip(ROWS[0], row, strict=True)) | {"fee": {"cost": 1.5}, "tags": ["a", 1]} for row in ROWS[1:]]


def flex() -> str:
    trades = "".join(f'<Trade id="{row[0]}" ts="{row[1]}" symbol="{row[2]}" price="{row[3]}"/>' for row in ROWS[1:])
    return f'<?xml version="1.0"?><Flex><Statement account="U1"><Trades>{trades}</Trades></Statement></Flex>'


def html() -> str:
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in ROWS)
    return f"<!DOCTYPE html><html><head><title>x</title></head><body><table>{rows}</table></body></html>"


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in ROWS:
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return target.getvalue()


def samples() -> dict[str, bytes]:
    """A file of each kind, by its kind."""
    return {
        "csv": csv_text().encode(),
        "semicolons, utf-16": csv_text(";").encode("utf-16"),
        "quoted": b'"id","note"\n"1","a, b\n""c"""\n',
        "json list": json.dumps(objects()).encode(),
        "json envelope": json.dumps({"data": {"list": objects(), "next": None}}, indent=1).encode(),
        "ndjson": "\n".join(map(json.dumps, objects())).encode(),
        "lists": json.dumps({"rows": ROWS}).encode(),
        "xml": flex().encode(),
        "html": html().encode(),
        "xlsx": workbook(),
        "zip": zipped(a=csv_text().encode(), b=json.dumps(objects()).encode()),
        "gzip": gzip.compress(csv_text().encode()),
        "zip in gzip": gzip.compress(zipped(a=csv_text().encode())),
    }


_PIECES = (
    b'"', b"'", b",", b";", b"\t", b"\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xff", b"{", b"}", b"[", b"]",
    b":", b"\\", b"<", b">", b"/>", b"<!--", b"<![CDATA[", b"<!DOCTYPE x>", b"&amp;", b"&x;", b"<td>", b"<tr>",
    b"1e999999", b"-", b"1" * 5_000, b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x1f\x8b", b"sep=", b"#", b"\xc3",
    b"NaN", b"null", b"[" * 2_000, b"\xe2\x80\xa8",
)  # fmt: skip


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _remove(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 200)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randint(1, 300)] * chance.randint(1, 30)


def _insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(_PIECES) * chance.choice((1, 1, 2, 50))


def _zero(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start : start + 4] = bytes(chance.choice((0, 255)) for _ in range(4))


_CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (_flip, _cut, _remove, _repeat, _insert, _zero)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The content with one to four changes."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if data:
            chance.choice(_CHANGES)(data, chance)
    return bytes(data)


def mutated_inside(content: bytes, chance: random.Random) -> bytes:
    """An archive of which one member is changed, so that the change gets past the checksums."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        names = source.namelist()
        changed = chance.choice(names)
        for name in names:
            data = source.read(name)
            archive.writestr(name, mutated(data, chance) if name == changed else data)
    return target.getvalue()

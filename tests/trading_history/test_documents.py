"""docs/history.md names the tables that there are."""

import re
from contextlib import closing
from pathlib import Path

from trading_history import schema

ROOT = Path(__file__).resolve().parents[2]


def test_the_document_has_each_table_and_view(tmp_path: Path) -> None:
    connection, _ = schema.open_to_write(tmp_path)
    with closing(connection):
        rows = connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
        there = {name for (name,) in rows if not name.startswith("sqlite_")}
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/history.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(there)

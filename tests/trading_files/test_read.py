"""Files as tables of text."""

import io

from trading_files.reading.read import read
from trading_files.reading.tables import Row


def test_a_csv_file_is_a_table_of_its_rows() -> None:
    table = next(read(io.BytesIO(b"ts,symbol,fee\n1,BTC, 20\n2,ETH,\n"), "a.csv").tables)
    assert table.columns == ("ts", "symbol", "fee")
    assert list(table.rows) == [
        Row(2, {"ts": "1", "symbol": "BTC", "fee": "20"}),
        Row(3, {"ts": "2", "symbol": "ETH"}),
    ]

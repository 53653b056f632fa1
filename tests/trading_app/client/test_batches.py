from hypothesis import given
from hypothesis import strategies as st

from trading_app.client.batches import Batch, Line, gather


@given(sizes=st.lists(st.integers(1, 50)), maximum=st.integers(1, 6), max_bytes=st.integers(1, 100))
def test_batches_hold_every_line_in_order_within_both_bounds(sizes: list[int], maximum: int, max_bytes: int) -> None:
    lines = [Line(b"x" * size, f"line {number}") for number, size in enumerate(sizes)]
    batches = list(gather(lines, maximum, max_bytes))
    assert [line for batch in batches for line in batch.lines] == lines
    assert all(1 <= len(batch) <= maximum for batch in batches)
    assert all(len(batch.body) <= max_bytes or len(batch) == 1 for batch in batches)


def test_a_batch_is_ndjson_and_knows_its_places() -> None:
    batch = Batch([Line(b"{}", "line 4"), Line(b'{"a":1}', "line 6")])
    assert batch.body == b'{}\n{"a":1}\n'
    assert batch.places == "line 4 to line 6"
    assert Batch(batch.lines[:1]).places == "line 4"

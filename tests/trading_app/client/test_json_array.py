import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_app.client.json_array import ArraySplitter

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=6)
    | st.sampled_from(['"', "\\", '\\"[', "]},{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(values=st.lists(_values, max_size=6), indent=st.sampled_from([-1, 0, 2]), data=st.data())
def test_an_array_is_cut_the_same_wherever_its_chunks_end(
    values: list[object], indent: int, data: st.DataObject
) -> None:
    text = b" \n" + msgspec.json.format(msgspec.json.encode(values), indent=indent) + b"\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    splitter = ArraySplitter()
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = [element for chunk in chunks for element in splitter.feed(chunk)]
    splitter.finish()
    assert [msgspec.json.decode(body) for _, body in found] == values
    for line, body in found:
        assert body[:1] in text.split(b"\n")[line - 1]


@pytest.mark.parametrize("text", [b"[1,,2]", b"[,]", b"[1,]"])
def test_a_missing_element_is_given_as_nothing(text: bytes) -> None:
    assert b"" in [body for _, body in ArraySplitter().feed(text)]


@given(data=st.binary(max_size=60) | st.text('[]{},"\\x ', max_size=40).map(str.encode))
def test_any_bytes_are_an_array_or_a_value_error(data: bytes) -> None:
    splitter = ArraySplitter()
    try:
        list(splitter.feed(data))
        splitter.finish()
    except ValueError:
        return
    assert data.strip()[:1] == b"["
    assert data.strip()[-1:] == b"]"

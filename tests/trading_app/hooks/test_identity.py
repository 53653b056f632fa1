"""Ids that are made of what a message says: the same for all ways to write a number, another one for another text."""

import pytest

from trading_app.hooks.identity import made_id


def id_of(*parts: str) -> str:
    return made_id("x", parts)


@pytest.mark.parametrize(("one", "other"), [("1.50", "1.5"), ("100", "1e2"), ("1E+2", "100.0"), ("-0.10", "-1e-1")])
def test_numbers_count_by_value(one: str, other: str) -> None:
    assert id_of("buy", one) == id_of("buy", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5e1234567890", "5e1234567891"),  # no number: none is that large
        ("1" * 40 + "2", "1" * 40 + "3"),
        ("007", "7"),
        ("1_0", "10"),
        ("", "0"),
        ("9" * 500, "9" * 501),
    ],
)
def test_texts_that_differ_give_different_ids(one: str, other: str) -> None:
    assert id_of("buy", one) != id_of("buy", other)


def test_parts_are_kept_apart() -> None:
    assert id_of("ab", "c") != id_of("a", "bc")

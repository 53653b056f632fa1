"""Ids of rows that a file gives none: one for all ways to write a fill, another for any other, the same for ever."""

import pytest

from trading_app.imports.row_ids import instants, row_content, row_contents, row_digest, row_id, sent_digest, sent_id

FILL = {"symbol": "BTC/USDT", "side": "buy", "price": "10", "qty": "1.5", "ts": "2026-01-05T10:00:00Z"}
FEE = {"fee": "0.10", "fee_currency": "USDT"}


@pytest.mark.parametrize(
    "written",
    [
        {"symbol": "btc/usdt"},
        {"side": "BUY"},
        {"price": "10.00"},
        {"price": "+010"},
        {"qty": "01.50"},
        {"fee": "0"},
        {"fee": "-0.00", "fee_currency": "BNB"},
        {"position_side": ""},
        {"account": "other", "strategy": "grid"},
    ],
)
def test_the_same_fill_has_one_id_however_it_is_written(written: dict[str, str]) -> None:
    assert row_content({**FILL, **written}) == row_content(FILL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"fee": "0.1", "fee_currency": "usdt"}, FEE),
        ({"position_side": "LONG"}, {"position_side": "long"}),
    ],
)
def test_so_do_fees_and_sides_of_a_hedge(one: dict[str, str], other: dict[str, str]) -> None:
    assert row_content({**FILL, **one}) == row_content({**FILL, **other}) != row_content(FILL)


def test_any_other_fill_has_another_id() -> None:
    others = [
        *({"symbol": "ETH/USDT"}, {"side": "sell"}, {"price": "-10"}, {"price": "100"}, {"qty": "1.05"}),
        *({"ts": "2026-01-05T10:00:01Z"}, FEE, {**FEE, "fee": "-0.10"}, {**FEE, "fee_currency": "BNB"}),
        *({"position_side": "long"}, {"position_side": "short"}, {"venue": "kraken"}, {"order_id": "kraken"}),
    ]
    contents = [row_content({**FILL, **other}) for other in ({}, *others)]
    assert len(set(contents)) == len(contents)
    members = sorted(FILL.keys() | {name for other in others for name in other})
    rows = [{**FILL, **other} for other in ({}, *others)]
    assert row_contents({name: [row.get(name) for row in rows] for name in members}) == contents


def test_an_instant_is_written_in_one_way() -> None:
    second = "2026-01-05T10:00:00"
    written = ["Z", ".000Z", ".500Z", ".5Z", ".120000Z", ".123456Z", ".123456700Z"]
    shortest = ["Z", "Z", ".500Z", ".500Z", ".120Z", ".123456Z", ".123456700Z"]
    assert instants([second + end for end in written]) == [second + end for end in shortest]


def test_ids_never_change_or_a_file_would_be_taken_twice_after_an_update() -> None:
    digest = row_digest(row_content({**FILL, **FEE}))
    assert row_id(digest) == "row-2e8a51d867e865d386fe61508d08c6e6"
    assert row_id(digest, 2) == f"{row_id(digest)}-2"
    sent = sent_digest({"Symbol ": "BTC/USDT", "qty": "1.5", "fee": ""})
    assert sent_id(sent, 1) == "file-2be151cd9d4f60bfb3f7f7bc3668d026"
    assert sent_id(sent, 2) == f"{sent_id(sent, 1)}-2"

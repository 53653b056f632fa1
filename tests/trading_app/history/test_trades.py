"""GET /api/trades, and what all calls of the history share: ranges, cursors, forms, ETags."""

import csv
import io
import json
from typing import Any

import httpx
import pytest


def found(api: httpx.Client, **parameters: Any) -> list[int]:
    answer = api.get("/api/trades", params=parameters).raise_for_status().json()
    return [trade["seq"] for trade in answer["trades"]]


def test_the_newest_come_first_with_what_they_say_now_and_their_story(api: httpx.Client) -> None:
    answer = api.get("/api/trades").raise_for_status()
    document = answer.json()
    assert document["as_of"] == 8 == int(answer.headers["history-as-of"])
    assert [trade["seq"] for trade in document["trades"]] == [4, 3, 2, 1]
    third = document["trades"][1]
    assert (third["price"], third["in_force"], [one["kind"] for one in third["corrections"]]) == (
        "90.10", True, ["replace"],
    )  # fmt: skip
    first = document["trades"][-1]
    assert (first["fee"], first["tags"], first["venue"], first["corrections"]) == ("0.5", ["breakout"], None, [])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"from": "2026-01-02T11:00:00.250Z", "to": "2026-02-01T00:00:00Z"}, [3, 2]),
        ({"from": "1767348000", "to": "2026-01-02T11:00:00.250Z"}, [1]),
        # By the boundary in New York, January 3rd ends at 22:00 UTC.
        ({"from": "2026-01-04", "to": "2026-01-05"}, [3]),
        ({"from": "2026-01-03", "to": "2026-01-04", "zone": "UTC"}, [3]),
        ({"side": "sell", "order": "asc"}, [2, 3]),
        ({"tag": "breakout"}, [1]),
        ({"min_price": "95.5", "max_price": "100.00"}, [4, 1]),
        ({"min_qty": "1.5"}, [1]),
        ({"symbol": "eth/usdt"}, []),
        ({"symbol": "eth/usdt", "voided": "true"}, [7]),
        ({"strategy": "=maker", "account": "main"}, [4]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_ranges_and_filters(api: httpx.Client, parameters: dict[str, str], expected: list[int]) -> None:
    assert found(api, **parameters) == expected


def test_the_link_leads_to_the_next_page_until_there_is_none(api: httpx.Client) -> None:
    url, pages = "/api/trades?limit=3&account=main", []
    while url:
        answer = api.get(url).raise_for_status()
        pages.append([trade["seq"] for trade in answer.json()["trades"]])
        url = answer.links.get("next", {}).get("url", "")
    assert pages == [[4, 3, 2], [1]]


def test_every_form_has_the_same_rows(api: httpx.Client) -> None:
    trades = api.get("/api/trades").json()["trades"]
    lines = api.get("/api/trades", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == trades
    table = api.get("/api/trades?format=csv")
    assert table.headers["content-disposition"] == 'attachment; filename="trades.csv"'
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [(row["seq"], row["price"], row["ts"]) for row in rows] == [
        (str(trade["seq"]), trade["price"], trade["ts"]) for trade in trades
    ]
    assert rows[0]["strategy"] == "'=maker"  # no formula of a spreadsheet


def test_parquet_has_decimals_and_exact_texts(api: httpx.Client) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    table = parquet.read_table(io.BytesIO(api.get("/api/trades?format=parquet").content))
    assert table.column("price_text").to_pylist() == ["95.50", "90.10", "110", "100"]


def test_only_a_closed_range_has_an_etag_and_one_that_is_known_is_not_sent(api: httpx.Client) -> None:
    assert "etag" not in api.get("/api/trades?from=2026-01-01").headers
    closed = "/api/trades?from=2026-01-01&to=2026-01-10"
    answer = api.get(closed)
    again = api.get(closed, headers={"If-None-Match": f'"other", {answer.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    other = api.get("/api/trades?from=2026-01-01&to=2026-01-03", headers={"If-None-Match": answer.headers["etag"]})
    assert other.status_code == 200


REFUSED = {
    "from=2026-02-01&to=2026-01-01": "to must be later than from",
    "from=2026-02-01&to=2026-02-01": "to must be later than from",
    "from=1700-01-01&to=2200-01-01": "to must be at most 100 years later than from",
    "from=1500-01-01": "from is not between the years 1678 and 2262",
    "from=yesterday": "from must be RFC 3339",
    "from=2026-13-01": "from is not a date and time",
    "zone=Mars/Olympus": "zone is not a time zone",
    "zone=UTC&day_boundary=17:00%20UTC": "zone goes with no day_boundary",
    "day_boundary=1020": "day_boundary is not a time of day: YAML reads an unquoted 17:00 as 1020",
    "cursor=abc": "cursor is not one that this call gave",
    "cursor=WzEsIngiLDk5OTk5OTk5OTk5OTk5OTk5OTk5OV0": "cursor is not one that this call gave",
    "min_price=2&max_price=1": "max_price must not be less than min_price",
    "min_price=NaN": "query/min_price",
    "limit=0": "query/limit",
    "colour=red": "colour is unknown; known are from, to",
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_makes_no_sense_is_refused_in_words(api: httpx.Client, query: str) -> None:
    answer = api.get(f"/api/trades?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert REFUSED[query] in answer.json()["detail"]

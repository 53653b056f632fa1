"""What every error of the API has to look like."""

from typing import Any

import httpx

from trading_app.problems import TYPES


def problem(response: httpx.Response, code: str) -> dict[str, Any]:
    """The problem document of a response, after a look at everything that all of them share."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document: dict[str, Any] = response.json()
    assert document["code"] == code, document
    assert response.status_code == document["status"] == TYPES[code].status
    assert document["title"] == TYPES[code].title
    assert document["type"] == f"urn:trading-telemetry:problem:{code}"
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["detail"]
    return document

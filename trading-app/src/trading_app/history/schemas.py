"""The OpenAPI responses of the history's calls, made from the structs of their rows. No I/O."""

from collections.abc import Mapping
from typing import Any

import msgspec

from trading_app.history.answers import FIGURES
from trading_app.http.openapi import ACCESS_CODES, TEXT, problem_responses, schema_of, success

HISTORY_CODES = ("history_missing", "history_newer", "history_foreign", "history_unavailable")


def table_responses(
    description: str, name: str, row: type[msgspec.Struct], more: Mapping[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """The responses of a call that answers with a table. `more` has the schemas of further members of the document."""
    members = {
        "as_of": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "Up to which sequence the history has the ledger; null for market data.",
        },
        **(more or {}),
        name: {"type": "array", "items": schema_of(row)},
    }
    document = {"type": "object", "required": list(members), "properties": {**members, **_restating(name)}}
    responses = success(
        description,
        application_json=document,
        application_x_ndjson={**TEXT, "description": "A row on each line."},
        text_csv={**TEXT, "description": "A row on each line; UTF-8 with a byte order mark."},
        **{"application_vnd.apache.parquet": {**TEXT, "format": "binary"}},
    )
    not_modified = {304: {"description": "As the ETag in If-None-Match says"}}
    refused = problem_responses(*ACCESS_CODES, "invalid_parameter", *HISTORY_CODES, "too_many_answers")
    return responses | not_modified | refused


def _restating(name: str) -> dict[str, Any]:
    if name not in FIGURES:
        return {}
    return {
        "restating": {
            "const": True,
            "description": "There while figures do not have all events up to `as_of` yet, after a change of the past.",
        }
    }

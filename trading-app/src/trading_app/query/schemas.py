"""What the calls of this folder take and answer, for the OpenAPI document. No I/O."""

from trading_app.http.openapi import TEXT, success

PAGE = {
    "type": "object",
    "required": ["trades", "next_after"],
    "properties": {
        "trades": {
            "type": "array",
            "items": {
                "anyOf": [
                    {"$ref": "#/components/schemas/StoredTrade"},
                    {"$ref": "#/components/schemas/TradeInForce"},
                ]
            },
        },
        "next_after": {
            "type": ["integer", "null"],
            "description": "`after` of the next page; null on the last page.",
        },
    },
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "integer", "minimum": 0, "exclusiveMaximum": 10**18},
    "description": "Return the trades after this one. A browser's EventSource sends it automatically.",
}
TRADES = success(
    "Trades, by `seq`",
    application_json={"$ref": "#/components/schemas/Page"},
    application_x_ndjson={**TEXT, "description": "A StoredTrade on each line."},
    text_csv={**TEXT, "description": "A StoredTrade in each row; UTF-8 with a byte order mark."},
    **{"application_vnd.apache.parquet": {**TEXT, "format": "binary"}},
)
EVENTS = success(
    "Events without end", text_event_stream={**TEXT, "description": "`id` is the sequence, `data` a StoredTrade."}
)

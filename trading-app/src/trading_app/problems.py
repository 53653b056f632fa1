"""The web app's own error codes, added to those that every program here may answer (`service_kit.problems`)."""

from typing import ClassVar

from service_kit.problems import COMMON_TYPES, Problem, ProblemType
from telemetry_stream.errors import DamagedHistory, StoreBusy

OWN_TYPES = {
    "not_json": ProblemType(400, "The body is not JSON"),
    "trade_id_conflict": ProblemType(409, "trade_id already used by a different trade"),
    "idempotency_key_conflict": ProblemType(409, "Idempotency-Key already used by a different request"),
    "event_conflict": ProblemType(409, "Contradicts an event of the ledger"),
    "history_forked": ProblemType(409, "The journal is not the one you have followed"),
    "unsupported_media_type": ProblemType(415, "Unsupported Content-Type"),
    "invalid_trade": ProblemType(422, "Invalid trade"),
    "invalid_event": ProblemType(422, "Invalid event"),
    "invalid_batch": ProblemType(422, "Invalid batch; none of it was accepted"),
    "invalid_parameter": ProblemType(422, "Invalid parameter"),
    "analytics_unavailable": ProblemType(503, "trading-analytics does not answer"),
    "history_missing": ProblemType(503, "The history has not been built yet"),
    "history_newer": ProblemType(503, "A later version made the history"),
    "history_foreign": ProblemType(503, "The history is of another ledger"),
    "history_unavailable": ProblemType(503, "The history can't be read"),
    "too_many_imports": ProblemType(503, "Too many files are being read"),
    "too_many_streams": ProblemType(429, "Too many open streams"),
    "damaged_history": ProblemType(500, "Part of the journal can't be read"),
    "overloaded": ProblemType(503, "Overloaded"),
    "keys_unavailable": ProblemType(503, "ID tokens can't be checked at the moment"),
    "not_kept": ProblemType(503, "The message can neither be read nor kept"),
    "not_ready": ProblemType(503, "Not ready to accept trades"),
    "store_busy": ProblemType(503, "Another program holds the journal"),
    "stream_failed": ProblemType(503, "The journal could not be written"),
}

TYPES = COMMON_TYPES | OWN_TYPES
"""Every error of the web app, by code. Codes are part of the API and never change."""


class TradeProblem(Problem):
    """A refused request, with a code of the common types or of the web app's own."""

    types: ClassVar = TYPES


def store_busy(busy: StoreBusy) -> TradeProblem:
    """The problem `store_busy`: another program held the journal's lock for too long."""
    return TradeProblem(
        "store_busy", f"{busy}; nothing of this request was accepted, send it again in a second", retry_after=1
    )


def damaged_history(damage: DamagedHistory) -> TradeProblem:
    """The problem `damaged_history`: the request needs stored trades that can't be read."""
    detail = f"{damage}; trades before and after them can be read (after={damage.last}): run `trading-app doctor`"
    return TradeProblem("damaged_history", detail)

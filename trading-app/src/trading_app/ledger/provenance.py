"""When an event came, by whom and by which way, as the answers about single events and imports say it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from trading_app.ledger.view import LedgerView
from trading_model.field_rules import format_timestamp

At = Annotated[str, Meta(description="When it was committed.", extra_json_schema={"format": "date-time"})]
Who = Annotated[str | None, Meta(description="The name of the caller's credential, if there was one.")]
Way = Annotated[str | None, Meta(description="`api`, `batch`, `form`, `page`, `import`, `webhook` or `file`.")]


class Provenance(msgspec.Struct):
    """When, by whom and by which way an event came; null where that is not known."""

    at: At
    who: Who
    way: Way


def provenance(view: LedgerView, sequence: int) -> Provenance:
    """The provenance of the event with this sequence."""
    found = view.provenance(sequence)
    return Provenance(format_timestamp(found.committed_at_ns), found.origin.caller or None, found.origin.way or None)

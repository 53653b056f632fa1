"""What schemathesis can't know of the web app: the rules that JSON Schema has no words for, and what NDJSON is."""

import json
import re

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.hooks import HookContext
from schemathesis.openapi.checks import RejectedPositiveData

UNSAYABLE = re.compile(
    r"is out of range: at most 38 digits on either side of the point|has \d+ digits; the maximum is 38"
    r"|is before March 1973|is more than a day ahead of this machine's clock \(.*\)|is not a date and time: .*"
    r'|must be printable, without " and \\ and without spaces at its ends'
    r"|has the same tag twice|hash belongs to the sequence in `after`, which is missing"
    # What the ledger says of an event, and what its members say of each other.
    r"|\d+ is not in the ledger, whose last event is \d+|\d+ is (of the kind|voided by|corrected twice|the last of) .*"
    r"|\d+ says all of this already; .*|\d+ was replaced \d+ times, .*|would go round in a circle: .*"
    r"|must be more than 0: .* is inverse, .*|must be 0 or more: no instrument says `negative_prices` of .*"
    r"|is the same as d, which changes nothing|belongs to one account; .*|is the same currency as base"
    r"|is the same position as from|must not have control characters .*|must have 1 to 2000 characters|must not be 0"
    r"|is missing, and so (is|are) .*|is needed where nothing is said in `from`: .*|differs from that of `from`, .*"
    r"|or pattern is needed, and only one of the two|is given, but nothing is said about it|has .* itself"
    r"|belong to one symbol, not to a pattern|can't be with an inverse contract, .*|has a value twice"
    r"|would match every symbol; .*|\d+ is no import but of the kind .*|import_id names no import: .*"
    # What parameters of GET /trades say of each other, and what is installed.
    r"|goes with no filter: .*|is for (NDJSON|CSV) only.*|is not a time zone, .*|can't be parquet: .*"
    # The same of the history's.
    r"|must be later than from|must be at most \d+ years later than from|is not between the years .*"
    r"|is not a time of day.*|has \d+ words.*|begins with .*, which is not a time of day.*|goes with no day_boundary.*"
    r"|is not one that this call gave.*|must not be less than min_.*|has a group twice|must be closed for a range.*"
    r"|and to must not hold more than .*|goes with rates=dated or .*|must name a currency: BASE_CURRENCY is not set"
    r"|must be average .*|must not be later than \d+, to which the history has come|asks about more than .*"
)

trades = st.fixed_dictionaries(
    {
        "symbol": st.text("ABCxyz019._:/-=^&日é", min_size=1, max_size=128),
        "price": st.integers(1, 10**38 - 1) | st.decimals(min_value=1, max_value=10**9, places=9).map(str),
        "qty": st.integers(1, 10**38 - 1).map(str),
        "side": st.sampled_from(["buy", "SELL"]),
    }
)
lines = st.lists(trades, min_size=1, max_size=5).map(lambda batch: "\n".join(map(json.dumps, batch)).encode())
schemathesis.openapi.media_type("application/x-ndjson", lines)


@schemathesis.hook
def filter_failure(_context: HookContext, failure: Failure, _case: object, response: Response) -> bool:
    """A valid request that was refused is a failure, but where each reason is one that a schema can't tell."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    problem = response.json()
    errors = problem.get("errors") or [problem]
    return not all(UNSAYABLE.fullmatch(error["detail"]) for error in errors)

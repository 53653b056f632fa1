"""The totals in the base currency, for `GET /state` and for Prometheus. No I/O."""

from collections.abc import Iterator

import msgspec

from metrics_sidecar import metrics
from service_kit.metrics.text import Family, labels_of
from trading_model.accounting.base_currency import PARTS, BaseTotal, Totals
from trading_model.accounting.figures import FINER
from trading_model.decimals import SHOWN, exactly, show

VIEWS = ("dated", "at_current_rates")
"""The names of the two totals: members of `Totals`."""


@exactly
def base_document(totals: Totals) -> dict[str, object]:
    """The member `base_currency` of `GET /state`."""
    return {"currency": totals.currency, **{view: _document(getattr(totals, view)) for view in VIEWS}}


@exactly
def base_families(totals: Totals) -> list[Family]:
    """The gauges of both totals, and of what is in neither or in one of them only."""
    amounts = [
        (labels_of(currency=totals.currency, view=view, part=part), value)
        for view in VIEWS
        for part, value in _texts(getattr(totals, view))
    ]
    missing = [
        (labels_of(view=view, part=one.part, currency=one.currency), show(one.amount))
        for view in VIEWS
        for one in getattr(totals, view).missing
        if one.amount is not None
    ]
    return [Family(metrics.BASE_CURRENCY_PNL, amounts), Family(metrics.BASE_CURRENCY_MISSING, missing)]


def _document(total: BaseTotal) -> dict[str, object]:
    missing = [
        {"part": one.part, "currency": one.currency or None, "amount": None if one.amount is None else show(one.amount)}
        for one in total.missing
    ]
    return {**dict(_texts(total)), "rounded": total.rounded, "missing": missing}


def _texts(total: BaseTotal) -> Iterator[tuple[str, str]]:
    """Each part and the net; to 34 decimals where a division that does not end is in them."""
    amounts = total.amounts
    if total.rounded:
        parts = {name: SHOWN.quantize(getattr(amounts, name), FINER) for name in PARTS}
        amounts = msgspec.structs.replace(amounts, **parts)
    for name in PARTS:
        yield name, show(getattr(amounts, name))
    yield "net_pnl", show(amounts.net_pnl)

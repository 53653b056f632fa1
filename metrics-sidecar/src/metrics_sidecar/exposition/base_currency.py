"""The totals in the base currency, for `GET /state` and for Prometheus. No I/O."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from metrics_sidecar import metrics
from service_kit.metrics.text import Family, labels_of
from trading_model.accounting.base_currency import PARTS, BaseTotal, Totals
from trading_model.accounting.figures import FINER
from trading_model.decimals import SHOWN, exactly, show

NOT_ONE_NUMBER = "NaN"

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
        (labels_of(view=view, part=part, currency=currency), NOT_ONE_NUMBER if amount is None else amount)
        for view in VIEWS
        for part, currency, amount in _missing(getattr(totals, view))
    ]
    return [Family(metrics.BASE_CURRENCY_PNL, amounts), Family(metrics.BASE_CURRENCY_MISSING, missing)]


def _document(total: BaseTotal) -> dict[str, object]:
    missing = [
        {"part": part, "currency": currency or None, "amount": amount} for part, currency, amount in _missing(total)
    ]
    return {**dict(_texts(total)), "rounded": total.rounded, "missing": missing}


def _texts(total: BaseTotal) -> Iterator[tuple[str, str]]:
    """Each part and the net."""
    amounts = msgspec.structs.replace(
        total.amounts, **{name: _shown(total, getattr(total.amounts, name)) for name in PARTS}
    )
    for name in PARTS:
        yield name, show(getattr(amounts, name))
    yield "net_pnl", show(amounts.net_pnl)


def _missing(total: BaseTotal) -> Iterator[tuple[str, str, str | None]]:
    """Part, currency and amount of what is not in a total."""
    for one in total.missing:
        yield one.part, one.currency, None if one.amount is None else show(_shown(total, one.amount))


def _shown(total: BaseTotal, amount: Decimal) -> Decimal:
    """An amount of a total: to 34 decimals where a division that does not end is in it."""
    return SHOWN.quantize(amount, FINER) if total.rounded else amount

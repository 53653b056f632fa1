"""Rows as fills: the rules of a fill that concern several of its members."""

from collections.abc import Callable, Sequence
from itertools import compress
from typing import cast

from trading_files.mapping.around import Cells, RowError
from trading_files.mapping.parts import Columns, Parts
from trading_files.reading.tables import Block, Row
from trading_files.readings import FillRow, FillRows, Reading


class Fills:
    """Makes fills of rows, one by one or together.

    `required` are the members that each must have; `currency_for` gives the user's answer for a symbol that names no
    currency.
    """

    def __init__(self, parts: Parts, required: Sequence[str], currency_for: Callable[[str], str] | None) -> None:
        self._parts = parts
        self._required = required
        self._currency_for = currency_for

    def __call__(self, place: int, cells: Cells) -> list[Reading]:
        """The fill of one row. Raises RowError, Asked."""
        members, labels = self._parts.members(cells), self._parts.labels
        for name in self._required:
            if name not in members:
                raise RowError(labels.get(name, name), "is empty")
        qty = members["qty"]
        if qty[0] == "-":
            if members["side"] != "sell":
                raise RowError(labels["qty"], f"is {qty}, and the side is {members['side']}")
            members["qty"] = qty = qty[1:]
        if _is_zero(qty):
            raise RowError(labels["qty"], "must be more than 0")
        if "fee" not in members:
            members.pop("fee_currency", None)
        if self._currency_for is not None and "currency" not in members:
            currency = self._currency_for(members["symbol"])
            if currency:
                members["currency"] = currency
        return [FillRow(place, members)]

    def read_together(self, rows: Sequence[Row] | Block) -> FillRows:
        """The fills of many rows. Raises RowError, Asked, ValueError, without saying where."""
        columns = self._parts.columns(rows)
        for name in self._required:
            _complete(columns, name)
        quantities = _unsigned(_complete(columns, "qty"), _complete(columns, "side"))
        if any(map(_is_zero, quantities)):
            raise ValueError("a quantity is 0")
        columns["qty"] = [*quantities]
        if "fee_currency" in columns:
            fees = columns.get("fee") or [None] * len(rows)
            columns["fee_currency"] = [
                None if fee is None else currency for fee, currency in zip(fees, columns["fee_currency"], strict=True)
            ]
        if self._currency_for is not None:
            # Behind the other members, as in one row, but where the row names it: those rows are read one by one.
            if any(columns.pop("currency", ())):
                raise ValueError("some rows name the currency")
            columns["currency"] = [self._currency_for(symbol) or None for symbol in _complete(columns, "symbol")]
        places = rows.places if isinstance(rows, Block) else [row.place for row in rows]
        return FillRows([*places], columns)


def _is_zero(number: str) -> bool:
    return number[0] in "0." and not number.strip("0.")


def _complete(columns: Columns, name: str) -> list[str]:
    """A member that each row has. Raises ValueError: one does not have it."""
    texts = columns.get(name, [None])
    if None in texts:
        raise ValueError(f"some rows have no {name}")
    return cast("list[str]", texts)


def _unsigned(quantities: list[str], sides: list[str]) -> list[str]:
    """The quantities without the minus of sales. Raises ValueError for one of a purchase."""
    negative = [qty[0] == "-" for qty in quantities]
    if not any(negative):
        return quantities
    if set(compress(sides, negative)) != {"sell"}:
        raise ValueError("a purchase has a negative quantity")
    return [qty.removeprefix("-") for qty in quantities]

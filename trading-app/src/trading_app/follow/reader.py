"""ccxt's unified trades and funding in the ledger's terms, by the mapping that reads files of them. No I/O.

So the same trade has the same identity from here and from a file.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from trading_app.follow.source import Unified
from trading_app.imports.row_ids import row_content, row_digest, row_id
from trading_files.interpret import Interpreter
from trading_files.presets.shelf import preset
from trading_files.reading.flat import flatten
from trading_files.readings import Choices, EventRow, FillRow, Reading

MAPPING = "ccxt-trades"


class UnifiedReader:
    """Reads what one account at one exchange did. `contract_size` gives how many units a contract of a symbol is."""

    def __init__(self, exchange: str, choices: Choices, contract_size: Callable[[str], str]) -> None:
        self._exchange = exchange
        self._choices = choices
        self._contract_size = contract_size
        self._mapping = preset(MAPPING)
        self._interpreter = Interpreter(self._mapping, choices)

    def trade(self, trade: Unified) -> list[Reading]:
        """What a unified trade says."""
        self._learn(str(trade.get("symbol") or ""))
        return self._interpreter.read_message(flatten(trade))

    def identified(self, page: Sequence[Unified]) -> list[Unified]:
        """The trades of a page, with the id that the import of a file would make where the exchange gives a trade none.

        Equal trades are numbered. They have the same time, so a page has all of them.
        """
        counts: Counter[bytes] = Counter()
        return [item if item.get("id") else self._identified(item, counts) for item in page]

    def _identified(self, item: Unified, counts: Counter[bytes]) -> Unified:
        fills = [reading for reading in self.trade(item) if isinstance(reading, FillRow)]
        if not fills:
            return item
        digest = row_digest(row_content(fills[0].members))
        counts[digest] += 1
        return {**item, "id": row_id(digest, counts[digest])}

    def funding(self, payment: Unified) -> list[Reading]:
        """What a unified funding payment says; its amount is received if more than 0."""
        cells = flatten(payment)
        owner = self._choices.account or "default"
        members = {
            "currency": cells.get("code", ""),
            "amount": cells.get("amount", ""),
            "reason": "funding",
            "ts": cells.get("datetime", ""),
            "symbol": cells.get("symbol", ""),
            "id": f"{self._exchange}-{owner}-{cells.get('id') or cells.get('timestamp')}-{cells.get('symbol')}"[:128],
            "account": self._choices.account,
            "strategy": self._choices.strategy,
            "venue": self._choices.venue,
        }
        return [EventRow(1, "cash", {name: text for name, text in members.items() if text})]

    def _learn(self, symbol: str) -> None:
        if symbol in self._choices.contract_sizes:
            return
        size = self._contract_size(symbol)
        if size:
            sizes = {**self._choices.contract_sizes, symbol: size}
            self._choices = replace(self._choices, contract_sizes=sizes)
            self._interpreter = Interpreter(self._mapping, self._choices)


def key_of(item: Unified) -> Hashable:
    """What distinguishes an item from others of the same account."""
    identifier = item.get("id")
    if identifier:
        return item.get("symbol"), item.get("side"), identifier
    return tuple(sorted(flatten(item).items()))

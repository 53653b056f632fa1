"""Lines, positions and markets of one stream: which position the fills of a key belong to. No I/O."""

from collections.abc import Callable
from decimal import Decimal

from trading_model.accounting.adjustments import Adjustments, book_key
from trading_model.accounting.book import BookKey, Last
from trading_model.accounting.cash import Cash
from trading_model.accounting.dated_positions import DatedPosition, Dater
from trading_model.accounting.fills import Fill, LineKey
from trading_model.accounting.markets import Markets
from trading_model.accounting.marks import Market
from trading_model.accounting.positions import Line, Position
from trading_model.accounting.quota import Quota
from trading_model.accounting.snapshots import LineSnapshot, Named
from trading_model.accounting.totals import Overflow, Totals
from trading_model.decimals import MIN, TOO_MUCH, ZERO, amount_fits
from trading_model.instruments import Instruments, Terms
from trading_model.rates import Rates


class Holdings:
    """The holdings of at most `limit` keys. Trades of further keys are counted in `other`, which has no position."""

    def __init__(self, limit: int, rates: Rates, dater: Dater | None) -> None:
        """With a `dater`, positions in other currencies are followed in the base currency too."""
        self._rates = rates
        self._dater = dater
        self.instruments = Instruments()
        self.adjustments = Adjustments(self.instruments)
        self.markets = Markets(self.instruments, self.adjustments)
        self.cash = Cash(self.instruments)
        self.quota = Quota(limit)
        self.other = Overflow()
        self.totals: dict[tuple[str, str, str], Totals] = {}
        self.shelves: dict[tuple[str, str], dict[object, Line]] = {}
        """The lines of each account and strategy."""

        self.positions: dict[BookKey, Position] = {}
        self.shown: list[Position] = []
        """The positions whose figures are shown, in the order of their first fill."""

        self.outdated: dict[BookKey, Position] = {}
        """The positions shown that others will replace."""

        self.on_open: Callable[[Position], object] = lambda _position: None
        """Is called with each new position, to fold the steps that are in memory, or to let it wait."""

        self.freezing = False
        self.generation = 0
        self._frozen_lines: list[LineSnapshot] | None = None
        self._frozen_named: dict[LineKey, Named] = {}
        self._named_since: dict[Line, None] = {}
        """Lines whose `named` changed since it was frozen last."""

    @property
    def lines(self) -> list[Line]:
        """All lines."""
        return [line for shelf in self.shelves.values() for line in shelf.values()]

    def line(self, key: LineKey) -> Line | None:
        """The line of a key, which it opens if there is none; None beyond the limit."""
        shelf = self.shelves.get((key.account, key.strategy))
        line = None if shelf is None else shelf.get(_shelf_name(key))
        if line is not None:
            return line
        owner = key[:3]
        if not self.quota.admits(*owner):
            return None
        totals = self.totals.get(owner)
        if totals is None:
            totals = self.totals[owner] = Totals(*owner)
        terms = self.instruments.terms(key.symbol, key.currency)
        return self.add_line(key, totals, terms, self._position(book_key(key, terms), terms))

    def add_line(self, key: LineKey, totals: Totals, terms: Terms, position: Position) -> Line:
        """A new line of a position."""
        self._frozen_lines = None
        line = Line(key, totals, terms, position)
        if position.replaces:
            line.shown = position.replaces[0]
        self.quota.take(*key[:3])
        position.lines.append(line)
        self.shelves.setdefault((key.account, key.strategy), {})[_shelf_name(key)] = line
        return line

    def _position(self, key: BookKey, terms: Terms) -> Position:
        """The position of a key, which it opens if there is none."""
        position = self.positions.get(key)
        if position is None:
            position = self.new_position(key, terms)
            self.on_open(position)
            if not position.replaces:
                self.shown.append(position)
                self._frozen_lines = None
        return position

    def new_position(self, key: BookKey, terms: Terms) -> Position:
        """A position without steps, in the place of one with the same key."""
        market = self.markets.of(key, terms)
        position = self._make_position(key, terms, market)
        position.cash = self.cash.income_of(key)
        position.set_splits(self.adjustments.own_splits_of(key))
        position.names_currency = self.instruments.terms(key.symbol).currency != key.currency
        self.positions[key] = position
        return position

    def _make_position(self, key: BookKey, terms: Terms, market: Market) -> Position:
        if self._dater is not None and self._dater.dates(key.currency):
            return DatedPosition(key, terms, self._rates.at, market, self._dater)
        return Position(key, terms, self._rates.at, market)

    def show(self, new: list[Position], old: list[Position]) -> None:
        """Show new positions in the place of the first of the old ones."""
        place = min((self.shown.index(position) for position in old if position in self.shown), default=None)
        place = len(self.shown) if place is None else place
        self._frozen_lines = None
        self.shown = [position for position in self.shown if position not in old]
        self.shown[place:place] = [position for position in new if position not in self.shown]
        self.outdated = {key: position for key, position in self.outdated.items() if position not in old}
        for position in new:
            position.replaces = []
            for line in position.lines:
                line.shown = position

    def line_snapshots(self, positions: list[Position]) -> list[LineSnapshot]:
        """The lines; made again only after one was opened or changed: each scrape asks for them."""
        if self._frozen_lines is None:
            indexes = {position: index for index, position in enumerate(positions)}
            self._frozen_lines = [LineSnapshot(line.key, indexes[line.shown]) for line in self.lines]
        return self._frozen_lines

    def freeze_position(self, position: Position) -> None:
        """Copy a position before it changes, while a snapshot is made in slices."""
        if self.freezing:
            position.freeze(self.generation)

    def terms_of(self, line: Line) -> Terms:
        """What the instruments of now say of a line."""
        return self.instruments.terms(line.key.symbol, line.key.currency, line.multiplier)

    def takes(self, fill: Fill) -> bool:
        """Whether a fill of an uncommon price is valid: 0, or negative where the instrument says so."""
        price = fill.price
        if not MIN <= fill.qty < TOO_MUCH or not amount_fits(price):
            return False
        terms = self.instruments.find(fill.symbol, fill.currency or "", fill.multiplier)
        return price == ZERO or terms.negative_prices

    def is_valid(self, fill: Fill) -> bool:
        """Whether a fill of the window was applied, not rejected."""
        if fill.fee is not None and not amount_fits(fill.fee):
            return False
        return (MIN <= fill.price < TOO_MUCH and MIN <= fill.qty < TOO_MUCH) or self.takes(fill)

    def name_multiplier(self, line: Line, named: Decimal, fills: int = 1) -> bool:
        """Add `fills`, which may be negative, to the fills in force of a line that name this multiplier.

        Returns whether the line's terms may have changed.
        """
        if fills == 1 and named == line.multiplier:
            if not line.more:
                self._named_since[line] = None
            line.more += 1
            return False
        _gather(line)
        known = line.named
        self._named_since[line] = None
        known[named] = known.get(named, 0) + fills
        if known[named] <= 0:
            del known[named]
        line.position.touch()
        before, line.multiplier = line.multiplier, max(known, default=None)
        return line.multiplier != before

    def restore_named(self, line: Line, named: dict[Decimal, int]) -> None:
        """The multipliers that a line's fills name, from a snapshot."""
        if named:
            line.named, line.multiplier = named, max(named)
            self._named_since[line] = None

    def named_multipliers(self) -> list[Named]:
        """The multipliers of all lines whose fills name one."""
        for line in self._named_since:
            _gather(line)
            self._frozen_named[line.key] = line.key, tuple(line.named.items())
        self._named_since.clear()
        return list(self._frozen_named.values())

    def count_other(self, fill: Fill) -> None:
        """Count a fill beyond the limit. It marks the positions of its symbol all the same."""
        self.other.count(fill)
        self.markets.offer(self.instruments.canonical(fill.symbol), Last.of(fill))


def _gather(line: Line) -> None:
    """Count the fills that were counted apart with the others."""
    if line.more and line.multiplier is not None:
        line.named[line.multiplier] += line.more
        line.more = 0


def _shelf_name(key: LineKey) -> object:
    return key[2:] if key.position_side or key.currency else key.symbol

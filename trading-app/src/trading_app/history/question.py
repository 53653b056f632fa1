"""What a call about figures asks: whose, from when to when, by which days, in which form."""

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from fastapi import Depends, Query, Request

from service_kit.clock import Clock
from trading_app.history.answers import Form
from trading_app.history.parameters import AsOf, Boundary, FormatName, From, Label, SymbolLabel, To, Zone
from trading_app.history.ranges import Range, read_boundary, read_range
from trading_app.history.store import Earlier
from trading_app.query.question import checked, refused
from trading_history.queries.conversion import Conversion, View
from trading_history.queries.extent import canonical_symbols, extent
from trading_history.queries.keys import Wanted
from trading_history.queries.scope import Scope
from trading_history.reader import Snapshot
from trading_model.days import DayBoundary
from trading_model.field_rules import check_currency, check_name, check_symbol
from trading_model.symbols import plain_currency

HOUR_NS = 3_600 * 10**9

Currency = Annotated[str | None, Query(pattern="^[A-Za-z0-9]{1,16}$", description="Only amounts of this currency.")]
PositionSide = Annotated[Literal["long", "short"] | None, Query(description="Only positions of this side of a hedge.")]


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose figures, in which form. `symbol` is as sent."""

    form: Form
    account: str | None
    strategy: str | None
    symbol: str | None
    position_side: str | None
    currency: str | None
    as_of: int | None

    @property
    def earlier(self) -> Earlier | None:
        """Which past is asked about; None for what is known now."""
        wanted = Wanted(self.account, self.strategy, self.symbol)
        return None if self.as_of is None else Earlier(self.as_of, wanted)

    def scope(self, snapshot: Snapshot, tag: str | None = None) -> Scope:
        """The positions that are asked about, with aliases resolved."""
        return Scope(
            _one(self.account),
            _one(self.strategy),
            () if self.symbol is None else canonical_symbols(snapshot, self.symbol),
            _one(self.position_side),
            _one(self.currency),
            _one(tag),
        )


@dataclass(frozen=True, slots=True)
class When:
    """From when to when, by which days, and the time of the question in Unix nanoseconds."""

    range: Range
    boundary: DayBoundary
    now_ns: int

    @property
    def closed(self) -> bool:
        """Whether the range ends in the past."""
        return self.range.is_closed(self.now_ns)


@dataclass(frozen=True, slots=True)
class Question(When):
    """Whose figures, from when to when."""

    whose: Whose

    @property
    def form(self) -> Form:
        """How the answer is wanted."""
        return self.whose.form

    @property
    def earlier(self) -> Earlier | None:
        """Which past is asked about; None for what is known now."""
        return self.whose.earlier

    def scope(self, snapshot: Snapshot, tag: str | None = None) -> Scope:
        """The positions that are asked about."""
        return self.whose.scope(snapshot, tag)

    def times(self, snapshot: Snapshot) -> tuple[int, int]:
        """Start and end of the range. Where they are not given: the first step of any position, and now."""
        known = extent(snapshot)
        first, last = (self.now_ns, self.now_ns) if known is None else known
        end = max(self.now_ns, last + 1) if self.range.to_ns is None else self.range.to_ns
        return min(first, end) if self.range.from_ns is None else self.range.from_ns, end

    def times_with_figures(self, snapshot: Snapshot) -> tuple[int, int]:
        """Start and end of the range, without the time before the first step, so that a calendar is no longer than its
        figures. What is not given is a whole hour: bars of an hour then have no part outside.
        """
        start, end = self.times(snapshot)
        if self.range.to_ns is None:
            end = -(-end // HOUR_NS) * HOUR_NS
        known = extent(snapshot)
        return (start, end) if known is None else (min(max(start, known.first_ns // HOUR_NS * HOUR_NS), end), end)


class Defaults(NamedTuple):
    """What requests leave to the settings, and the clock. The API's state has it as `history`."""

    boundary: DayBoundary
    base_currency: str
    clock: Clock


def defaults_of(request: Request) -> Defaults:
    """The defaults of the API that a request came to."""
    defaults: Defaults = request.app.state.history
    return defaults


async def read_whose(
    request: Request,
    account: Label = None,
    strategy: Label = None,
    symbol: SymbolLabel = None,
    position_side: PositionSide = None,
    currency: Currency = None,
    as_of: AsOf = None,
    given_format: FormatName = None,
) -> Whose:
    """A dependency of FastAPI. Raises TradeProblem."""
    return Whose(
        Form.of(request, given_format),
        checked("account", account, check_name),
        checked("strategy", strategy, check_name),
        checked("symbol", symbol, check_symbol),
        position_side,
        _currency("currency", currency),
        as_of,
    )


WhoseAsked = Annotated[Whose, Depends(read_whose)]


async def read_when(
    request: Request, given_from: From = None, given_to: To = None, zone: Zone = None, day_boundary: Boundary = None
) -> When:
    """A dependency of FastAPI. Raises TradeProblem."""
    defaults = defaults_of(request)
    boundary = read_boundary(zone, day_boundary, defaults.boundary)
    return When(read_range(given_from, given_to, boundary), boundary, defaults.clock.unix_ns())


WhenAsked = Annotated[When, Depends(read_when)]


async def read_question(whose: WhoseAsked, when: WhenAsked) -> Question:
    """A dependency of FastAPI."""
    return Question(when.range, when.boundary, when.now_ns, whose)


QuestionAsked = Annotated[Question, Depends(read_question)]

RatesName = Annotated[
    View | None,
    Query(
        alias="rates",
        description="Figures of all currencies in one: amounts at the rates of their own time (`dated`), or all at the"
        " rates of now. What has no rate is in no sum, and is listed as `missing`.",
    ),
]
Into = Annotated[
    str | None, Query(pattern="^[A-Za-z0-9]{1,16}$", description="The currency for `rates`; default: `BASE_CURRENCY`.")
]


@dataclass(frozen=True, slots=True)
class Converting:
    """Into which currency figures are converted, and by which rates."""

    into: str
    view: View

    def conversion(self, snapshot: Snapshot, question: Question) -> Conversion:
        """With the rates that the history has."""
        return Conversion.of(snapshot, self.into, self.view, question.now_ns)


async def read_conversion(request: Request, rates: RatesName = None, into: Into = None) -> Converting | None:
    """Whether figures are to be converted, and how: a dependency of FastAPI. Raises TradeProblem."""
    given = _currency("into", into)
    if rates is None:
        if given is not None:
            raise refused("into", "goes with rates=dated or rates=at_current_rates")
        return None
    currency = given or defaults_of(request).base_currency
    if not currency:
        raise refused("into", "must name a currency: BASE_CURRENCY is not set")
    return Converting(currency, rates)


ConversionAsked = Annotated[Converting | None, Depends(read_conversion)]


def _currency(name: str, given: str | None) -> str | None:
    """The code by which a currency is known here. Raises TradeProblem."""
    code = checked(name, given, check_currency)
    return None if code is None else plain_currency(code)


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)

"""GET /api/performance: how well positions did, in all or by group. What is undefined is null, with a reason."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from trading_app.history import conversion
from trading_app.history.accounts import Accounts
from trading_app.history.answers import Table
from trading_app.history.parameters import REVISION, Tag, read_tag
from trading_app.history.question import ConversionAsked, QuestionAsked
from trading_app.history.rows import shown
from trading_app.history.schemas import table_responses
from trading_app.history.slippage import in_bps, not_converted, of_groups
from trading_app.history.store import HistoryStore
from trading_app.history.tables import Amount
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.query.question import refused
from trading_history.queries.grouping import Member
from trading_history.queries.performance import Performance, performance
from trading_history.queries.positions import revision
from trading_history.queries.slippage import GroupSlippage
from trading_history.queries.value import Value
from trading_history.reader import Snapshot

MEMBERS: tuple[Member, ...] = get_args(Member)


class PerformanceRow(msgspec.Struct, frozen=True):
    """A group in one currency. A figure that is undefined is null, and `reasons` has why.

    `net` = `gross` − `fees` + `cash` of the closed round trips; open ones stand beside them. `win_rate` = wins / (wins
    + losses); `profit_factor` = wins / |losses| in money; `expectancy` is the mean net of a round trip; `fees_share` =
    fees / |gross|. `fees_outside` are fees in currencies that no rate values, in these: no other figure has them.
    `exposure` is what the positions that are open now are worth at their marks, `net_exposure` that of longs less that
    of shorts. `max_drawdown` is of the net P&L, marked to market. From `days` on: of daily returns, which need capital.

    Slippage is of all trades in the range that could be measured, `slippage_trades` of them: what they cost against the
    average price of the market around each; more than 0 is a cost.
    """

    group: dict[str, str]
    currency: str
    trips: int
    wins: int
    losses: int
    break_even: int
    open_trips: int
    open_net: Amount
    gross: Amount
    fees: Amount
    cash: Amount
    net: Amount
    turnover: Amount
    fees_outside: dict[str, str]
    fills: int
    win_rate: Amount | None
    profit_factor: Amount | None
    expectancy: Amount | None
    average_win: Amount | None
    average_loss: Amount | None
    largest_win: Amount | None
    largest_loss: Amount | None
    fees_share: Amount | None
    average_holding_seconds: Amount | None
    longest_holding_seconds: Amount | None
    winning_streak: int
    losing_streak: int
    current_streak: int
    time_in_market: Amount | None
    average_mae: Amount | None
    average_mfe: Amount | None
    exposure: Amount | None
    net_exposure: Amount | None
    max_drawdown: Amount | None
    drawdown_is_exact: bool
    slippage_bps: Amount | None
    slippage_cost: Amount | None
    slippage_trades: int
    days: int
    total_return: Amount | None
    cagr: Amount | None
    volatility: Amount | None
    sharpe: Amount | None
    sortino: Amount | None
    return_drawdown: Amount | None
    calmar: Amount | None
    flags: list[str]
    reasons: dict[str, str]


Groups = Annotated[
    str | None,
    Query(
        alias="by",
        max_length=64,
        json_schema_extra={"pattern": f"^(({'|'.join(MEMBERS)})(,({'|'.join(MEMBERS)}))*)?$"},
        description=f"Groups, with commas between them: {', '.join(MEMBERS)}. By tag, a trip counts for each tag.",
    ),
]


def add_to(api: FastAPI, store: HistoryStore, accounts: Accounts) -> None:
    """Add the call."""

    @api.get(
        "/api/performance",
        tags=["history"],
        summary="Win rate, profit factor, drawdown, returns and more, by group",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses(
            "A row for each group and currency", "performance", PerformanceRow, REVISION | conversion.MORE
        ),
    )
    async def get_performance(
        question: QuestionAsked, converted: ConversionAsked, by: Groups = None, tag: Tag = None
    ) -> Response:
        """Covers the round trips that closed in the range. Returns are there for all positions and by account, where
        `config/accounts.yml` or deposits say the capital; ratios over them need 30 days.
        """
        members, wanted_tag = _members(by), read_tag(tag)

        def read(snapshot: Snapshot) -> Table:
            made = None if converted is None else converted.conversion(snapshot, question)
            found = performance(
                snapshot,
                question.scope(snapshot, wanted_tag),
                question.range.from_ns,
                question.times(snapshot)[1],
                members,
                accounts.capital,
                question.boundary,
                made,
            )
            slippage = not_converted if made else of_groups(store.folder, snapshot, question, wanted_tag, members)
            rows = [_row(one, slippage(one.group, one.currency)) for one in found]
            more = {
                "revision": revision(snapshot, question.scope(snapshot)),
                **conversion.said_of(made, question),
            }
            return Table(
                "performance",
                PerformanceRow,
                rows,
                snapshot.position.sequence,
                more,
                closed=question.closed and made is None,
            )

        return await store.answer(question.form, read, question.earlier)


def _members(by: str | None) -> tuple[Member, ...]:
    """The members to group by, from text. Raises TradeProblem."""
    names = tuple(name.strip() for name in by.split(",")) if by else ()
    known = tuple(member for name in names for member in MEMBERS if member == name)
    if len(known) < len(names):
        unknown = next(name for name in names if name not in MEMBERS)
        raise refused("by", f"has the unknown group {unknown[:64]}; known are {', '.join(MEMBERS)}")
    if len(set(known)) < len(known):
        raise refused("by", "has a group twice")
    return known


def _row(found: Performance, slippage: GroupSlippage) -> PerformanceRow:
    returns = found.returns
    values: dict[str, Value] = {
        name: value for name in found.__struct_fields__ if isinstance(value := getattr(found, name), Value)
    }
    for name in ("cagr", "volatility", "sharpe", "sortino", "calmar"):
        values[name] = getattr(returns, name)
    values |= {"total_return": returns.total, "return_drawdown": returns.max_drawdown}
    values |= {"slippage_bps": in_bps(slippage.share), "slippage_cost": slippage.cost}
    for name in ("average_holding", "longest_holding"):
        held = values.pop(f"{name}_ns")
        seconds = None if held.value is None else held.value.scaleb(-9)
        values[f"{name}_seconds"] = Value(seconds, held.reason)
    plain: Mapping[str, Any] = {
        name: shown(getattr(found, name))
        for name in PerformanceRow.__struct_fields__
        if hasattr(found, name) and name not in values
    }
    return PerformanceRow(
        **plain,
        **{name: shown(value.value) for name, value in values.items()},
        slippage_trades=slippage.fills,
        days=returns.days,
        reasons={name: value.reason for name, value in values.items() if value.value is None},
    )

"""Compares the oracle with nautilus_trader, an independent engine: `python -m tests.torture.nautilus --ledgers 200`.

Linear contracts: openings, partial closes, flips, fees; inverse ones at one entry price only, since nautilus_trader
averages their entries arithmetically and the accounting rules harmonically. It is not among this project's
dependencies: where it is not installed the script says so and ends with 0. A virtual environment that has nothing but
it is enough, with this repository as the current folder.
"""

import argparse
import importlib
import importlib.util
import random
import sys
from fractions import Fraction
from typing import Any

from tests.support.ledger_builder import Event, LedgerBuilder
from tests.support.ledger_figures import Position
from tests.support.ledger_oracle import figures

FILLS = 60
TOLERANCE = Fraction(1, 10**7)
"""Its prices are binary floats, and it rounds money to 8 decimals at each fill."""

INVERSE = {"currency": "BTC", "multiplier": "1", "settlement": "inverse"}


class Nautilus:
    """One contract's positions there. A flip closes one position and opens the next, as its engine does."""

    def __init__(self, *, inverse: bool) -> None:
        self._model = importlib.import_module("nautilus_trader.model")
        objects, identifiers = self._model.objects, self._model.identifiers
        currencies = importlib.import_module("nautilus_trader.model.currencies")
        self._currency = currencies.BTC if inverse else currencies.USDT
        instruments = importlib.import_module("nautilus_trader.model.instruments")
        self._instrument = instruments.CryptoPerpetual(
            instrument_id=identifiers.InstrumentId.from_str("BTC-PERP.VENUE"),
            raw_symbol=identifiers.Symbol("BTC-PERP"),
            base_currency=currencies.BTC,
            quote_currency=currencies.USD if inverse else currencies.USDT,
            settlement_currency=self._currency,
            is_inverse=inverse,
            price_precision=2,
            size_precision=3,
            price_increment=objects.Price.from_str("0.01"),
            size_increment=objects.Quantity.from_str("0.001"),
            ts_event=0,
            ts_init=0,
            multiplier=objects.Quantity.from_str("1"),
        )
        self._position: Any = None
        self._count = 0
        self.realised = 0.0

    def fill(self, side: str, quantity: Fraction, price: Fraction, fee: Fraction) -> None:
        """Apply a fill, in two parts if it flips; the fee goes by quantity."""
        held = Fraction(str(self._position.signed_qty)) if self._position is not None else Fraction()
        signed = quantity if side == "buy" else -quantity
        parts = [abs(held), abs(held + signed)] if held * (held + signed) < 0 else [quantity]
        for part in parts:
            event = self._event(side, part, price, fee * part / quantity)
            if self._position is None:
                position = importlib.import_module("nautilus_trader.model.position")
                self._position = position.Position(instrument=self._instrument, fill=event)
            else:
                self._position.apply(event)
            if self._position.is_closed:
                self.realised += self._position.realized_pnl.as_double()
                self._position = None

    def figures(self, mark: Fraction) -> tuple[float, float, float]:
        """Quantity, average, and realised and unrealised P&L after fees."""
        if self._position is None:
            return 0.0, 0.0, self.realised
        held = self._position
        price = self._model.objects.Price.from_str(f"{float(mark):.2f}")
        total = self.realised + held.realized_pnl.as_double() + held.unrealized_pnl(price).as_double()
        return held.signed_qty, held.avg_px_open, total

    def _event(self, side: str, quantity: Fraction, price: Fraction, fee: Fraction) -> object:
        identifiers, enums, objects = self._model.identifiers, self._model.enums, self._model.objects
        self._count += 1
        number = str(self._count)
        return importlib.import_module("nautilus_trader.model.events").OrderFilled(
            trader_id=identifiers.TraderId("T-1"),
            strategy_id=identifiers.StrategyId("S-1"),
            instrument_id=self._instrument.id,
            client_order_id=identifiers.ClientOrderId(f"O-{number}"),
            venue_order_id=identifiers.VenueOrderId(f"V-{number}"),
            account_id=identifiers.AccountId("B-1"),
            trade_id=identifiers.TradeId(number),
            position_id=identifiers.PositionId("P-1"),
            order_side=enums.OrderSide.BUY if side == "buy" else enums.OrderSide.SELL,
            order_type=enums.OrderType.MARKET,
            last_qty=objects.Quantity.from_str(f"{float(quantity):.3f}"),
            last_px=objects.Price.from_str(f"{float(price):.2f}"),
            currency=self._currency,
            commission=objects.Money(float(fee), self._currency),
            liquidity_side=enums.LiquiditySide.TAKER,
            event_id=importlib.import_module("nautilus_trader.core.uuid").UUID4(),
            ts_event=self._count,
            ts_init=self._count,
        )


def compare(seed: int, *, inverse: bool) -> list[str]:
    """What differs after each fill of a random sequence."""
    chance = random.Random(seed)
    symbol = "BTC/USD:BTC" if inverse else "BTC/USDT:USDT"
    ledger, nautilus = LedgerBuilder(), Nautilus(inverse=inverse)
    ledger.say("instrument", symbol=symbol, **(INVERSE if inverse else {"multiplier": "1"}))
    found, entry, held = [], "100.00", Fraction()
    for number in range(FILLS):
        side, price = chance.choice(("buy", "sell")), f"{chance.randint(5_000, 15_000) / 100:.2f}"
        quantity = f"{chance.randint(1, 9_000) / 1000:.3f}"
        signed = Fraction(quantity) if side == "buy" else -Fraction(quantity)
        if inverse:  # one entry price, no flips
            price = entry if held * signed >= 0 else price
            if held * (held + signed) < 0:
                quantity = f"{float(abs(held)):.3f}"
        fee = Fraction(0) if inverse else Fraction(chance.randint(-50, 500), 1000)
        ledger.fill(side, quantity, price, symbol, fee=str(float(fee)))
        nautilus.fill(side, Fraction(quantity), Fraction(price), fee)
        position = _position(ledger.events)
        held = position.quantity
        if not _agree(position, nautilus.figures(Fraction(price))):
            found.append(f"seed {seed}, fill {number}: {position}, nautilus_trader {nautilus.figures(Fraction(price))}")
    return found


def _position(events: list[Event]) -> Position:
    (position,) = figures(events).positions.values()
    return position


def _agree(position: Position, found: tuple[float, float, float]) -> bool:
    assert position.net is not None
    ours = (position.quantity, position.average or Fraction(), position.net)
    return all(
        abs(one - Fraction(other)) <= TOLERANCE * max(Fraction(1), abs(one))
        for one, other in zip(ours, found, strict=True)
    )


def main() -> int:
    """Compare random sequences. Exit code 1 if any figure differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.nautilus", description=__doc__)
    parser.add_argument("--ledgers", type=int, default=200, help="random sequences of each kind of contract")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if importlib.util.find_spec("nautilus_trader") is None:
        print("nautilus: skipped, nautilus_trader is not installed in this Python")
        return 0
    found = []
    for number in range(arguments.ledgers):
        for inverse in (False, True):
            found += compare(arguments.seed * 10**6 + number, inverse=inverse)
    print("\n".join(found[:10]))
    print(f"nautilus: {arguments.ledgers} linear and {arguments.ledgers} inverse sequences, {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

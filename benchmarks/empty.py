"""A FastAPI endpoint that has pydantic check the trade, and does nothing with it. `python -m benchmarks.empty PORT`."""

from decimal import Decimal
from typing import Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from benchmarks.bare import serve

app = FastAPI()


class Trade(BaseModel):
    """A trade as it is posted."""

    model_config = ConfigDict(extra="forbid")

    trade_id: str = Field(max_length=128)
    symbol: str = Field(max_length=32)
    price: Decimal = Field(gt=0)
    qty: Decimal = Field(gt=0)
    side: Literal["buy", "sell"]
    account: str = Field(default="default", max_length=64)
    strategy: str = Field(default="default", max_length=64)


@app.post("/trade", status_code=201)
async def trade(_trade: Trade) -> dict[str, str]:
    """Do nothing."""
    return {"status": "accepted"}


if __name__ == "__main__":
    serve(app)

"""The commands of `trading-app` beside serving."""

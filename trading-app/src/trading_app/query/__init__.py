"""Reads trades back: GET /trades and the live stream."""

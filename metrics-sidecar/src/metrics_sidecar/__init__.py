"""Follows the trade stream, keeps positions and P&L exactly, answers Prometheus."""

__version__ = "0.2.0"

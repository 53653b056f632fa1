"""Follows the trade stream, keeps positions and P&L exactly, answers Prometheus.

Without I/O: `exact`, `fills`, `positions`, `figures`, `state`, `delays`, `timestamps`, `metrics`, `exposition`,
`negotiation`, `state_view`, `pipeline`. Around them: `follow` (stream to state to snapshot), `snapshot`, `process`,
`server`; `run` wires all of it.
"""

__version__ = "0.1.0"

"""What fills add up to: positions, P&L, fees. A fold, without I/O."""

"""Transports carry a stream: one package for each kind."""

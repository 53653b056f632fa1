"""Stores keep a stream: one package for each kind."""

"""What carries a stream: one package for each kind.

Modules:

    zeromq  PUB for what is new, ROUTER for what was missed
"""

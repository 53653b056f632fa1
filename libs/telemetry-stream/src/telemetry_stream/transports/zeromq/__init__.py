"""The stream over ZeroMQ: PUB for what is new, ROUTER and DEALER for what was missed."""

"""Coinbase Exchange: matches and heartbeats, pages by id.

Modules:

    frames   reads what a connection brings
    pages    requests for what was missed, and their answers
    venue    names, subscriptions and limits
"""

"""Brings what venues send into the journal.

Modules:

    venue_feed  one venue's feed: frames to decisions to events
    shard       keeps some streams connected
    link        one connection
    filler      fetches what is missing
    journal     puts events into the journal, in order
"""

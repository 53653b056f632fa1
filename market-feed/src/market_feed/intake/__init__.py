"""Brings what venues send into the journal.

Modules:

    venue_feed      one venue's feed: frames to decisions to events
    shard           keeps some streams connected
    link            one connection
    frame_splitter  takes whole messages off its bytes (no I/O)
    filler          fetches what is missing
    needs           what one market may be missing
    rest            asks a venue by REST, within its limits
    status          asks a venue whether it trades its instruments
    history         what the journal knows of a market
    journal         puts events into the journal, in order
"""

"""When markets are followed.

Modules:

    file      reads the schedule's file
    calendar  the openings of a market (no I/O)
    session   one market's openings as they come and go (no I/O)
"""

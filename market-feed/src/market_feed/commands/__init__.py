"""The commands of market-feed besides serving.

Modules:

    schedule  looks the schedule over, and prints the next openings
"""

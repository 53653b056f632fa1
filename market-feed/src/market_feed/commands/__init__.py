"""The commands of market-feed besides serving.

Modules:

    check     asks each venue what a feed will need
    export    writes trades as Parquet
    record    writes what a venue sends, as it came
    replay    sends a recording through the pipeline
    simulate  runs a simulated exchange
    schedule  looks the schedule over, and prints the next openings
"""

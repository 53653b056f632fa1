"""A simulated exchange over real sockets: for people without internet, for tests, for measurements.

It publishes a recording or a random market, keeps a venue's limits, and misbehaves by a script.

Modules:

    tape           what is published, frame by frame: a recording, aggregates made of one
    random_market  a believable market, endless (no I/O)
    database       what the REST side knows, and its answers (no I/O)
    faults         what the exchange does wrong (no I/O)
    exchange       the sockets
"""

"""The stream over ZeroMQ: PUB for what is new, ROUTER and DEALER for what was missed.

Modules:

    transport          the Transport interface over the modules below
    publisher          PUB: committed batches and heartbeats
    replay_server      ROUTER: answers what came after a sequence
    subscriber         SUB and DEALER: follows a stream and heals gaps
    queue_budget       bounds the bytes that wait for readers
    connection_guard   decides who may connect, and counts refusals
    connection_limits  cuts connections that send or leave too much
    handshake          a socket monitor's events as words (no I/O)
    curve              CURVE keys on sockets
    readiness          waits in asyncio until a socket can be read
    sockets            binding, and waking a thread that waits
"""

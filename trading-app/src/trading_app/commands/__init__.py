"""The commands of `trading-app` beside serving.

Modules:

    instruments  check the file with instruments, list what applies to each symbol
    journal   `doctor`, `backup`, `restore`
    token     `token`: makes API tokens
    zmq_keys  `zmq-keys`: makes keys for the ZeroMQ ports
"""

"""The commands of `trading-app` beside serving.

Modules:

    journal   `doctor`, `backup`, `restore`
    token     `token`: makes API tokens
    zmq_keys  `zmq-keys`: makes keys for the ZeroMQ ports
"""

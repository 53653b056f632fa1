"""The commands of `trading-app` beside serving.

Modules:

    hook         `hook`: adds and tries webhooks, takes messages that could not be read
    instruments  check the file with instruments, list what applies to each symbol
    journal      `doctor`, `backup`, `restore`
    token        `token`: makes API tokens
    zmq_keys     `zmq-keys`: makes keys for the ZeroMQ ports
"""

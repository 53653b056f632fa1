"""The commands of `trading-app` beside serving.

Modules:

    backup       `backup`: copies the journal and the webhooks
    doctor       `doctor`: checks the journal
    hook         `hook`: adds and tries webhooks, takes messages that could not be read
    instruments  check the file with instruments, list what applies to each symbol
    restore      `restore`: puts a copy back
    token        `token`: makes API tokens
    zmq_keys     `zmq-keys`: makes keys for the ZeroMQ ports
"""

"""For tests: a stream without a disk or a socket.

Modules:

    memory  writer, reader and subscriber of a stream that lives in a list
"""

"""What the sockets of the stream share: binding, and a way to end a thread that waits for messages."""

import zmq


def bind(socket: zmq.Socket[bytes], address: str) -> None:
    """Bind, and close the socket where that fails. Raises zmq.ZMQError, whose text names the address."""
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise zmq.ZMQError(error.errno, f"{address}: {error.strerror}") from None


def pair(context: zmq.Context[zmq.Socket[bytes]]) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
    """Two sockets joined to each other: what one thread sends on its own wakes the other, which polls the second."""
    near, far = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    address = f"inproc://pair-{id(near)}"
    near.bind(address)
    far.connect(address)
    return near, far

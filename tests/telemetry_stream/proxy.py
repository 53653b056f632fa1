"""A peer between real PUB and SUB sockets that drops, delays, repeats and reorders what passes."""

import random
import threading

import zmq

from tests.support.ports import free_address


class Proxy:
    """Passes messages on from `source`, in a thread of its own; a seed says which suffer what.

    While `mischief` is cleared everything passes, in order. While `silent` is set nothing does.
    """

    def __init__(self, source: str, seed: int = 0) -> None:
        self.address = free_address()
        self.mischief = threading.Event()
        self.silent = threading.Event()
        self.done: dict[str, int] = {}
        self._random = random.Random(seed)
        self._late: list[list[bytes]] = []
        self._end = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._near = self._context.socket(zmq.XSUB)
        self._near.set(zmq.LINGER, 0)
        self._near.set(zmq.RECONNECT_IVL, 20)
        self._near.connect(source)
        self._far = self._context.socket(zmq.XPUB)
        self._far.set(zmq.LINGER, 0)
        self._far.bind(self.address)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """End the thread and release the sockets."""
        self._end.set()
        self._thread.join()
        self._near.close()
        self._far.close()
        self._context.term()

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._near, zmq.POLLIN)
        poller.register(self._far, zmq.POLLIN)
        while not self._end.is_set():
            ready = dict(poller.poll(10))
            if self._far in ready:
                self._near.send_multipart(self._far.recv_multipart())
            if self._near in ready:
                self._pass_on(self._near.recv_multipart())

    def _pass_on(self, message: list[bytes]) -> None:
        fate = "pass"
        if self.silent.is_set():
            fate = "drop"
        elif self.mischief.is_set():
            fate = self._random.choice(["pass", "pass", "drop", "repeat", "delay", "delay"])
        self.done[fate] = self.done.get(fate, 0) + 1
        if fate == "delay":
            self._late.append(message)
        if fate in ("pass", "repeat"):
            self._far.send_multipart(message)
        if fate == "repeat":
            self._far.send_multipart(message)
        if self._late and (not self.mischief.is_set() or self._random.random() < 0.4):
            self._random.shuffle(self._late)
            self._far.send_multipart(self._late.pop())

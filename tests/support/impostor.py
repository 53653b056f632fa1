"""Stands between a sidecar and its web app, and sends it what is not of the wire contract beside what is."""

import random
import threading
from contextlib import suppress

import zmq

from telemetry_stream.errors import MalformedFrame
from telemetry_stream.transports.zeromq.sockets import pair
from telemetry_stream.wire import decode_frames
from tests.support.mutation import Frames, mutated, random_message
from tests.support.ports import free_address
from tests.telemetry_stream.streams import TRADES

KEPT = 50


class Impostor:
    """Passes on what both sockets of a web app say, in a thread of its own; `pester` adds hostile live messages.

    Nothing it makes up can be taken for true: what it repeats, changed, on the live socket has been passed on before,
    so its numbers are known already; and an answer that was changed is sent only if it is not of the contract.
    """

    def __init__(self, live_address: str, replay_address: str, seed: int) -> None:
        self.live_address, self.replay_address = (free_address() for _ in range(2))
        self.hostile = threading.Event()
        self.sent = 0
        self._real_replay = replay_address
        self._chance = random.Random(seed)
        self._recorded: list[Frames] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.setsockopt(zmq.LINGER, 0)
        self._source = self._context.socket(zmq.SUB)
        self._source.subscribe(b"")
        self._source.connect(live_address)
        self._live = self._context.socket(zmq.PUB)
        self._live.bind(self.live_address)
        self._replay = self._context.socket(zmq.ROUTER)
        self._replay.bind(self.replay_address)
        self._orders, self._ordered = pair(self._context)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def pester(self, count: int) -> None:
        """Send so many hostile messages, soon."""
        self._orders.send(b"%d" % count)

    def close(self) -> None:
        """End the thread and release the sockets."""
        self._orders.send(b"")
        self._thread.join()
        self._context.destroy(linger=0)

    def _run(self) -> None:
        poller = zmq.Poller()
        for socket in (self._source, self._replay, self._ordered):
            poller.register(socket, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._source in ready:
                self._record(self._source.recv_multipart())
            if self._replay in ready:
                self._answer(self._replay.recv_multipart())
            if self._ordered in ready:
                order = self._ordered.recv()
                if not order:
                    return
                for _ in range(int(order)):
                    self._make_up()

    def _record(self, message: Frames) -> None:
        self._live.send_multipart(message)
        self._recorded = [*self._recorded[-KEPT:], message]

    def _make_up(self) -> None:
        """One message: its topic is what subscribers ask for, or it would not reach them."""
        if not self._recorded or self._chance.random() < 0.2:
            frames = [b"trades" + self._chance.randbytes(3), *random_message(self._chance)]
        else:
            frames = mutated(self._chance.choice(self._recorded), self._chance)
            frames[0] = frames[0] if frames[0].startswith(b"trades") else b"trades"
        self._live.send_multipart(frames)
        self.sent += 1

    def _answer(self, request: Frames) -> None:
        with self._context.socket(zmq.REQ) as asking:
            asking.connect(self._real_replay)
            asking.send(request[-1])
            if not asking.poll(5_000):
                return
            answer = asking.recv_multipart()
        if self.hostile.is_set() and self._chance.random() < 0.4:
            changed = mutated(answer, self._chance)
            with suppress(MalformedFrame):
                decode_frames(TRADES, changed)
                changed = answer
            self.sent += changed != answer
            answer = changed
        self._replay.send_multipart([request[0], *answer])

"""Print every trade once, in order, as it happens: the whole contract of docs/wire-contract.md in one file.

    python subscribe.py [tcp://127.0.0.1:5555 [tcp://127.0.0.1:5556 [SERVER_KEY SECRET_KEY_FILE]]]

SERVER_KEY is the app's public key where it speaks CURVE, SECRET_KEY_FILE holds your own secret one; the app has to know
the public key that belongs to it. It needs pyzmq and nothing of this project. Put what you do with a trade in the place
of `print`; where you keep a result, keep `stream` and `last` with it, and begin with them.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

import zmq


def secure(socket, keys):
    """Let the socket speak CURVE, if there are keys: the app's public one, and the own secret one."""
    if keys:
        socket.curve_serverkey, socket.curve_secretkey = keys
        socket.curve_publickey = zmq.curve_public(keys[1])


def ask(context, address, keys, after, limit=5_000):
    """One page of what came after a sequence: its header and its trades. Tries until there is an answer."""
    while True:
        with context.socket(zmq.REQ) as socket:
            socket.linger = 0
            secure(socket, keys)
            socket.connect(address)
            socket.send_json({"v": 1, "after": after, "limit": limit})
            if socket.poll(2_000):
                topic, header, *body = socket.recv_multipart()
                if topic != b"trades":
                    sys.exit(f"refused: {header.decode()}")
                return json.loads(header), json.loads(body[0])


def take(event):
    """Print a fill. Other kinds: pass over asides, stop at what may change figures."""
    if "kind" not in event:
        print("{seq} {side} {qty} {symbol} at {price}".format(**event), flush=True)
    elif event.get("aside") is not True:
        sys.exit("event {seq} is of the unknown kind {kind!r}: update this program".format(**event))


def follow(live_address, replay_address, *keys):
    """Print trades for ever."""
    context = zmq.Context()
    live = context.socket(zmq.SUB)
    secure(live, keys)
    connections = live.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    live.subscribe("trades")
    live.connect(live_address)
    stream, last, behind = None, None, True
    while True:
        arrived = not behind and live.poll(3_000)  # silent for longer than a heartbeat: ask
        behind = behind or not arrived
        while connections.poll(0):  # connected anew: something may have been missed
            connections.recv_multipart()
            behind = True
        applied = last["seq"] if last else 0
        if behind:
            while live.poll(0):  # all of this comes by replay
                live.recv_multipart()
            header, trades = ask(context, replay_address, keys, max(applied - 1, 0))
            if stream != header["stream"] or (last and trades[:1] != [last]):
                print(f"stream {header['stream']} from its beginning", flush=True)
                stream, last = header["stream"], None
                continue
            behind = header["last"] < header["head"]
        else:
            _, header, *body = live.recv_multipart()
            header = json.loads(header)
            trades = json.loads(body[0]) if body else []
            if header["stream"] != stream or not header["first"] <= applied + 1 <= header["last"] + 1:
                behind = True  # another stream, a gap, or something old
                continue
        for trade in trades:
            if trade["seq"] > applied:
                last = trade
                take(trade)


if __name__ == "__main__":
    arguments = sys.argv[1:3] + ["tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556"][len(sys.argv[1:3]) :]
    if len(sys.argv) > 3:
        arguments += [sys.argv[3].encode(), Path(sys.argv[4]).read_bytes().strip()]
    with suppress(KeyboardInterrupt):
        follow(*arguments)

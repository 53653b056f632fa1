"""Print every trade once, in order, as it happens: the whole contract of docs/wire-contract.md in one file.

    python subscribe.py [tcp://127.0.0.1:5555 [tcp://127.0.0.1:5556 [SERVER_KEY SECRET_KEY_FILE]]]

SERVER_KEY is the app's public key where it speaks CURVE, SECRET_KEY_FILE holds your own secret one; the app has to know
the public key that belongs to it. It needs pyzmq, xxhash and nothing of this project. Put what you do with a trade in
the place of `print`; where you keep a result, keep `position` with it, and begin with that.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

import xxhash
import zmq

NOTHING = {"applied": 0, "hash": "0" * 32}  # a position: the last sequence, the history's hash at the last row end


def secure(socket, keys):
    """Let the socket speak CURVE, if there are keys: the app's public one, and the own secret one."""
    if keys:
        socket.curve_serverkey, socket.curve_secretkey = keys
        socket.curve_publickey = zmq.curve_public(keys[1])


def ask(context, address, keys, position, limit=5_000):
    """One page of what came after a position: its header and its trades. Tries until there is an answer."""
    request = {"v": 1, "after": position["applied"], "limit": limit}
    if "stream" in position:
        request |= {"stream": position["stream"], "hash": position["hash"]}
    while True:
        with context.socket(zmq.REQ) as socket:
            socket.linger = 0
            secure(socket, keys)
            socket.connect(address)
            socket.send_json(request)
            if socket.poll(2_000):
                topic, header, *body = socket.recv_multipart()
                if topic != b"trades":
                    sys.exit(f"refused: {header.decode()}")
                header = json.loads(header)
                if "oldest" not in header:
                    sys.exit("the app is of an earlier version, which sends no hashes")
                return header, json.loads(body[0])


def joins_on(position, header, body):
    """Whether a live message follows from what was applied: it is one row, and its hash is that of both."""
    [last, _, digest] = header["commits"][-1]
    known = bytes.fromhex(position["hash"])
    return last == header["last"] and xxhash.xxh3_128_hexdigest(known + body[1:-1]) == digest


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
    position, behind = NOTHING, True
    while True:
        arrived = not behind and live.poll(3_000)  # silent for longer than a heartbeat: ask
        behind = behind or not arrived
        while connections.poll(0):  # connected anew: something may have been missed
            connections.recv_multipart()
            behind = True
        applied = position["applied"]
        if behind:
            while live.poll(0):  # all of this comes by replay
                live.recv_multipart()
            header, trades = ask(context, replay_address, keys, position)
            if header.get("forked") or position.get("stream") != header["stream"]:
                print(f"stream {header['stream']} from its beginning", flush=True)
                position = NOTHING | {"stream": header["stream"]}
                continue
            behind = header["last"] < header["head"]
        else:
            _, header, *body = live.recv_multipart()
            header = json.loads(header)
            if header["stream"] == position["stream"] and header["last"] <= applied:
                at_head = not body and header.get("commits") and header["commits"][-1][2]
                behind = at_head and (header["last"], at_head) != (applied, position["hash"])
                continue  # a duplicate; or a heartbeat, which shows another history too
            follows = header["stream"] == position["stream"] and header["first"] == applied + 1
            if not body or not follows or not joins_on(position, header, body[0]):
                behind = True  # another history, a gap, a lost message: only the answer decides
                continue
            trades = json.loads(body[0])
        for trade in trades:
            take(trade)
        position = position | {"applied": header["last"]}
        if header.get("commits"):
            position["hash"] = header["commits"][-1][2]


if __name__ == "__main__":
    arguments = sys.argv[1:3] + ["tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556"][len(sys.argv[1:3]) :]
    if len(sys.argv) > 3:
        arguments += [sys.argv[3].encode(), Path(sys.argv[4]).read_bytes().strip()]
    with suppress(KeyboardInterrupt):
        follow(*arguments)

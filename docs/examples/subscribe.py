"""Print every event once, in order, as it happens: the whole contract of docs/wire-contract.md in one file.

    python subscribe.py [tcp://127.0.0.1:5555 [tcp://127.0.0.1:5556 [SERVER_KEY SECRET_KEY_FILE]]]

SERVER_KEY is the app's public key where it speaks CURVE, SECRET_KEY_FILE holds your own secret one; the app has to know
the public key that belongs to it. It needs pyzmq, xxhash and nothing of this project. Put what you do with an event in
the place of `print`; where you keep a result, keep `position` with it, and begin with that. A void or a replace quotes
what it is about, so that a program which keeps figures takes that out again without having kept every fill.
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
    """One page of what came after a position: its header and its events. Tries until there is an answer."""
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


def holder(side):
    """One side of a move."""
    return "{quantity} {symbol} of {account}".format(**{"account": "default"} | side) if side else "nowhere"


WORDS = {  # what each kind of event says, in words
    "void": lambda content: f"it never happened: {say(content['was'])}",
    "replace": lambda content: f"it was really {say(content['fill'])}",
    "cash": lambda content: "{amount} {currency} for {reason}".format(**content),
    "split": lambda content: "{n} {symbol} for each {d}, from {ts} on".format(**content),
    "opening": lambda content: "the position is {quantity} {symbol} at {average} on {ts}".format(**content),
    "move": lambda content: f"{holder(content.get('from'))} to {holder(content.get('to'))}",
    "instrument": lambda content: ", ".join(f"{name} {value}" for name, value in content.items()),
    "price": lambda content: "{symbol} is worth {price}".format(**content),
    "rate": lambda content: "1 {base} is {rate} {quote}".format(**content),
    "import": lambda content: "{taken} of {rows} rows of {name}".format(**content),
    "note": lambda content: content.get("text", ", ".join(content.get("tags", ()))),
}


def say(event):
    """An event in words; also one that another quotes, which has no sequence."""
    kind = event.get("kind")
    if kind is None:
        return "{side} {qty} {symbol} at {price}".format(**event)
    about = f" of {event['target']}" if "target" in event else ""
    return f"{kind}{about}: {WORDS[kind](event['mark' if kind == 'price' else kind])}"


def take(event):
    """Print an event. Of unknown kinds: pass over asides, stop at what may change figures."""
    if event.get("kind") in (None, *WORDS):
        print(event["seq"], say(event), flush=True)
    elif event.get("aside") is not True:
        sys.exit("event {seq} is of the unknown kind {kind!r}: update this program".format(**event))


def follow(live_address, replay_address, *keys):
    """Print events for ever."""
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
        while connections.poll(0):  # connected again: something may have been missed
            connections.recv_multipart()
            behind = True
        applied = position["applied"]
        if behind:
            while live.poll(0):  # all of this comes by replay
                live.recv_multipart()
            header, events = ask(context, replay_address, keys, position)
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
            events = json.loads(body[0])
        for event in events:
            take(event)
        position = position | {"applied": header["last"]}
        if header.get("commits"):
            position["hash"] = header["commits"][-1][2]


if __name__ == "__main__":
    arguments = sys.argv[1:3] + ["tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556"][len(sys.argv[1:3]) :]
    if len(sys.argv) > 3:
        arguments += [sys.argv[3].encode(), Path(sys.argv[4]).read_bytes().strip()]
    with suppress(KeyboardInterrupt):
        follow(*arguments)

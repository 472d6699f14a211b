#!/usr/bin/env python3
"""Writes the corpora of frame_fuzz and handshake_fuzz: one of each frame, streams of several, and
the attacks that are known.

Usage: make_wire_corpus.py [FOLDER] (default: corpus/ beside this script). The same bytes each time.
"""
import pathlib
import struct
import sys

from make_codec_corpus import pack

MESSAGE = pack(["bank.deposit", 4200, "x"])
PAIR = struct.pack(">IIII", 1, 2, 3, 4)
NO_PAIR = bytes(16)


def frame(kind, body=b""):
    return struct.pack(">IB", 1 + len(body), kind) + body


def pair(kind, rest=b"", flags=0, extra=b"", who=PAIR):
    return frame(kind, bytes([flags]) + who + extra + rest)


def u64(*values):
    return b"".join(struct.pack(">Q", value) for value in values)


def piece(sequence, total, offset, data):
    return frame(0x20, struct.pack(">III", sequence, total, offset) + data)


def goodbye(count, kind=0):
    return frame(0x3f, bytes([kind]) + u64(count))


REF = u64(77)
CODE = struct.pack(">i", -5)
FRAMES = {
    "message": pair(0x01, MESSAGE),
    "request": pair(0x02, REF + MESSAGE),
    "reply": pair(0x03, REF + MESSAGE),
    "failed": pair(0x04, struct.pack(">i", 5) + REF),
    "alias": pair(0x05, REF + MESSAGE),
    "exit": pair(0x06, CODE + b"detail", flags=4),
    "link": pair(0x07),
    "unlink": pair(0x08, REF),
    "unlink_ack": pair(0x09, REF),
    "monitor": pair(0x0a, REF),
    "demonitor": pair(0x0b, REF),
    "down": pair(0x0c, CODE + REF),
    "operation": pair(0x10, struct.pack(">H", 3) + REF + b"rest", who=NO_PAIR),
    "foreign": pair(0x01, MESSAGE, flags=3, extra=u64(9, 8)),
    "fragment": piece(1, 100, 0, bytes(40)),
    "credit": frame(0x30, REF),
    "heartbeat": frame(0x31, b"\1" + u64(5, 0)),
    "flush": frame(0x32, u64(5, 0)),
    "flushed": frame(0x33, u64(5)),
    "xoff": pair(0x34, who=NO_PAIR[:8] + PAIR[8:]),
    "goodbye": goodbye(0),
}


def fragments(data, sizes, sequence=1):
    at = 0
    for size in sizes:
        yield piece(sequence, len(data), at, data[at:at + size])
        at += size


def frame_inputs():
    for name, data in FRAMES.items():
        yield name, data
    inner = FRAMES["message"][4:]
    whole = b"".join(fragments(inner, [10, 10, len(inner) - 20]))
    yield "stream", FRAMES["message"] * 3 + FRAMES["link"] + FRAMES["xoff"] + goodbye(5)
    yield "sequence", whole + goodbye(3)
    yield "mixed", piece(1, 50, 0, bytes(9)) + piece(2, 60, 0, bytes(9)) + piece(1, 50, 9, b"z")
    yield "huge_total", piece(1, 16 << 20, 0, bytes(100))
    yield "hole", piece(1, 50, 0, bytes(9)) + piece(1, 50, 10, bytes(9))
    yield "too_long", struct.pack(">I", 512 << 20)
    yield "empty", bytes(4)
    yield "deep", pair(0x01, b"\x92\xa1x" + b"\x91" * 100 + b"\xc0")
    yield "counted", pair(0x01, b"\xdd\xff\xff\xff\xff")
    yield "after_goodbye", goodbye(0) + FRAMES["link"]
    yield "miscounted", FRAMES["link"] + goodbye(7)


LIMITS = [65536, (16 << 20) + 256, 8 << 20, 16, 32 << 20, 5000]
PREAMBLE = b"troupe\1"


def hello(version=1, cluster="test", name="three@test", incarnation=bytes(15) + b"\3", extra=()):
    return pack([version, cluster, name, incarnation, 7, 3] + LIMITS + list(extra))


def handshake_message(payload):
    return struct.pack(">H", len(payload)) + payload


def handshake_inputs():
    offer, verdict = pack([1, 1]), pack([0])
    plain = PREAMBLE + b"\0" + handshake_message(offer) + handshake_message(hello())
    yield "plain_initiator", 2, plain
    yield "plain_responder", 3, handshake_message(hello()) + handshake_message(verdict)
    yield "plain_refused", 3, handshake_message(hello()) + handshake_message(pack([1]))
    yield "plain_version", 2, PREAMBLE + b"\0" + handshake_message(pack([5, 9]))
    yield "secure_noise", 0, PREAMBLE + b"\1" + handshake_message(bytes(range(51)))
    yield "secure_answer", 1, handshake_message(bytes(range(200)))
    yield "http", 0, b"GET / HTTP/1.1\r\n\r\n"
    yield "mode", 0, PREAMBLE + b"\0"
    yield "long_message", 0, PREAMBLE + b"\1\xff\xff"
    yield "offer", 4, offer
    yield "offer_nothing", 4, pack([2, 1])
    yield "hello", 5, hello()
    yield "hello_later", 5, hello(extra=[1, [2, "x"]])
    yield "hello_cluster", 5, hello(cluster="prod")
    yield "hello_self", 5, hello(incarnation=b"\2" + bytes(15))
    yield "hello_name", 5, hello(name="a b")
    yield "hello_long_name", 5, hello(name="n" * 300)
    yield "hello_utf8", 5, hello(name="n\u00e4\u4e16")
    yield "hello_counted", 5, b"\xdd\xff\xff\xff\xff"
    yield "answer", 6, hello()
    yield "answer_version", 6, hello(version=0)
    yield "verdict", 7, verdict
    yield "verdict_later", 7, pack([99, "because"])


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "corpus"
    for name in ("frame_fuzz", "handshake_fuzz"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, data in frame_inputs():
        (folder / "frame_fuzz" / name).write_bytes(bytes([255]) + data)
        (folder / "frame_fuzz" / f"{name}_cut").write_bytes(bytes([2]) + data)
    for name, choice, data in handshake_inputs():
        (folder / "handshake_fuzz" / name).write_bytes(bytes([choice | 0xf8]) + data)
        (folder / "handshake_fuzz" / f"{name}_cut").write_bytes(bytes([choice]) + data)


if __name__ == "__main__":
    main()

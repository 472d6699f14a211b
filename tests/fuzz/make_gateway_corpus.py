#!/usr/bin/env python3
"""Writes the first inputs of gateway_fuzz: requests, commands and frames that a client sends."""
import pathlib

here = pathlib.Path(__file__).parent / "corpus" / "gateway_fuzz"
here.mkdir(parents=True, exist_ok=True)

HEAD = (b"GET /troupe HTTP/1.1\r\nHost: localhost:1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n")
PID = b"\xd8\x01" + bytes(7) + b"\x07" + bytes(3) + b"\x02" + bytes(3) + b"\x03"
COMMANDS = {
    "hello": b"\x93\x01\x01\xb0" + b"0123456789abcdef",
    "find": b"\x93\x02\x01\xa6server",
    "send": b"\x93\x03" + PID + b"\x92\xa3ask\x01",
    "call": b"\x95\x04\x05\xa6server\x94\xa3ask\x81\xa1k\x01" + PID
            + b"\xcb" + bytes(8) + b"\xcd\x03\xe8",
    "reply": b"\x93\x05\x01\x91\xa3ask",
    "refuse": b"\x93\x06\x01\x06",
    "link": b"\x92\x07" + PID,
    "monitor": b"\x93\x09\x01" + PID,
    "trap": b"\x92\x0b\xc3",
    "exit": b"\x93\x0c\xcd\x03\xe8\xc4\x02hi",
    "count": b"\xdd\xff\xff\xff\xff",
    "deep": b"\x91" * 60,
}


def frame(opcode, payload, final=True, mask=b"\x01\x02\x03\x04"):
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([(0x80 if final else 0) | opcode]) + length + mask + masked


def write(name, kind, body, step=5):
    (here / name).write_bytes(bytes([step << 2 | kind]) + body)


write("request", 0, HEAD
      + b"Origin: http://localhost:1\r\nSec-WebSocket-Protocol: troupe.1\r\n\r\n")
write("request-plain", 0, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
write("request-bad", 0, b"GET /?token=x HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
for command, encoded in COMMANDS.items():
    write("command-" + command, 1, encoded)
    write("frame-" + command, 2, frame(2, encoded))
write("frames", 3, frame(2, COMMANDS["send"][:5], False) + frame(9, b"hi")
      + frame(0, COMMANDS["send"][5:])
      + frame(10, b"") + frame(2, b"x" * 300) + frame(8, b"\x03\xe8bye"))
write("frames-text", 3, frame(1, b"hi"), 0)
write("frames-long", 3, b"\x82\xff" + (1 << 62).to_bytes(8, "big") + bytes(4), 1)

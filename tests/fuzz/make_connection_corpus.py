#!/usr/bin/env python3
"""Writes the first inputs of connection_fuzz: a frame of each kind to each target, and little plays
of several (what a step's bytes mean: connection_fuzz.c)."""
import pathlib

here = pathlib.Path(__file__).parent / "corpus" / "connection_fuzz"
here.mkdir(parents=True, exist_ok=True)

FRAME, WAIT, AGAIN, OTHER, CUT = b"\x04", b"\x21", b"\x12", b"\x1a", b"\x03"
NAMES = ("message request reply failed alias exit link unlink monitor unlink_ack demonitor down "
         "fragment credit heartbeat flush flushed xoff xon goodbye operation").split()


def frame(name, whom=0, who=1, what=0, kind=0, code=1, ref=0, node=0):
    return FRAME + bytes([NAMES.index(name), whom, who, what, kind, code, ref, node])


def write(name, *steps):
    (here / name).write_bytes(b"".join(steps))


write("empty")
for name in NAMES:
    write(name, frame(name), WAIT, frame(name, whom=129), WAIT)
write("foreign", FRAME, bytes([21 * 8, 0, 1, 0, 1, 0, 1, 0, 9]), WAIT)
write("watch", frame("monitor"), frame("request", ref=2), WAIT, frame("demonitor"), WAIT)
write("watch_and_leave", frame("monitor"), frame("monitor", ref=1), WAIT, CUT, WAIT, AGAIN, WAIT)
write("twice", frame("monitor"), frame("monitor"), frame("link"), frame("link"), WAIT)
write("pieces", *(frame("fragment", what=2, kind=i, code=20) for i in range(3)), WAIT)
write("after_goodbye", frame("goodbye"), frame("message"), WAIT)
write("bytes", bytes([8 * 8]) + b"\x20\x00\x00\x00\x01abc", WAIT)
write("half", bytes([3 * 8]) + b"\x00\x00\x00", WAIT, AGAIN, frame("request"), WAIT)
write("others", frame("request"), OTHER, frame("request"), WAIT, AGAIN, frame("request"), WAIT)
write("stopped", frame("xoff"), frame("request"), WAIT, frame("xon"), WAIT)
write("silence", b"\xf9", b"\xf9", b"\xf9", frame("request"), WAIT)

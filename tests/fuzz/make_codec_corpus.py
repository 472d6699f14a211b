#!/usr/bin/env python3
"""Writes the corpus of codec_fuzz: one of each kind and form, and the attacks that are known.

Usage: make_codec_corpus.py [FOLDER] (default: corpus/codec_fuzz beside this script). The same bytes
every time.
"""
import pathlib
import struct
import sys


class Ext:
    """An extension: its type and its bytes."""

    def __init__(self, kind, data):
        self.kind = kind
        self.data = data


def head(size, tiny, tiny_tag, forms):
    if size < tiny:
        return bytes([tiny_tag | size])
    for limit, tag, code in forms:
        if size <= limit:
            return bytes([tag]) + struct.pack(code, size)
    raise ValueError(size)


BYTE, HALF, WORD = (0xff, ">B"), (0xffff, ">H"), (0xffffffff, ">I")


def forms(*tags):
    widths = (BYTE, HALF, WORD)[3 - len(tags):]
    return [(limit, tag, code) for (limit, code), tag in zip(widths, tags)]


def pack(value):
    """msgpack for None, bool, int, float, str, bytes, list, dict and Ext."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if -32 <= value < 128:
            return struct.pack(">b", value)
        if value > 0:
            return head(value, 0, 0, forms(0xcc, 0xcd, 0xce) + [(2**64 - 1, 0xcf, ">Q")])
        for code, tag, limit in (("b", 0xd0, 2**7), ("h", 0xd1, 2**15), ("i", 0xd2, 2**31)):
            if value >= -limit:
                return bytes([tag]) + struct.pack(">" + code, value)
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return head(len(data), 32, 0xa0, forms(0xd9, 0xda, 0xdb)) + data
    if isinstance(value, bytes):
        return head(len(value), 0, 0, forms(0xc4, 0xc5, 0xc6)) + value
    if isinstance(value, list):
        return head(len(value), 16, 0x90, forms(0xdc, 0xdd)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        pairs = b"".join(pack(key) + pack(item) for key, item in value.items())
        return head(len(value), 16, 0x80, forms(0xde, 0xdf)) + pairs
    return b"\xd8" + struct.pack(">b", value.kind) + value.data


PID = Ext(1, bytes(range(16)))
NUMBERS = [True, 255, 65535, 2**32 - 1, 2**64 - 1, -128, -2**15, -2**31, -2**63, -0.5, PID, -1]
LISTS = [[True, False], [0, 127, 128], [2**63 - 1, -2**63], ["", "a", "\u00e9"], [b"", b"blob"],
         [PID, PID], [NUMBERS]]
FIELDS = [
    NUMBERS,
    ["text", b"\x00\xff", b"large" * 60],
    [True, -5, "here", b"blob", PID, 0.1],
    LISTS,
    [{"a": 1, "": 2}, {"k": "v"}, {"b": b"blob"}, {"pi": 3.14159}, {"x": b"\xc1"}],
    [],
    [LISTS, [[]] * 7],
    [[], []],
]
ZEROS = [False] + [0] * 8 + [0.0, PID, 0]
ABSENT = [ZEROS, ["", b"", b""], [None] * 6, [[]] * 7, [{}] * 5, [], [], []]

INPUTS = {
    "empty": b"",
    "everything": b"".join(map(pack, FIELDS)),
    "everything_absent": b"".join(map(pack, ABSENT)),
    "everything_older": b"".join(map(pack, [[], [], [], [], [], [], [], []])),
    "everything_newer": b"".join(pack(field + [1, ["more"], {"x": None}]) for field in FIELDS[:6])
                        + pack(FIELDS[6]) + pack(FIELDS[7]),
    "everything_message": pack(["everything"] + FIELDS),
    "one_of_each": pack([None, True, 1, -1, 0.5, "s", b"b", [1], {"k": 1}, PID]),
    "float_32": b"\xca\x3f\x80\x00\x00",
    "float_nan": b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    "int_wide": b"\xcf\x00\x00\x00\x00\x00\x00\x00\x05",
    "ext_fixed": b"\xd4\x05\x00",
    "ext_empty": b"\xc7\x00\x05",
    "ext_wide": b"\xc9\x00\x00\x00\x02\x05xx",
    "str_bad_utf8": b"\xa3\xed\xa0\x80",
    "map_odd_keys": pack({1: 2, None: 3, 0.5: 4, b"k": 5}) + b"\x81\x91\x01\x02",
    "tag_unused": b"\xc1",
    "bomb_array": b"\xdd\xff\xff\xff\xff",
    "bomb_map": b"\xdf\x00\xff\xff\xff",
    "bomb_nested": b"\xdd\x00\x10\x00\x00" * 31,
    "bomb_str": b"\xdb\xff\xff\xff\xffx",
    "bomb_bin": b"\xc6\xff\xff\xff\xffx",
    "bomb_ext": b"\xc9\xff\xff\xff\xff\x01x",
    "bomb_structs": b"".join(map(pack, FIELDS[:6])) + b"\xdc\x04\x00" + b"\x90" * 1024 + b"\x90",
    "depth_32": b"\x91" * 32 + b"\x01",
    "depth_33": b"\x91" * 33 + b"\x01",
    "depth_32_empty": b"\x91" * 31 + b"\x90",
    "depth_33_empty": b"\x91" * 32 + b"\x90",
    "depth_32_map": b"\x81\x00" * 32 + b"\x01",
    "depth_33_map": b"\x81\x00" * 33 + b"\x01",
}


def main():
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "corpus" / "codec_fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in INPUTS.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()

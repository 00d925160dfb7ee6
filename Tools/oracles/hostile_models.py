"""Model files made to exhaust or confuse a parser, written byte by byte."""

from __future__ import annotations

from typing import Iterator


def varint(value: int) -> bytes:
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def field(number: int, content: bytes) -> bytes:
    """A field of delimited content: a message, text or packed numbers."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def model(graph: bytes) -> bytes:
    """A model of IR version 8 and opset 17 with this content of a graph."""
    return b"\x08\x08" + field(7, graph) + field(8, b"\x10\x11")


def hostile_models() -> "Iterator[tuple[str, bytes]]":
    """Names and contents. Field numbers: model 7 graph; graph 1 node, 5 initializer, 11 input, 13 value_info; node 5
    attribute; attribute 6 graph, 8 ints, 9 strings; tensor 1 dims, 2 data_type, 7 int64_data, 8 name, 9 raw_data."""
    nested = b""
    for _ in range(5_000):
        nested = field(1, field(5, field(1, b"b") + field(6, nested)))
    yield "5,000 nested subgraphs", model(nested)
    empty = 5_000_000
    yield "10 MB of empty nodes", model(b"\x0a\x00" * empty)
    yield "10 MB of empty tensors", model(b"\x2a\x00" * empty)
    yield "10 MB of empty values", model(b"\x6a\x00" * empty)
    yield "10 MB of empty attributes", model(field(1, b"\x2a\x00" * empty))
    yield "10 MB of empty input names", model(field(1, b"\x0a\x00" * empty))
    yield "10 MB of empty strings", model(field(1, field(5, b"\x4a\x00" * empty)))
    yield "10 MB of packed integers", model(field(1, field(5, field(8, bytes(2 * empty)))))
    yield "10 MB of packed dimensions", model(field(5, field(1, bytes(2 * empty))))
    yield "80 MB of int64 from 10", model(field(5, b"\x08" + varint(2 * empty) + b"\x10\x07" + field(7, bytes(2 * empty))))
    yield "2 MB of empty tensors", model(b"\x2a\x00" * 1_000_000)
    yield "400 KB of repeated graphs", b"\x08\x08" + b"\x3a\x00" * 200_000
    yield "a group", model(b"\x0b")
    yield "a NUL in a name", model(field(1, field(4, b"Relu\x00Conv")))
    yield "a name that is not UTF-8", model(field(1, field(4, b"\xff\xfe")))
    yield "a length beyond the end", b"\x08\x08\x3a\xff\xff\xff\x7f"
    huge = varint(2**63 - 1)
    yield "dimensions whose product overflows", model(field(5, b"\x08" + huge + b"\x08" + huge + b"\x10\x01" + field(9, b"1234")))
    yield "a negative dimension", model(field(5, b"\x08" + varint(2**64 - 1) + b"\x10\x01" + field(9, b"1234")))
    yield "fewer elements than the shape says", model(field(5, b"\x08\x04\x10\x01" + field(9, b"1234")))
    yield "text", b"this is no model\n"
    yield "an empty file", b""
    yield "a ZIP archive", b"PK\x03\x04" + bytes(60)
    for location in ("/etc/hostname", "../secret", "a/../../secret"):
        entry = field(13, field(1, b"location") + field(2, location.encode()))
        yield f"external data at {location}", model(field(5, b"\x08\x04\x10\x02" + field(8, b"w") + entry + b"\x70\x01"))

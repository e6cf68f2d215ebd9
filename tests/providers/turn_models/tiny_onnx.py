"""An ONNX file of a few hundred bytes, written by hand: the probability is that the last second is silent.

Protocol buffers as in onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): a field is its number and
kind, then a varint or a length and that many bytes.
"""

from __future__ import annotations

import struct

FLOAT, INT64 = 1, 7


def number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def part(field: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def tiny_model(*, input_name: str = "input_features", frames: int = 800, steepness: float = -10.0) -> bytes:
    """sigmoid(steepness * (mean of the last 100 frames)): a loud end is far from 1, a quiet one near to it."""
    nodes = [
        _node("Slice", [input_name, "from", "to", "axis"], "end"),
        _node("ReduceMean", ["end"], "mean", part(5, part(1, "keepdims") + number(20, 2) + number(3, 0))),
        _node("Mul", ["mean", "steepness"], "steep"),
        _node("Sigmoid", ["steep"], "probability"),
    ]
    constants = [
        _tensor("from", INT64, struct.pack("<q", frames - 100), [1]),
        _tensor("to", INT64, struct.pack("<q", frames), [1]),
        _tensor("axis", INT64, struct.pack("<q", 2), [1]),
        _tensor("steepness", FLOAT, struct.pack("<f", steepness), []),
    ]
    graph = b"".join(part(1, node) for node in nodes) + part(2, "tiny")
    graph += b"".join(part(5, constant) for constant in constants)
    graph += part(11, _value(input_name, [1, 80, frames])) + part(12, _value("probability", []))
    return number(1, 8) + part(7, graph) + part(8, part(1, "") + number(2, 13))


def _node(kind: str, inputs: list[str], output: str, attributes: bytes = b"") -> bytes:
    return b"".join(part(1, name) for name in inputs) + part(2, output) + part(4, kind) + attributes


def _tensor(name: str, kind: int, raw: bytes, sizes: list[int]) -> bytes:
    return b"".join(number(1, size) for size in sizes) + number(2, kind) + part(8, name) + part(9, raw)


def _value(name: str, sizes: list[int]) -> bytes:
    shape = b"".join(part(1, number(1, size)) for size in sizes)
    return part(1, name) + part(2, part(1, number(1, FLOAT) + part(2, shape)))


def _varint(value: int) -> bytes:
    data = b""
    while value > 0x7F:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])

"""ONNX models written node by node.

An ONNX file is a protocol buffer with few kinds of fields, which these functions write; so neither
the onnx package nor torch is needed to run a network whose layers are known.

References
----------
.. [1] Open Neural Network Exchange, onnx.proto3. https://github.com/onnx/onnx
.. [2] Protocol Buffers, Encoding. https://protobuf.dev/programming-guides/encoding
"""

import struct
from collections.abc import Iterable, Sequence

import numpy as np

from napari_umis_fusion.runtime import AnyArray

OPSET = 18
"""Version of the operators."""

IR_VERSION = 8
"""Version of the file format that belongs to these operators."""

FLOAT, INT64 = 1, 7
"""Types of tensors, as onnx.proto3 numbers them."""

Attribute = int | float | str | Sequence[int]


class OnnxGraph:
    """A graph of operators, built in the order of the computation.

    Values are referred to by name: `node` returns that of its result.

    Parameters
    ----------
    inputs : mapping of str to int
        Name and number of channels of each input, of shape (1, C, Y, X), float32; Y and X are
        free.
    """

    def __init__(self, inputs: dict[str, int]) -> None:
        self._inputs = inputs
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, value: AnyArray) -> str:
        """Add a constant tensor, float32 or int64."""
        name = f"c{len(self._constants)}"
        kind = INT64 if value.dtype == np.int64 else FLOAT
        stored = np.ascontiguousarray(value, "<i8" if kind == INT64 else "<f4")
        dims = b"".join(_number(1, length) for length in stored.shape)
        tensor = dims + _number(2, kind) + _bytes(8, name.encode()) + _bytes(9, stored.tobytes())
        self._constants.append(tensor)
        return name

    def node(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """Add an operator; returns the name of its result."""
        name = f"v{len(self._nodes)}"
        self._add(operator, inputs, name, attributes)
        return name

    def model(self, outputs: dict[str, str]) -> bytes:
        """Return the file that computes values, under the names that `outputs` gives them."""
        for outside, inside in outputs.items():
            self._add("Identity", (inside,), outside, {})
        graph = b"".join(
            [
                *(_bytes(1, node) for node in self._nodes),
                _bytes(2, b"plane ranker"),
                *(_bytes(5, constant) for constant in self._constants),
                *(_bytes(11, _value(name, count)) for name, count in self._inputs.items()),
                *(_bytes(12, _value(name, None)) for name in outputs),
            ]
        )
        opset = _bytes(1, b"") + _number(2, OPSET)
        return _number(1, IR_VERSION) + _bytes(7, graph) + _bytes(8, opset)

    def _add(
        self, operator: str, inputs: Iterable[str], output: str, attributes: dict[str, Attribute]
    ) -> None:
        taken = b"".join(_bytes(1, name.encode()) for name in inputs)
        settings = b"".join(_bytes(5, _attribute(*item)) for item in attributes.items())
        named = _bytes(3, output.encode()) + _bytes(4, operator.encode())
        self._nodes.append(taken + _bytes(2, output.encode()) + named + settings)


def _varint(value: int) -> bytes:
    """Write a number of variable length: 7 bits in each byte, the lowest first."""
    value &= (1 << 64) - 1  # negative numbers as their two's complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _attribute(name: str, value: Attribute) -> bytes:
    """Write an attribute with its type, as AttributeProto numbers them."""
    head = _bytes(1, name.encode())
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, 2)
    if isinstance(value, float):
        return head + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, str):
        return head + _bytes(4, value.encode()) + _number(20, 3)
    return head + b"".join(_number(8, one) for one in value) + _number(20, 7)


def _value(name: str, channels: int | None) -> bytes:
    """Describe an input or output; the number of channels of outputs follows from the graph."""
    batch = _bytes(1, _number(1, 1))
    depth = _bytes(1, _bytes(2, f"{name}_c".encode()) if channels is None else _number(1, channels))
    sides = b"".join(_bytes(1, _bytes(2, f"{name}_{axis}".encode())) for axis in "yx")
    tensor = _number(1, FLOAT) + _bytes(2, batch + depth + sides)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))

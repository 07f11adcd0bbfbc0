"""ONNX models written node by node.

An ONNX file is a protocol buffer with few kinds of fields, which these functions write; so neither
the onnx package nor torch is needed to run a network whose layers are known.

References
----------
.. [1] Open Neural Network Exchange, onnx.proto3. https://github.com/onnx/onnx
.. [2] Protocol Buffers, Encoding. https://protobuf.dev/programming-guides/encoding
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_umis_fusion.runtime import AnyArray

OPSET = 18
"""Version of the operators."""

IR_VERSION = 8
"""Version of the file format that belongs to these operators."""

FLOAT, INT64 = 1, 7
"""Types of tensors, as onnx.proto3 numbers them."""

Attribute = int | float | str | Sequence[int]

Shape = Sequence[int | str]
"""Lengths of the axes of a tensor; a name stands for any length."""


@dataclass(frozen=True, slots=True)
class OnnxText:
    """What a file says about itself.

    Attributes
    ----------
    summary : str
        What the model is.
    values : mapping of str to str
        Meaning of inputs and outputs, by name.
    metadata : mapping of str to str
        Further entries.
    """

    summary: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


def plane_shape(name: str, channels: int | str) -> Shape:
    """Return the shape of one plane with channels; height and width are free."""
    return 1, channels, f"{name}_y", f"{name}_x"


class OnnxGraph:
    """A graph of operators, built in the order of the computation.

    Values are referred to by name: `node` returns that of its result.

    Parameters
    ----------
    inputs : mapping of str to sequence of int or str
        Name and shape of each input, float32.
    """

    def __init__(self, inputs: Mapping[str, Shape]) -> None:
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

    def model(
        self,
        outputs: Mapping[str, str],
        shapes: Mapping[str, Shape] | None = None,
        text: OnnxText | None = None,
    ) -> bytes:
        """Return the file that computes values.

        Parameters
        ----------
        outputs : mapping of str to str
            The values, by the names that they get.
        shapes : mapping of str to sequence of int or str, optional
            Shape of each; by default that of one plane.
        text : OnnxText, optional
            What the file says about itself.
        """
        shapes = shapes or {name: plane_shape(name, f"{name}_c") for name in outputs}
        text = text or OnnxText()
        for outside, inside in outputs.items():
            self._add("Identity", (inside,), outside, {})
        graph = b"".join(
            [
                *(_bytes(1, node) for node in self._nodes),
                _bytes(2, b"network"),
                *(_bytes(5, constant) for constant in self._constants),
                *(_bytes(11, _value(*item, text)) for item in self._inputs.items()),
                *(_bytes(12, _value(name, shapes[name], text)) for name in outputs),
            ]
        )
        opset = _bytes(1, b"") + _number(2, OPSET)
        entries = [
            _bytes(14, _bytes(1, key.encode()) + _bytes(2, said.encode()))
            for key, said in text.metadata.items()
        ]
        return b"".join(
            [
                _number(1, IR_VERSION),
                _bytes(6, text.summary.encode()),
                _bytes(7, graph),
                _bytes(8, opset),
                *entries,
            ]
        )

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


def _value(name: str, shape: Shape, text: OnnxText) -> bytes:
    """Describe an input or output."""
    lengths = [
        _bytes(2, length.encode()) if isinstance(length, str) else _number(1, length)
        for length in shape
    ]
    axes = b"".join(_bytes(1, length) for length in lengths)
    tensor = _number(1, FLOAT) + _bytes(2, axes)
    meaning = _bytes(3, text.values[name].encode()) if name in text.values else b""
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor)) + meaning

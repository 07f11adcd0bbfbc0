"""ONNX models written node by node.

An ONNX file is a protocol buffer with few kinds of fields, which these functions write; so neither
the onnx package nor torch is needed to run a network whose layers are known.

References
----------
.. [1] Open Neural Network Exchange, onnx.proto3. https://github.com/onnx/onnx
.. [2] Protocol Buffers, Encoding. https://protobuf.dev/programming-guides/encoding
"""

import struct
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class _Node:
    """An operator with the names of its inputs and of its result."""

    operator: str
    inputs: Sequence[str]
    output: str
    attributes: Mapping[str, Attribute]

    def content(self, names: Mapping[str, str]) -> bytes:
        """Write it, with other names for some values."""
        taken = b"".join(_bytes(1, names.get(name, name).encode()) for name in self.inputs)
        given = _bytes(2, names.get(self.output, self.output).encode())
        settings = b"".join(_bytes(5, _attribute(*item)) for item in self.attributes.items())
        own = f"{self.operator}_{self.output}"
        return (
            taken + given + _bytes(3, own.encode()) + _bytes(4, self.operator.encode()) + settings
        )


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
        self._nodes: list[_Node] = []
        self._constants: list[bytes] = []
        self._known: dict[str, Shape] = {}

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
        self._nodes.append(_Node(operator, inputs, name, attributes))
        return name

    def describe(self, name: str, shape: Shape) -> None:
        """Say of what shape the result of a node is, as far as ONNX does not infer that itself."""
        self._known[name] = shape

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
            The values, each the result of a node, by the names that they get.
        shapes : mapping of str to sequence of int or str, optional
            Shape of each; by default that of one plane.
        text : OnnxText, optional
            What the file says about itself.
        """
        shapes = shapes or {name: plane_shape(name, f"{name}_c") for name in outputs}
        text = text or OnnxText()
        # Under these names from the start: else ONNX Runtime copies what other nodes take, too.
        names = {inside: outside for outside, inside in outputs.items()}
        graph = b"".join(
            [
                *(_bytes(1, node.content(names)) for node in self._nodes),
                _bytes(2, b"network"),
                *(_bytes(5, constant) for constant in self._constants),
                *(_bytes(11, _value(*item, text)) for item in self._inputs.items()),
                *(_bytes(12, _value(name, shapes[name], text)) for name in outputs),
                *(
                    _bytes(13, _value(name, shape, OnnxText()))
                    for name, shape in self._known.items()
                    if name not in {*names, *self._inputs}
                ),
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

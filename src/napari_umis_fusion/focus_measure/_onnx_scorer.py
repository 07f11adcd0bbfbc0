"""Scores of planes by ONNX Runtime, on the CPU."""

from typing import TYPE_CHECKING

from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.network import OnnxStages, OnnxTwoScaleStream, ScoreMaps
from napari_umis_fusion.runtime import Float32Array, FloatMap, Workers

if TYPE_CHECKING:
    from collections.abc import Mapping


class OnnxScorer:
    """Scores planes with ONNX Runtime.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Weights of a plane ranker.
    workers : Workers
        Threads to run on.

    Attributes
    ----------
    device : str
        "cpu".
    notes : list of str
        Empty: there is no other way to compute.
    """

    device = "cpu"

    def __init__(self, weights: "Mapping[str, Float32Array]", workers: Workers) -> None:
        self.notes: list[str] = []
        self._stages = OnnxStages(weights, workers)
        self._stream: OnnxTwoScaleStream | None = None
        self._size = (0, 0)

    def push(self, plane: FloatMap) -> list[ScoreMaps]:
        """Add the next plane (Y, X), in spans of the stack; return scores that are known now."""
        if self._stream is None:
            self._size = plane.shape[0], plane.shape[1]
            self._stream = OnnxTwoScaleStream(self._stages, self._size)
        try:
            scores = self._stream.push(plane)
        except MemoryError as error:
            raise self._out_of_memory() from error
        return [] if scores is None else [scores]

    def end(self) -> list[ScoreMaps]:
        """Return the scores of the last planes."""
        stream, self._stream = self._stream, None
        try:
            return [] if stream is None else list(stream.end())
        except MemoryError as error:
            raise self._out_of_memory() from error

    def _out_of_memory(self) -> DeviceError:
        height, width = self._size
        return DeviceError(
            f"the cpu ran out of memory for planes of {height} x {width} px; close other programs, "
            "lower memory_mb, fuse a part of the stack or choose another focus measure"
        )

"""A session of ONNX Runtime, which computes from arrays into arrays that are there already."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.network._onnx_runtime import onnx_runtime
from napari_umis_fusion.runtime import Float32Array

Arrays = Mapping[str, Float32Array]

ARENA = {"arena_extend_strategy": 1, "max_mem": 0, "initial_chunk_size_bytes": 2**24}
"""Settings of the memory that all sessions share: it grows by what is asked for."""


class StageSession:
    """A model that is computed on the thread that calls it.

    Parameters
    ----------
    model : bytes
        An ONNX model whose outputs are planes of shape (1, C, Y, X), float32.

    Attributes
    ----------
    channels_taken, channels : tuple of int
        Of each input, and of each output.

    Raises
    ------
    DeviceError
        If ONNX Runtime is missing or refuses to work.
    """

    def __init__(self, model: bytes) -> None:
        self._session = open_session(model)
        outputs = self._session.get_outputs()
        self.channels_taken = tuple(int(one.shape[1]) for one in self._session.get_inputs())
        self.channels = tuple(int(output.shape[1]) for output in outputs)
        self._names = [output.name for output in outputs]

    def fill(self, inputs: Arrays, outputs: Sequence[Float32Array]) -> None:
        """Compute the outputs.

        Parameters
        ----------
        inputs : mapping of str to ndarray
            In one piece each.
        outputs : sequence of ndarray
            Filled; in one piece each, and of the shapes that follow from the inputs. Arrays of the
            runtime's own would be copied, and asked for anew each time.
        """
        checked(lambda: self._fill(inputs, outputs))

    def _fill(self, inputs: Arrays, outputs: Sequence[Float32Array]) -> None:
        binding = self._session.io_binding()
        for name, array in inputs.items():
            binding.bind_input(name, *_place(array))
        for name, array in zip(self._names, outputs, strict=True):
            binding.bind_output(name, *_place(array))
        self._session.run_with_iobinding(binding)


def _place(array: Float32Array) -> tuple[Any, ...]:
    """Return where an array is, as the runtime takes it."""
    return "cpu", 0, np.float32, array.shape, array.ctypes.data


@cache
def _share_arena() -> bool:
    """Let all sessions of this process share one arena; return whether they can.

    Without an arena, the pages of every buffer are asked for anew; an arena for each session keeps
    the most that each ever held.
    """
    onnxruntime = onnx_runtime()
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    try:
        onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(ARENA))
    except Exception:  # another package has made one, or this release takes no such settings
        return False
    return True


def open_session(model: bytes) -> Any:
    """Return a session that computes on the thread that calls it."""
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    if _share_arena():
        options.add_session_config_entry("session.use_env_allocators", "1")
    else:
        options.enable_cpu_mem_arena = False
    options.log_severity_level = 3  # errors only, which are raised too
    return checked(
        lambda: onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    )


def compute(session: Any, arrays: Arrays) -> list[Float32Array]:
    """Run a session; its exceptions become ours."""
    return list(checked(lambda: session.run(None, dict(arrays))))


def checked(call: Callable[[], Any]) -> Any:
    """Call ONNX Runtime; its exceptions, which have no common base, become ours."""
    try:
        return call()
    except MemoryError:
        raise
    except Exception as error:
        text = str(error)
        if "bad_alloc" in text or "allocate memory" in text.lower():
            raise MemoryError(text) from error
        first = text.splitlines()[0] if text else type(error).__name__
        raise DeviceError(
            f"ONNX Runtime cannot run the network on this cpu ({first}); reinstall onnxruntime, or "
            "remove it, so that torch runs the network"
        ) from error

"""The decorator of kernels: functions of arrays that numba compiles to machine code."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core import event

from napari_umis_fusion.runtime._compiling import note_compiling

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,  # nobody calls kernels from C
}


class _Listener(event.Listener):
    """Hears when something is compiled, not when it is loaded from disk."""

    def on_start(self, event: Any) -> None:
        note_compiling(1)

    def on_end(self, event: Any) -> None:
        note_compiling(-1)


event.register("numba:compile", _Listener())  # type: ignore[no-untyped-call]


def kernel(function: Function) -> Function:
    """Compile a function for each combination of dtypes that it meets, and keep that on disk.

    Its first call waits until it is compiled, which takes a quarter of a second or more. Most of
    that can be written away: arrays that are made (`np.empty`), filled by slices (`line[:] = 0`)
    or computed as a whole (`line / 2`) let numba compile dozens of functions of its own. So kernels
    loop, and get the space they work in from their caller.
    """
    compiled: Function = njit(**OPTIONS)(function)
    return compiled

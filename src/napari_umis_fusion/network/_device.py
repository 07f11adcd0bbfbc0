"""Devices on which networks run, and what to do when their memory runs out."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from napari_umis_fusion.config import DeviceName
from napari_umis_fusion.errors import DeviceError

Done = TypeVar("Done")

SHORTEST_RETRY = 64
"""Smallest number of rows of halved strips; fewer would save little memory."""

STRIP_PIXELS = {"cuda": 2**21, "mps": 2**20}
"""Pixels of a strip, which take about 1 GB and 0.5 GB."""

STRIP_MB = 1024
"""Memory of a strip on CUDA."""

CPU_STRIP_PIXELS = 2**14
"""Pixels of a strip per thread: they take some tens of milliseconds and mostly fit the cache."""

BFLOAT16_CAPABILITY = (8, 0)
"""Compute capability of the first CUDA devices with bfloat16 arithmetic."""

BFLOAT16_CPUS = ("_is_amx_tile_supported",)
"""Tests of the CPU in torch, which has no public ones. With AMX only: vectors alone, AVX-512's too,
gain little on some processors and are many times as slow on others."""

BYTES_PER_PIXEL = 450
"""Memory per pixel of a plane: all nodes that the last node takes, and a strip."""


def available_devices() -> tuple[str, ...]:
    """List the available devices, the fastest first."""
    cuda = ("cuda",) if torch.cuda.is_available() else ()
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return (*cuda, *mps, "cpu")


def choose_device(wanted: DeviceName) -> torch.device:
    """Choose the device to compute on.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda", "mps"}
        'auto' selects the first of cuda, mps and cpu that is available.

    Returns
    -------
    torch.device
        An available device.

    Raises
    ------
    DeviceError
        If the device is not available.
    """
    present = available_devices()
    if wanted == "auto":
        return torch.device(present[0])
    if wanted not in present:
        raise DeviceError(
            f"device {wanted!r} is not available: this machine, with this build of torch, has "
            f"{', '.join(present)}; choose one of them or 'auto'"
        )
    return torch.device(wanted)


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies matrices in bfloat16 faster than in float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= BFLOAT16_CAPABILITY
    if device.type != "cpu":
        return False
    tests = (getattr(torch.cpu, name, None) for name in BFLOAT16_CPUS)
    return any(test() for test in tests if test is not None)  # private, so they may be missing


def free_device_bytes(device: torch.device) -> int | None:
    """Return the memory of a device that this process may still take; None if unknown.

    What torch has reserved there and does not use counts as free.
    """
    if device.type != "cuda":
        return None
    reserved, used = torch.cuda.memory_reserved(device), torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + reserved - used


def single_torch_thread() -> None:
    """Restrict torch to the calling thread, one of several that compute at the same time."""
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)


def default_strip_rows(device: torch.device, width: int) -> int:
    """Choose the number of rows of a plane of `width` px to compute at once."""
    on_cpu = CPU_STRIP_PIXELS * torch.get_num_threads()
    return max(16, STRIP_PIXELS.get(device.type, on_cpu) // width)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that a device, or the machine, ran out of memory."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    text = str(error).lower()
    # On the CPU and on MPS, torch raises a plain RuntimeError that only its text identifies.
    signs = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


@dataclass
class MemoryPolicy:
    """Runs planes on a device; when memory runs out, halves the strips and finally uses the CPU.

    Its changes stay in effect for the following planes.

    Attributes
    ----------
    device : torch.device
        The device in use now.
    strip_rows : int or None
        Rows computed at once; None: chosen for the device and the plane's width.
    notes : list of str
        Notes for the user on what was changed, and why.
    choose_rows : callable or None
        Chooses rows for a device and a width; None: `default_strip_rows`.
    """

    device: torch.device
    strip_rows: int | None = None
    notes: list[str] = field(default_factory=list)
    choose_rows: Callable[[torch.device, int], int] | None = None

    def iter_run(
        self,
        step: Callable[[torch.device, int], Generator[None, None, Done]],
        size: tuple[int, int],
    ) -> Generator[None, None, Done]:
        """Run one plane, and again with less memory if it ran out.

        Parameters
        ----------
        step : callable
            From a device and a number of rows to a generator that computes the plane.
        size : tuple of int
            (Y, X) of the plane.

        Yields
        ------
        None
            Whenever `step` does.

        Returns
        -------
        object
            The result of `step`.

        Raises
        ------
        DeviceError
            If the CPU runs out of memory too.
        """
        choose = self.choose_rows or default_strip_rows
        while True:
            rows = min(self.strip_rows or choose(self.device, size[1]), size[0])
            try:
                return (yield from step(self.device, rows))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside the handler: only here the error, and the tensors that its traceback keeps
            # alive, are freed.
            self._use_less(rows, size)

    def _use_less(self, rows: int, size: tuple[int, int]) -> None:
        name = self.device.type
        if rows // 2 >= SHORTEST_RETRY:
            self.strip_rows = rows // 2
            self.notes.append(f"{name} ran out of memory: strips of {rows // 2} rows")
        elif name != "cpu":
            self.device, self.strip_rows = torch.device("cpu"), None
            self.notes.append(f"{name} ran out of memory: fell back to the cpu")
        else:
            raise DeviceError(
                f"the cpu ran out of memory for a plane of {size[0]} x {size[1]} px, which takes "
                f"about {size[0] * size[1] * BYTES_PER_PIXEL / 1e9:.1f} GB; close other programs, "
                "fuse a part of the stack or choose another focus measure"
            )
        _empty_cache(name)


def _empty_cache(device: str) -> None:
    """Return the memory that torch caches to the device."""
    if device == "cuda" and torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif device == "mps" and torch.backends.mps.is_available():
        torch.mps.empty_cache()

"""Where the network runs, and what happens when that place runs out of memory."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from napari_umis_fusion.config import DeviceName
from napari_umis_fusion.errors import DeviceError

Done = TypeVar("Done")

SHORTEST_RETRY = 64
"""Strips are not halved below this many rows: it would save little."""

STRIP_PIXELS = {"cuda": 2**21, "mps": 2**20}
"""Pixels of a strip that use about 1 GB and 0.5 GB."""

CPU_STRIP_PIXELS = 2**14
"""Pixels of a strip for each thread: some tens of milliseconds, and mostly in its cache."""

BFLOAT16_CAPABILITY = (8, 0)
"""Compute capability of the first CUDA devices that multiply bfloat16."""

BFLOAT16_CPUS = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
"""What torch, which has no public name for it, knows of the CPU."""

BYTES_PER_PIXEL = 450
"""Of a plane: all nodes that the last one takes, and a strip."""


def available_devices() -> tuple[str, ...]:
    """List the devices of this machine, the fastest first."""
    cuda = ("cuda",) if torch.cuda.is_available() else ()
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return (*cuda, *mps, "cpu")


def choose_device(wanted: DeviceName) -> torch.device:
    """Find the device to compute on.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda", "mps"}
        'auto' takes the first of cuda, mps and cpu that the machine has.

    Returns
    -------
    torch.device
        One that is there.

    Raises
    ------
    DeviceError
        If the machine has no such device.
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
    """Tell whether a device multiplies matrices in bfloat16 faster than in float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= BFLOAT16_CAPABILITY
    if device.type != "cpu":
        return False
    asks = (getattr(torch.cpu, name, None) for name in BFLOAT16_CPUS)
    return any(ask() for ask in asks if ask is not None)


def single_torch_thread() -> None:
    """Let the calling thread, one of several, compute without help of torch's own threads."""
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)


def default_strip_rows(device: torch.device, width: int) -> int:
    """Choose how many rows of a plane of `width` px to compute at once."""
    on_cpu = CPU_STRIP_PIXELS * torch.get_num_threads()
    return max(16, STRIP_PIXELS.get(device.type, on_cpu) // width)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that a device, or the machine, ran out of memory."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    text = str(error).lower()
    signs = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


@dataclass
class MemoryPolicy:
    """Runs planes on a device; when memory runs out it halves the strips, then takes the CPU.

    What it learns from one plane holds for the next.

    Attributes
    ----------
    device : torch.device
        Where planes run now.
    strip_rows : int or None
        Rows computed at once; None: chosen for the device and the plane's width.
    notes : list of str
        What was changed and why, for people to read.
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
        """Run one plane, again with less memory where it ran out.

        Parameters
        ----------
        step : callable
            Takes a device and a number of rows, and returns a generator that does the work.
        size : tuple of int
            (Y, X) of the plane.

        Yields
        ------
        None
            Whenever `step` does.

        Returns
        -------
        object
            What `step` returns.

        Raises
        ------
        DeviceError
            If the CPU, too, runs out of memory.
        """
        choose = self.choose_rows or default_strip_rows
        while True:
            rows = min(self.strip_rows or choose(self.device, size[1]), size[0])
            try:
                return (yield from step(self.device, rows))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Only here, with the error and all that its frames held gone, is memory free.
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
        _give_back(name)


def _give_back(device: str) -> None:
    """Return memory that torch keeps for later to the device."""
    if device == "cuda" and torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif device == "mps" and torch.backends.mps.is_available():
        torch.mps.empty_cache()

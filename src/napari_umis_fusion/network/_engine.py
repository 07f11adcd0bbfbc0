"""What runs the plane ranker: ONNX Runtime on a CPU, torch elsewhere; torch is not imported here.

Importing torch takes seconds, and its convolutions on a CPU several times those of ONNX Runtime.
"""

import os
import re
import sys
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

from napari_umis_fusion.config import DeviceName
from napari_umis_fusion.network._onnx_runtime import onnx_runtime

DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Files that a driver of graphics cards makes on Linux: NVIDIA's, that of WSL, AMD's."""

DRIVER_LIBRARIES = ("nvcuda", "cuda", "amdhip64")
"""Libraries of such drivers, on Windows and elsewhere."""


def runs_without_torch(wanted: DeviceName) -> bool:
    """Whether the plane ranker computes on this device with ONNX Runtime.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda", "mps"}
        As in `FusionConfig.device`.

    Returns
    -------
    bool
        True for the CPU, and for 'auto' where there is nothing faster; False where ONNX Runtime is
        missing or does not load.
    """
    if wanted not in ("cpu", "auto") or not has_onnxruntime():
        return False
    if wanted == "cpu" or not may_have_accelerator():
        return True
    from napari_umis_fusion.network._device import choose_device

    return choose_device("auto").type == "cpu"


def has_onnxruntime() -> bool:
    """Whether ONNX Runtime is installed and loads; on Windows, it may lack a library."""
    try:
        onnx_runtime()
    except (ImportError, OSError):
        return False
    return True


def may_have_accelerator() -> bool:
    """Whether torch might find a graphics card; if False, it need not be asked."""
    if find_spec("torch") is None:
        return False
    if sys.platform == "darwin":
        return True
    return _built_for_accelerators() and (
        any(os.path.exists(driver) for driver in DRIVERS)
        or any(find_library(name) for name in DRIVER_LIBRARIES)
    )


def _built_for_accelerators() -> bool:
    """Whether this build of torch computes on graphics cards, by the file that says so."""
    origin = getattr(find_spec("torch"), "origin", None)
    if origin is None:
        return True
    try:
        text = Path(origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return True
    found = re.findall(r"^(?:cuda|hip|xpu)\b[^=\n]*=\s*(.+)$", text, re.MULTILINE)
    return not found or any(value.strip() != "None" for value in found)

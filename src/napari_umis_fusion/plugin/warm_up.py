"""Load what a fusion needs while the user still looks at the widget."""

import ctypes
import importlib
import importlib.util
import os
import sys
import threading
from pathlib import Path

_NEEDED = ("napari_umis_fusion.fusion", "napari_umis_fusion.focus_measure.learned", "matplotlib")
"""Modules that the default fusion imports, torch and numba among what they import."""


def warm_up() -> threading.Thread:
    """Import in a thread what would otherwise stop the window in the middle of a fusion.

    Python keeps its lock while it loads a library, for torch up to 0.3 s at a time.
    """
    thread = threading.Thread(target=_load, name="umis-fusion-warm-up")
    thread.start()
    return thread


def _load() -> None:
    if "torch" not in sys.modules:
        _preload_torch()
    for name in _NEEDED:
        importlib.import_module(name)


def _preload_torch() -> None:
    """Map torch's largest library with Python's lock given up, as foreign functions are called.

    Where that does not work torch is imported a moment later as ever.
    """
    spec = importlib.util.find_spec("torch")
    if os.name != "posix" or spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "lib"
    ending = "dylib" if sys.platform == "darwin" else "so"
    open_library = ctypes.CDLL(None).dlopen
    open_library.restype = ctypes.c_void_p
    for name in ("libc10", "libtorch_cpu"):
        open_library(os.fsencode(folder / f"{name}.{ending}"), os.RTLD_NOW)

"""Load what a fusion needs while the user still looks at the widget."""

import contextlib
import ctypes
import importlib.util
import os
import sys
import threading
from pathlib import Path

TINY = (3, 32, 32)
"""Shape of the stack that is fused to load all that a fusion loads."""

_begun = threading.Event()


def warm_up() -> None:
    """Load in a thread, once, what would otherwise stop the window in the middle of a fusion.

    Python keeps its lock while it loads a library, for torch up to 0.3 s at a time.
    """
    if not _begun.is_set():
        _begun.set()
        threading.Thread(target=_load, name="umis-fusion-warm-up").start()


def _load() -> None:
    with contextlib.suppress(Exception):  # what is broken is told by the fusion that meets it
        if "torch" not in sys.modules:
            _preload_torch()
        import numpy as np

        from napari_umis_fusion.fusion import fuse

        fuse(np.random.default_rng(0).integers(0, 255, TINY, np.uint8))


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

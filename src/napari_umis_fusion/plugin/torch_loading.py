"""Load torch's library without stopping the window."""

import ctypes
import importlib.util
import os
import sys
from pathlib import Path


def preload_torch() -> None:
    """Map torch's largest library while other threads go on; to be called in a worker thread.

    Python keeps its lock while it imports a library, which for torch stops a window for 150 ms.
    The system's own `dlopen`, called as a foreign function, gives the lock up. Where that does
    not work torch is imported later as ever.
    """
    if os.name != "posix" or "torch" in sys.modules:
        return
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "lib"
    ending = "dylib" if sys.platform == "darwin" else "so"
    open_library = ctypes.CDLL(None).dlopen
    open_library.restype = ctypes.c_void_p
    for name in ("libc10", "libtorch_cpu"):
        open_library(os.fsencode(folder / f"{name}.{ending}"), os.RTLD_NOW)

"""Load what a fusion needs while the user still looks at the widget."""

import contextlib
import ctypes
import importlib
import importlib.util
import os
import sys
import threading
from pathlib import Path

TINY = (3, 32, 32)
"""Shape of the stack that is fused to import and compile everything that a fusion needs."""

_begun, _loaded = threading.Event(), threading.Event()
_training_begun, _torch_loaded = threading.Event(), threading.Event()


def torch_is_loaded() -> bool:
    """Return whether the import of torch has ended: before that, using it would import it here.

    Only a training is sure to import it: on a CPU, fusions run without.
    """
    return _torch_loaded.is_set()


def warm_up_training() -> None:
    """Import in a thread, once, what only a training needs."""
    warm_up()
    if not _training_begun.is_set():
        _training_begun.set()
        threading.Thread(target=_load_training, name="umis-fusion-warm-up").start()


def warm_up() -> None:
    """Import in a thread, once, what would otherwise stop the window during a fusion.

    Python holds its global lock while it loads a shared library, for torch up to 0.3 s at a time.
    """
    if not _begun.is_set():
        _begun.set()
        threading.Thread(target=_load, name="umis-fusion-warm-up").start()


def _load() -> None:
    try:
        _fuse_something()
    finally:
        _loaded.set()


def _fuse_something() -> None:
    with contextlib.suppress(Exception):  # the first fusion reports what is broken
        import numpy as np

        from napari_umis_fusion.fusion import fuse
        from napari_umis_fusion.network import may_have_accelerator

        if may_have_accelerator():
            _preload_torch()

        fuse(np.random.default_rng(0).integers(0, 255, TINY, np.uint8))
        # napari imports it with the first labels layer, as a retouch adds one
        importlib.import_module("skimage.color")


def _load_training() -> None:
    _loaded.wait()
    try:
        _import_torch()
    finally:
        _torch_loaded.set()
    with contextlib.suppress(Exception):  # the first training reports what is broken
        import numpy as np

        from napari_umis_fusion.metrics import false_edge_rate, psnr, ssim
        from napari_umis_fusion.network import load_checkpoint, shipped_weights
        from napari_umis_fusion.training import StepDone
        from napari_umis_fusion.training.data import check_images, collect_images
        from napari_umis_fusion.training.loop import train

        noise = np.random.default_rng(0).random((2, 64, 64))
        for measure in (psnr, ssim):
            measure(*noise, data_range=1.0)
        false_edge_rate(noise[0], noise, grey_range=(0.0, 1.0))
        images = collect_images(noise)
        check_images(images)
        with contextlib.closing(train(images, steps=1, batch=2, patch_px=32)) as events:
            next(event for event in events if isinstance(event, StepDone))
        # after the optimiser is imported, creating a network is slow the first time
        load_checkpoint(shipped_weights("plane-ranker"))


def _import_torch() -> None:
    with contextlib.suppress(Exception):  # the first training reports what is broken
        _preload_torch()
        importlib.import_module("torch")


def _preload_torch() -> None:
    """Load torch's largest libraries by dlopen, because ctypes releases Python's global lock.

    If this fails, the import of torch loads them as usual.
    """
    if "torch" in sys.modules:
        return
    spec = importlib.util.find_spec("torch")
    if os.name != "posix" or spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "lib"
    suffix = "dylib" if sys.platform == "darwin" else "so"
    open_library = ctypes.CDLL(None).dlopen
    open_library.restype = ctypes.c_void_p
    for name in ("libc10", "libtorch_cpu"):
        open_library(os.fsencode(folder / f"{name}.{suffix}"), os.RTLD_NOW)

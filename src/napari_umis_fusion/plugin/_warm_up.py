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

_begun, _loaded, _training_begun = threading.Event(), threading.Event(), threading.Event()


def torch_is_loaded() -> bool:
    """Tell whether torch is there, or cannot be had: asking it anything would load it else."""
    return _loaded.is_set()


def warm_up_training() -> None:
    """Load in a thread, once, what a training loads besides."""
    warm_up()
    if not _training_begun.is_set():
        _training_begun.set()
        threading.Thread(target=_load_training, name="umis-fusion-warm-up").start()


def warm_up() -> None:
    """Load in a thread, once, what would otherwise stop the window in the middle of a fusion.

    Python keeps its lock while it loads a library, for torch up to 0.3 s at a time.
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
    with contextlib.suppress(Exception):  # what is broken is told by the fusion that meets it
        if "torch" not in sys.modules:
            _preload_torch()
        import numpy as np

        from napari_umis_fusion.fusion import fuse

        fuse(np.random.default_rng(0).integers(0, 255, TINY, np.uint8))


def _load_training() -> None:
    _loaded.wait()
    with contextlib.suppress(Exception):  # what is broken is told by the training that meets it
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
        # with the optimiser comes another way to make empty networks, slow the first time
        load_checkpoint(shipped_weights("plane-ranker"))


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

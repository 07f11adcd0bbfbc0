"""Import of what torch's optimisers need, beside the window of a viewer."""

import importlib
import sys
from pathlib import Path

_LOADED = Path("/proc/self/maps")


def import_for_optimizers() -> None:
    """Import what torch's optimisers load when the first of them is made.

    Among it is Triton, where torch's build for CUDA brings it: a compiler for graphics cards, which
    a training does not use, with an LLVM of its own. In a process whose OpenGL has loaded another
    LLVM, as Mesa does for the window of a viewer, its import is a segmentation fault. There, torch
    finds no Triton.
    """
    if "triton" in sys.modules or not has_foreign_llvm():
        return
    sys.modules["triton"] = None  # type: ignore[assignment]  # an ImportError for whoever asks
    try:
        importlib.import_module("torch._dynamo")
    finally:
        del sys.modules["triton"]


def has_foreign_llvm() -> bool:
    """Whether the process has loaded a shared library of LLVM, as far as the system tells."""
    try:
        return "/libLLVM" in _LOADED.read_text(errors="replace")
    except OSError:  # only Linux has it, and Triton
        return False

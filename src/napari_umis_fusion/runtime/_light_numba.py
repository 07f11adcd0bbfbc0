"""Start numba with what runs kernels that were compiled before, and no more."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

OPTIONAL = ("coverage", "scipy", "yaml")
"""What numba imports if it is there, to do nothing with it: no kernel here is measured by coverage,
multiplies matrices, or is set up by a file."""

METADATA = "importlib.metadata"
"""What numba looks for its extensions with, and loads as long as a tenth of its rest."""

NEWEST = (0, 68)
"""The newest numba with which this was tried: what it reaches into is private, and later ones may
mean something else by the same names."""

SETTINGS_FILE = ".numba_config.yaml"
"""A file of numba's settings, in the folder in which a program starts."""


def start_light_numba() -> None:
    """Import numba without what only compiling needs; for a process of its own.

    Kernels are compiled once and then loaded from disk, for which numba still imports all that may
    be compiled, and `scipy.linalg` to see whether products of matrices can be: together they take
    longer than the fusion of a small stack. Here both wait until something is compiled, and even
    then numba only sees that scipy is installed; a kernel that multiplies matrices imports it when
    it is compiled. With newer versions of numba, and those that are made otherwise, kernels load
    the rest.
    """
    try:
        with (
            _hidden(OPTIONAL[:-1] if Path(SETTINGS_FILE).exists() else OPTIONAL),
            _put_off(METADATA),
        ):
            from numba import version_info
            from numba.core import compiler, entrypoints, environment
            from numba.core.registry import cpu_target
            from numba.core.runtime.nrt import rtsys
        if version_info.short > NEWEST:
            return
        target: Any = cpu_target
        context = target.target_context
        refresh: Any = context.refresh
        compile_extra: Any = compiler.compile_extra
        start_runtime: Any = rtsys.initialize
        is_extended = entrypoints._already_initialized
        rebuild: Any = environment._rebuild_env
        kept: Any = environment.Environment._memo
    except (ImportError, AttributeError):
        return
    start_runtime(context)  # kernels that were compiled before allocate with it

    def compile_with_all(*arguments: Any, **options: Any) -> Any:
        compiler.compile_extra, context.refresh = compile_extra, refresh
        entrypoints._already_initialized = is_extended
        environment._rebuild_env = rebuild
        _load_light_linear_algebra()
        refresh()
        return compile_extra(*arguments, **options)

    def rebuild_light(module: str, constants: list[Any], name: str) -> Any:
        # What kernels call of numba itself is compiled, too, and looks nothing up in its module.
        if module in sys.modules or not module.startswith("numba.") or name in kept:
            return rebuild(module, constants, name)
        found = kept[name] = environment.Environment({"__name__": module})
        found.consts[:], found.env_name = constants, name
        return found

    compiler.compile_extra, context.refresh = compile_with_all, _do_nothing
    environment._rebuild_env = rebuild_light
    # Extensions of others are looked for in the metadata of all packages.
    entrypoints._already_initialized = True


def _do_nothing() -> None:
    """Stand for what is put off."""


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Let imports of packages fail, but for those that are loaded."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _put_off(name: str) -> Iterator[None]:
    """Let imports of a module of a package find one that loads it when something of it is used."""
    package, _, own = name.rpartition(".")
    if name in sys.modules:
        yield
        return
    parent = importlib.import_module(package)
    later = ModuleType(name)

    def step_back() -> None:
        if sys.modules.get(name) is later:
            del sys.modules[name]
        if getattr(parent, own, None) is later:
            delattr(parent, own)

    def of_the_real_one(used: str) -> Any:
        step_back()  # numba uses it after all, or another thread does meanwhile
        return getattr(importlib.import_module(name), used)

    later.__getattr__ = of_the_real_one  # type: ignore[method-assign]
    sys.modules[name] = later
    setattr(parent, own, later)
    try:
        yield
    finally:
        step_back()


def _load_light_linear_algebra() -> None:
    """Import numba's linear algebra without that of scipy."""
    from numba.np import linalg

    found = getattr(linalg, "ensure_blas", None)
    if found is None:
        return
    linalg.ensure_blas = _ensure_scipy
    try:
        import numba.np.arraymath  # noqa: F401 - it looks for scipy once, when it is imported
    finally:
        linalg.ensure_blas = found


def _ensure_scipy() -> None:
    if find_spec("scipy") is None:
        raise ImportError("scipy is not installed")

"""Kernels start without linear algebra, which numba still has for those who multiply matrices."""

import subprocess
import sys
from textwrap import dedent

import tifffile

from napari_umis_fusion.synthetic import make_stack

COMPILING = "numba.np.linalg"
UNNEEDED = (
    "scipy.ndimage",
    COMPILING,
    "numba.np.arrayobj",
    "importlib.metadata",
    "PIL.Image",
    "tqdm",
)


def printed(code):
    """Return what a process of its own prints."""
    command = [sys.executable, "-c", dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_kernels_start_without_linear_algebra():
    code = """
        import sys
        import numpy as np
        from numba import njit
        from napari_umis_fusion.runtime import start_light_numba
        start_light_numba()
        print(njit(lambda values: values.sum())(np.ones(3)), "scipy.linalg" in sys.modules)
    """
    assert printed(code).split() == ["3.0", "False"]


def test_matrices_are_multiplied_as_ever():
    code = """
        import numpy as np
        from numba import njit
        from napari_umis_fusion.runtime import start_light_numba
        start_light_numba()
        one = np.arange(12.0).reshape(3, 4)
        product = njit(lambda a, b: a @ b)(one, one.T.copy())
        size = njit(lambda a: np.linalg.det(a))(np.diag([2.0, 3.0]))
        print(np.array_equal(product, one @ one.T), size)
    """
    assert printed(code).split() == ["True", "6.0"]


def test_other_makes_of_numba_are_left_alone():
    """Without a name that is reached for, and newer than what was tried, it runs as it is."""
    code = """
        import numba
        from numba.core import compiler, entrypoints, environment, registry
        from numba.core.runtime import nrt
        from numba.np import linalg
        from napari_umis_fusion.runtime import start_light_numba

        context = registry.cpu_target.target_context
        def hooks():
            return compiler.compile_extra, environment._rebuild_env, context.refresh

        def is_left_alone(place, name, stand_in=None):
            before, kept = hooks(), getattr(place, name)
            setattr(place, name, stand_in) if stand_in else delattr(place, name)
            start_light_numba()
            setattr(place, name, kept)
            return hooks() == before

        newer = numba.version_info._replace(short=(0, 69))
        print(
            is_left_alone(numba, "version_info", newer),
            is_left_alone(registry, "cpu_target"),
            is_left_alone(compiler, "compile_extra"),
            is_left_alone(entrypoints, "_already_initialized"),
            is_left_alone(environment.Environment, "_memo"),
            is_left_alone(nrt, "rtsys"),
        )
        del linalg.ensure_blas
        start_light_numba()
        print(hasattr(linalg, "ensure_blas"))
    """
    assert printed(code).split() == [*["True"] * 6, "False"]


def test_a_short_run_loads_nothing_that_it_does_not_need(tmp_path):
    planes = make_stack("bumps", (96, 96), planes=6, channels=None).stack
    tifffile.imwrite(tmp_path / "stack.tif", planes)
    code = f"""
        import sys
        sys.argv = ["umis-fusion", "fuse", {str(tmp_path / "stack.tif")!r}]
        sys.argv += ["-o", {str(tmp_path / "o.tif")!r}, "--focus-measure", "laplacian", "--json"]
        from napari_umis_fusion.cli import main
        print(main(), *{{*{UNNEEDED!r}}}.intersection(sys.modules))
    """
    told = printed(code).splitlines()[-1]
    if COMPILING in told:  # kernels were compiled, and are on the disk now
        told = printed(code).splitlines()[-1]
    assert told == "0"


def test_what_is_put_off_is_there_for_whom_uses_it_meanwhile_and_later():
    code = """
        import importlib, sys
        from napari_umis_fusion.runtime._light_numba import METADATA, _put_off
        with _put_off(METADATA):
            import importlib.metadata as early
            from importlib.metadata import version
            from importlib import metadata
        print(version is early.version is metadata.version is sys.modules[METADATA].version)
        print(importlib.metadata is sys.modules[METADATA])
        del sys.modules[METADATA], importlib.metadata
        with _put_off(METADATA):
            from importlib import metadata as unused
        print(METADATA in sys.modules, hasattr(importlib, "metadata"))
        print(unused.version("numpy") != "")
    """
    assert printed(code).split() == ["True", "True", "False", "False", "True"]

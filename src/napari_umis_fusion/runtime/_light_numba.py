"""Start numba without linear algebra that no kernel here uses."""

from importlib.util import find_spec


def start_light_numba() -> None:
    """Load what numba needs to run kernels, all but `scipy.linalg`; for a process of its own.

    Before its first kernel, numba imports `scipy.linalg` to see whether products of matrices can be
    compiled, which takes longer than the fusion of a small stack. Here it only sees that scipy is
    installed; a kernel that multiplies matrices still imports it when it is compiled. With versions
    of numba that are made otherwise, kernels load the rest.
    """
    try:
        from numba.core.registry import cpu_target
        from numba.np import linalg

        found = linalg.ensure_blas
    except (ImportError, AttributeError):
        return
    linalg.ensure_blas = _ensure_scipy
    try:
        import numba.np.arraymath  # noqa: F401 - it looks for scipy once, when it is imported
    finally:
        linalg.ensure_blas = found
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def _ensure_scipy() -> None:
    if find_spec("scipy") is None:
        raise ImportError("scipy is not installed")

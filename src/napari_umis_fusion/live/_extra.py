"""The extra that brings the microscope: what to do where it is not installed."""

from functools import partial

from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.runtime import are_installed, needs_extra

_NEEDED = ("pymmcore_plus", "pymmcore", "useq")

needs_live = partial(
    needs_extra, "live", _NEEDED, "microscopes are reached by pymmcore-plus", LiveError
)
"""Import from the extra ``live`` inside this context; raises `LiveError` if it is missing."""


def live_is_installed() -> bool:
    """Whether the packages of the extra ``live`` can be imported; imports none of them."""
    return are_installed(_NEEDED)

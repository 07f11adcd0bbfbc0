"""The engine for acquisitions with autofocus by software."""

from napari_umis_fusion.live._extra import needs_live

with needs_live():
    from pymmcore_plus.mda import MDAEngine


class LiveEngine(MDAEngine):
    """Runs acquisitions of pymmcore-plus, with autofocus by software where a plan asks for it."""

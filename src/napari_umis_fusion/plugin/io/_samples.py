"""The sample stacks of the manifest, rendered while the window lives."""

from collections.abc import Callable
from typing import Any

from napari_umis_fusion import synthetic
from napari_umis_fusion.plugin.opening import shown_viewer

__all__ = ["colour_macro", "noisy_fluorescence", "textured_surface"]


def textured_surface() -> list[Any]:
    """Open the sample `napari_umis_fusion.synthetic.textured_surface`."""
    return _open(synthetic.textured_surface)


def noisy_fluorescence() -> list[Any]:
    """Open the sample `napari_umis_fusion.synthetic.noisy_fluorescence`."""
    return _open(synthetic.noisy_fluorescence)


def colour_macro() -> list[Any]:
    """Open the sample `napari_umis_fusion.synthetic.colour_macro`."""
    return _open(synthetic.colour_macro)


def _open(render: Callable[[], list[Any]]) -> list[Any]:
    """Return the layers of a sample, rendered in a thread, so that the window is drawn meanwhile.

    napari refuses samples without layers, so that they cannot follow later.
    """
    if shown_viewer() is None:
        return render()
    from napari.qt.threading import create_worker
    from qtpy.QtCore import QEventLoop

    made: list[Any] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            made.extend(render())
        except Exception as error:  # napari would show it from here, and again as a lack of layers
            errors.append(error)

    loop = QEventLoop()
    # Without a total: napari's activity dock shows that it is busy.
    worker = create_worker(work, _progress={"desc": "rendering the sample", "total": 0})
    worker.finished.connect(loop.quit)
    worker.start()
    # Clicks wait until the layers are there: napari is still adding them.
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    if errors:
        raise errors[0]
    return made

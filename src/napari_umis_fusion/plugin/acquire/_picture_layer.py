"""Image layers that are renewed in place, many times a second."""

from typing import Any

import numpy as np
from napari.layers import Image

from napari_umis_fusion.layers import PREVIEW_KEY
from napari_umis_fusion.runtime import AnyArray

UNIT = "um"


class PictureLayer:
    """One layer of a viewer whose pixels are renewed.

    A layer that the user has deleted is not added again, until `renew`.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    name : str
        Name of the layer.
    **appearance
        Of the layer when it is added, such as its colormap.
    """

    def __init__(self, viewer: Any, name: str, **appearance: Any) -> None:
        self._viewer, self._name, self._appearance = viewer, name, appearance
        self._layer: Any = None

    @property
    def layer(self) -> Any:
        """The layer; None if it was never added, or deleted."""
        return self._layer if self._layer in self._viewer.layers else None

    @property
    def was_deleted(self) -> bool:
        """Whether the user has deleted it."""
        return self._layer is not None and self.layer is None

    def renew(self) -> None:
        """Add the layer again if it was deleted."""
        if self.was_deleted:
            self._layer = None

    def forget(self) -> None:
        """Leave the layer to the user; the next picture gets another."""
        self._layer = None

    def show(self, image: AnyArray, pixel_um: float | None, **placing: Any) -> Any:
        """Show an image (Y, X[, C]), and return its layer; None if the user has deleted it."""
        if self.was_deleted:
            return None
        if self._layer is None:
            self._layer = self._added(image, pixel_um, placing)
            return self._layer
        layer = self._layer
        if layer.data.shape == image.shape and layer.data.dtype == image.dtype:
            # Far cheaper than other data: extent and sliders stay as they are.
            layer.data[...] = image
            layer.refresh(thumbnail=False, highlight=False, extent=False)
        elif layer.rgb == (image.ndim == 3):
            layer.data = image
        else:  # napari does not turn a grey layer into a coloured one
            self._viewer.layers.remove(layer)
            self._layer = self._added(image, pixel_um, placing)
        return self._layer

    def _added(self, image: AnyArray, pixel_um: float | None, placing: dict[str, Any]) -> Any:
        side, unit = (1.0, "pixel") if pixel_um is None else (pixel_um, UNIT)
        layer = Image(
            image.copy(),
            name=self._name,
            rgb=image.ndim == 3,
            scale=(side, side),
            units=(unit, unit),
            axis_labels=("y", "x"),
            metadata={PREVIEW_KEY: True},
            **{"contrast_limits": limits_of(image), **self._appearance, **placing},
        )
        return self._viewer.add_layer(layer)


def load_units() -> None:
    """Make a layer with units in any thread: the first loads what takes half a second."""
    Image(np.zeros((2, 2), np.uint16), units=(UNIT, UNIT))


def limits_of(image: AnyArray) -> tuple[float, float] | None:
    """Return the contrast limits of a picture: its extremes; None where it is flat."""
    low, high = float(np.min(image)), float(np.max(image))
    return (low, high) if np.isfinite((low, high)).all() and low < high else None

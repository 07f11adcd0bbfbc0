"""The focus measure of UMIS-Fusion: deep spatial frequency of a trained network's features."""

import os
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_umis_fusion.config import DeviceName
from napari_umis_fusion.focus_measure._deep_spatial_frequency import (
    REFERENCE_WINDOW_PX,
    iter_box_sum,
    iter_feature_change,
)
from napari_umis_fusion.network import (
    Checkpoint,
    MemoryPolicy,
    StripNetwork,
    UNetPlusPlus,
    check_plane_size,
    choose_device,
    open_checkpoint,
)
from napari_umis_fusion.runtime import FloatMap, run_to_end

if TYPE_CHECKING:
    from napari_umis_fusion.network import Network


class UmisFocusMeasure:
    """Measures focus with a trained network, one plane at a time.

    Parameters
    ----------
    source : path, Checkpoint or UNetPlusPlus, optional
        Trained weights, by default those of this package; a network is read, not changed.
    device : {"auto", "cpu", "cuda", "mps"}
        Device on which the network runs.
    strip_rows : int, optional
        Rows computed at once; by default chosen for the device and the plane's width. The focus
        map is the same up to rounding.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        The checkpoint of the weights; None if a network was given.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be loaded.
    DeviceError
        If the device is not available.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Checkpoint | UNetPlusPlus | None = None,
        device: DeviceName = "auto",
        strip_rows: int | None = None,
    ) -> None:
        self.checkpoint: Checkpoint | None = None
        if isinstance(source, UNetPlusPlus):
            model: Network = source
        else:
            self.checkpoint = open_checkpoint(source, "umis-unetplusplus")
            model = self.checkpoint.model()
        assert isinstance(model, UNetPlusPlus)
        self._model = model
        self._policy = MemoryPolicy(choose_device(device), strip_rows)
        self._network: StripNetwork | None = None

    @property
    def device(self) -> torch.device:
        """The device that is in use now."""
        return self._policy.device

    @property
    def notes(self) -> list[str]:
        """Notes for the user on what was changed because memory ran out."""
        return self._policy.notes

    def __call__(self, grey_unit: FloatMap) -> FloatMap:
        """Compute the focus map of one plane, as `iter_focus_map` does."""
        return run_to_end(self.iter_focus_map(grey_unit))

    def iter_focus_map(self, grey_unit: FloatMap) -> Generator[None, None, FloatMap]:
        """Compute the focus map of one plane, yielding after each strip.

        Parameters
        ----------
        grey_unit : ndarray of shape (Y, X), float32
            Grey in 0 to 1; both sides at least 16 px.

        Yields
        ------
        None
            Every 100 ms or more often; safe to abandon.

        Returns
        -------
        ndarray of shape (Y, X), float32
            0 or more; higher where the plane is in focus.

        Raises
        ------
        StackError
            If the plane is too small.
        DeviceError
            If the CPU runs out of memory. On another device, strips are halved and finally the
            CPU is used instead, as `notes` say.
        """
        height, width = grey_unit.shape
        check_plane_size(height, width)
        # To -1 to 1, the range that the network was trained on.
        normalised = (np.asarray(grey_unit, np.float32) - np.float32(0.5)) / np.float32(0.5)
        plane = torch.from_numpy(np.ascontiguousarray(normalised))

        def step(device: torch.device, rows: int) -> Generator[None, None, FloatMap]:
            features = yield from self._network_on(device).iter_features(plane, rows)
            if device.type == "cpu":
                return (yield from iter_feature_change(features.numpy()))
            return feature_change(features).cpu().numpy()

        change = yield from self._policy.iter_run(step, (height, width))
        return (yield from iter_box_sum(change, REFERENCE_WINDOW_PX))

    def _network_on(self, device: torch.device) -> StripNetwork:
        """Return the network on a device; the weights are copied once."""
        if self._network is None or self._network.device != device:
            self._network = None  # frees the memory of the old copy before the new one is made
            self._network = StripNetwork(self._model, device)
        return self._network


@torch.inference_mode()
def feature_change(features: Tensor) -> Tensor:
    """Compute `iter_feature_change` on the device of the features: (C, Y, X) becomes (Y, X)."""
    total = torch.zeros_like(features[0])
    for channel in features:  # one at a time, to need little additional memory
        left = torch.diff(channel, dim=1, prepend=torch.zeros_like(channel[:, :1]))
        upper = torch.diff(channel, dim=0, prepend=torch.zeros_like(channel[:1]))
        total += torch.hypot(left, upper)
    return total

"""What the simulated devices share: the sample, the lens, the lamp, and the stage's height."""

import threading
import time
import weakref
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.live._simulated_light import SceneLight
from napari_umis_fusion.live._simulated_optics import Optics
from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic import SCENES, Scene, make_scene

PLANES = 8
"""Depths of the predefined scenes: from 0 to one less."""

ELECTRONS_PER_MS = 1000.0
"""Electrons of a pixel that sees the brightest of the scene, for each ms of exposure."""

READ_ELECTRONS = 3.0
"""Standard deviation of the noise of reading a pixel out."""

GREY_PER_ELECTRON = 1.0
WHITE = 65535

LEAST_PX = 16
"""Least rows and columns of a frame."""

_NOISE, _LAMP = range(2)  # random streams, besides the scene's


class SimulatedMicroscope:
    """A sample below a lens, with a lamp that flickers and a focus that drifts.

    Cameras, stages and shutters of one microscope share one of these.

    Parameters
    ----------
    scene : str or Scene
        One of the scenes that are rendered for tests, or a grey scene of your own; its depth 0
        is in focus at height 0 of the stage.
    shape : tuple of int
        (Y, X) of the camera's pixels, for a predefined scene.
    um_per_plane : float
        Height of a depth of 1: predefined scenes reach from 0 to 7 times this, in µm.
    optics : Optics, optional
        Lens and pixels; by default 10x, NA 0.3.
    drift_um_s : float
        Drift of the focus, in µm per second.
    flicker : float
        Relative standard deviation of the lamp's brightness from frame to frame.
    seed : int
        Seed of the scene, of noise and of flicker.
    clock : callable
        Seconds, from any start, by which focus drifts and stages move.
    """

    def __init__(
        self,
        scene: str | Scene = "fluorescence",
        *,
        shape: tuple[int, int] = (512, 512),
        um_per_plane: float = 4.0,
        optics: Optics | None = None,
        drift_um_s: float = 0.0,
        flicker: float = 0.0,
        seed: int = 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.optics = optics or Optics()
        self.um_per_plane = um_per_plane
        self.drift_um_s, self.flicker = drift_um_s, flicker
        self.clock, self._seed, self._since = clock, seed, clock()
        self.height_um: Callable[[], float] = lambda: 0.0
        self.is_lit: Callable[[], bool] = lambda: True
        self._lock = threading.Lock()
        self._kinds: set[str] = set()
        self._noise = np.random.Generator(np.random.SFC64([seed, _NOISE]))
        self._lamp = np.random.default_rng([seed, _LAMP])
        self._scene: str | Scene = ""
        self._shape = (0, 0)
        self.show(scene, shape)

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of a frame."""
        return self._shape

    @property
    def scene_name(self) -> str:
        """Name of the scene; "own" for one that was given."""
        return self._scene if isinstance(self._scene, str) else "own"

    def show(self, scene: str | Scene | None = None, shape: tuple[int, ...] | None = None) -> None:
        """Show another scene, or show it on another number of pixels.

        Parameters
        ----------
        scene : str or Scene, optional
            A key of `SCENES`, or a grey scene; by default the present one.
        shape : tuple of int, optional
            (Y, X) of a frame; by default the present one, or that of a given scene.

        Raises
        ------
        ConfigError
            If there is no such scene, or it has colours, or no pixels.
        """
        if isinstance(scene, str) and scene not in SCENES:
            raise ConfigError(f"the scene is {scene!r}; accepted are {', '.join(SCENES)}.")
        if isinstance(scene, Scene):
            shape = scene.shape  # that of its textures
        if shape is not None and (len(shape) != 2 or min(shape) < LEAST_PX):
            raise ConfigError(
                f"the pixels of the camera are {shape}; accepted are (Y, X), of {LEAST_PX} or "
                "more each, and grey scenes."
            )
        with self._lock:
            self._scene = self._scene if scene is None else scene
            self._shape = self._shape if shape is None else (int(shape[0]), int(shape[1]))
            # Rendered when the first frame is taken: loading a configuration should be quick.
            self._light: SceneLight | None = None

    def scene(self) -> Scene:
        """Return the scene, grey, with depths in planes."""
        if isinstance(self._scene, str):
            return make_scene(
                self._scene, self._shape, planes=PLANES, channels=None, seed=self._seed
            )
        return self._scene

    def depth_map_um(self) -> Float32Array:
        """Return the height (Y, X) at which each pixel is in focus, in µm, without drift."""
        return self.scene().sub_plane_map() * np.float32(self.um_per_plane)

    def drift_um(self) -> float:
        """Return how far focus has drifted since the microscope was made, in µm."""
        return self.drift_um_s * (self.clock() - self._since)

    def light(self, height_um: float) -> Float32Array:
        """Return the light (Y, X) at a height of the stage: no noise, no lamp, no drift."""
        with self._lock:
            return self._light_at(height_um)

    def expose(
        self, frame: NDArray[np.uint16], exposure_ms: float, gain: float, offset: float
    ) -> float:
        """Fill `frame` (Y, X) with what a camera records now.

        Photon noise has the variance of Poisson's distribution, but the shape of a Gaussian:
        above some ten electrons they hardly differ, and it is ten times as fast.

        Parameters
        ----------
        frame : ndarray of uint16, shape (Y, X)
            Is filled.
        exposure_ms : float
            Exposure time in ms.
        gain : float
            Factor of the grey levels.
        offset : float
            Grey level of darkness.

        Returns
        -------
        float
            The true height of the focus, in µm.
        """
        height = self.height_um() + self.drift_um()
        with self._lock:
            lamp = max(0.0, 1 + self.flicker * self._lamp.standard_normal())
            lamp = lamp if self.is_lit() else 0.0
            electrons = self._light_at(height) * np.float32(lamp * ELECTRONS_PER_MS * exposure_ms)
            noise = self._noise.standard_normal(electrons.shape, np.float32)
        noise *= np.sqrt(electrons + np.float32(READ_ELECTRONS**2))
        electrons += noise
        electrons *= np.float32(gain * GREY_PER_ELECTRON)
        electrons += np.float32(offset + 0.5)
        np.clip(electrons, 0, WHITE, out=electrons)
        frame[...] = electrons
        return height

    def _light_at(self, height_um: float) -> Float32Array:
        if self._light is None:
            self._light = SceneLight(self.scene(), self.optics, self.um_per_plane)
        return self._light.at(height_um)

    def _has_place_for(self, kind: str) -> bool:
        """Take in a device, unless there is one of its kind already."""
        is_free = kind not in self._kinds
        self._kinds.add(kind)
        return is_free


_latest: "weakref.ref[SimulatedMicroscope] | None" = None


def microscope_for(kind: Literal["camera", "stage", "shutter"]) -> SimulatedMicroscope:
    """Return the microscope for a device that a configuration loads.

    A device is made without knowing the others. Those of one configuration are loaded one after
    the other, so that a second camera, say, begins a second microscope.
    """
    global _latest
    latest = None if _latest is None else _latest()
    if latest is None or not latest._has_place_for(kind):
        latest = SimulatedMicroscope()
        latest._has_place_for(kind)
        _latest = weakref.ref(latest)
    return latest

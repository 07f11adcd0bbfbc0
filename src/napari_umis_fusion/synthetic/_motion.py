"""Rendered stacks whose planes are not aligned, with their truth.

A transform is an array of shape (2, 3), (matrix | offset), in (row, column) of pixels: a point `p`
of the reference frame is at ``matrix @ p + offset`` in the plane. In this direction
`scipy.ndimage.affine_transform` takes it to resample the plane in the reference frame. Centres of
pixels have integer coordinates.
"""

import math
from dataclasses import Field, dataclass, field, fields, replace
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float32Array, check_number, number
from napari_umis_fusion.synthetic._camera import digitise, expose
from napari_umis_fusion.synthetic._config import RenderConfig
from napari_umis_fusion.synthetic._defocus import kernel_reach
from napari_umis_fusion.synthetic._gallery import SCENES, make_scene
from napari_umis_fusion.synthetic._render import RenderedStack, light_of_planes, through_lens
from napari_umis_fusion.synthetic._scene import Scene, like_colour
from napari_umis_fusion.synthetic._sensor import (
    OVERSAMPLING,
    Sensor,
    hot_pixels,
    shading,
    spline_of,
)

TransformArray = NDArray[np.float64]

_FLICKER, _JITTER = 3, 4  # separate random streams: 0 to 2 are the camera's
_SPLINE_REACH_PX = 2  # farther from the end of the scene, a spline does not depend on it


@dataclass(frozen=True, slots=True)
class Motion:
    """Motion and illumination of planes; help, unit and bounds are in the fields' metadata.

    Breathing, drift, rotation and jitter, flicker and fading change with z. Vignetting, dust and
    hot pixels stand still on the sensor.

    Raises
    ------
    ConfigError
        For a value outside its bounds.
    """

    breathing: float = field(
        default=0.0,
        metadata=number(
            "Relative change of magnification from the first to the last plane (focus breathing).",
            "",
            -0.5,
            0.5,
        ),
    )
    drift_px: tuple[float, float] = field(
        default=(0.0, 0.0),
        metadata=number(
            "Shift of rows and columns from the first to the last plane.", "px", -10_000, 10_000
        ),
    )
    rotation_deg: float = field(
        default=0.0,
        metadata=number(
            "Rotation from the first to the last plane, counter-clockwise as displayed.",
            "°",
            -180,
            180,
        ),
    )
    jitter_px: float = field(
        default=0.0,
        metadata=number(
            "Standard deviation, per axis, of an extra shift of each plane.", "px", 0, 1000
        ),
    )
    flicker: float = field(
        default=0.0, metadata=number("Standard deviation of the gain of the planes.", "", 0, 1)
    )
    fading: float = field(
        default=0.0,
        metadata=number("Share of light lost from the first to the last plane.", "", 0, 1),
    )
    vignetting: float = field(
        default=0.0, metadata=number("Share of light missing in the corners.", "", 0, 1)
    )
    dust_spots: int = field(
        default=0, metadata=number("Number of soft dark spots on the sensor.", "", 0, 10_000)
    )
    hot_pixels: int = field(
        default=0,
        metadata=number("Number of pixels that are white in every plane.", "", 0, 1_000_000),
    )
    seed: int = field(
        default=0,
        metadata=number("Random seed of jitter, flicker, dust and hot pixels.", "", 0, 2**31 - 1),
    )

    def __post_init__(self) -> None:
        for spec in fields(self):
            _check(spec, getattr(self, spec.name))

    def transforms(self, planes: int, shape: tuple[int, int]) -> TransformArray:
        """Return the transform from the reference frame to each plane.

        Magnification, drift and angle are linear in z, about the centre of the plane; plane
        ``planes // 2`` is the reference frame.

        Parameters
        ----------
        planes : int
            Number of planes, Z.
        shape : tuple of int
            (Y, X).

        Returns
        -------
        ndarray of float64, shape (Z, 2, 3)
            See the module for the convention.
        """
        middle = planes // 2
        way = (np.arange(planes) - middle) / max(planes - 1, 1)
        size, angle = 1 + self.breathing * way, np.deg2rad(self.rotation_deg * way)
        cos, sin = size * np.cos(angle), size * np.sin(angle)
        matrices = np.moveaxis(np.array([[cos, -sin], [sin, cos]]), 2, 0)
        jitter = np.random.default_rng([self.seed, _JITTER]).standard_normal((planes, 2))
        # This plane defines the reference frame.
        jitter[middle] = 0
        shifts = way[:, None] * self.drift_px + self.jitter_px * jitter
        centre = (np.array(shape) - 1) / 2
        offsets = centre - matrices @ centre + shifts
        return np.concatenate([matrices, offsets[..., None]], axis=2)

    def gains(self, planes: int) -> NDArray[np.float64]:
        """Return the brightness of each plane relative to a steady lamp, of shape (Z,)."""
        draws = np.random.default_rng([self.seed, _FLICKER]).standard_normal(planes)
        lamp = np.maximum(1 + self.flicker * draws, 0)
        return lamp * (1 - self.fading * np.arange(planes) / max(planes - 1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class MovingStack:
    """A stack that needs alignment, and its twin that does not.

    Attributes
    ----------
    stack : ndarray of shape (Z, Y, X) or (Z, Y, X, C)
        In the dtype of the config.
    twin : RenderedStack
        The same scene with every plane in the reference frame and equally bright, with the same
        noise, and its truth. It was interpolated in the same way, at integer positions.
    transforms : ndarray of float64, shape (Z, 2, 3)
        Transform from the reference frame to each plane.
    gains : ndarray of float64, shape (Z,)
        Brightness of each plane relative to the twin's.
    """

    stack: NDArray[Any]
    twin: RenderedStack
    transforms: TransformArray
    gains: NDArray[np.float64]


def render_moving_stack(
    name: str,
    shape: tuple[int, int],
    motion: Motion,
    config: RenderConfig | None = None,
    channels: int | Literal["default"] | None = "default",
) -> MovingStack:
    """Render one of `SCENES` with moving planes.

    The scene is rendered finer and larger than the planes, and then sampled by a moved sensor:
    interpolation makes no plane less sharp, and planes show more of the scene where they move.
    A larger motion therefore needs a larger scene, in which shapes are at other positions.

    Parameters
    ----------
    name : str
        A key of `SCENES`.
    shape : tuple of int
        (Y, X) of the planes.
    motion : Motion
        Motion and illumination of the planes.
    config : RenderConfig, optional
        Options of rendering; by default those of the recipe, without noise. Its seed is also that
        of the scene. Blur is in pixels of the planes.
    channels : int or None, optional
        Channels of the planes; None: no channel axis. By default those of the recipe.

    Returns
    -------
    MovingStack
        Equal arguments give equal stacks.

    Raises
    ------
    ConfigError
        If the scene is unknown, the config has flicker or haze, or the motion exceeds the size of
        the planes.
    """
    config = _checked_config(name, config)
    transforms, gains = motion.transforms(config.planes, shape), motion.gains(config.planes)
    sensor = Sensor(shape, scene_margins(transforms, shape, config))
    scene = make_scene(
        name, sensor.scene_shape, planes=config.planes, channels=channels, seed=config.seed
    )
    scene = through_lens(scene, OVERSAMPLING * config.base_blur_px)
    hot = hot_pixels(shape, motion.hot_pixels, motion.seed)
    shade = shading(shape, motion.vignetting, motion.dust_spots, motion.seed)
    shades = np.asarray(gains, np.float32)[:, None, None] * shade
    moving, still = _record_twins(scene, sensor, transforms, shades, config)
    noiseless = replace(config, photon_electrons=None, read_electrons=0.0)
    # After noise and shading, since a hot pixel is saturated.
    moving[:, hot] = expose(np.ones(1, np.float32), noiseless, 0)
    truth = digitise(sensor.mean_binned(scene.all_in_focus()), config)
    depth = sensor.median_binned(scene.sub_plane_map())
    twin = RenderedStack(still, truth, depth, config.grey_span, config.z_step_um)
    return MovingStack(moving, twin, transforms, gains)


def _record_twins(
    scene: Scene,
    sensor: Sensor,
    transforms: TransformArray,
    shades: Float32Array,
    config: RenderConfig,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the stacks (Z, Y, X[, C]) of the scene moved and shaded, and left alone."""
    size = (config.planes, *sensor.shape, *scene.shape[2:])
    moving, still = (np.empty(size, config.dtype) for _ in range(2))
    fine = replace(config, slope_px_per_plane=OVERSAMPLING * config.slope_px_per_plane)
    for z, points in enumerate(light_of_planes(scene, fine)):
        spline = spline_of(points)
        light = sensor.sample(spline, transforms[z])
        moving[z] = expose(light * like_colour(shades[z], light.shape), config, z)
        # Through the same interpolation, so that the two differ only by the motion.
        still[z] = expose(sensor.sample(spline, np.eye(2, 3)), config, z)
    return moving, still


def _checked_config(name: str, config: RenderConfig | None) -> RenderConfig:
    if name not in SCENES:
        raise ConfigError(f"the scene is {name!r}; accepted are {', '.join(SCENES)}.")
    config = config or SCENES[name].clean
    for name in ("flicker", "haze"):
        if getattr(config, name):
            raise ConfigError(
                f"{name} of the config is {getattr(config, name)}; accepted is 0, since all planes "
                "of the twin are equally bright: set flicker and fading in Motion."
            )
    return config


def scene_margins(
    transforms: TransformArray, shape: tuple[int, int], config: RenderConfig
) -> tuple[int, int]:
    """Return the margins of the scene around the plane, in rows and columns, in pixels."""
    ends = np.array([(-0.5, n - 0.5) for n in shape])
    corners = np.array(list(product(*ends)))
    back = np.linalg.inv(transforms[:, :, :2])
    seen = (corners - transforms[:, None, :, 2]) @ back.transpose(0, 2, 1)
    beyond = np.maximum(ends[:, 0] - seen.min((0, 1)), seen.max((0, 1)) - ends[:, 1])
    if np.any(beyond > shape):
        far = ", ".join(f"{distance:.1f}" for distance in beyond)
        raise ConfigError(
            f"planes of {shape} show ({far}) px beyond the reference frame; accepted is at most "
            "their own size: give a smaller motion or a larger shape."
        )
    blur = kernel_reach(config.psf, config.slope_px_per_plane * (config.planes - 1))
    blur += math.ceil(3 * config.base_blur_px) + _SPLINE_REACH_PX
    above, beside = (math.ceil(round(float(distance), 6)) + blur for distance in beyond)
    return above, beside


def _check(spec: Field[Any], value: Any) -> None:
    """Raise `ConfigError` unless the value, or each of a pair, is within the field's bounds."""
    if not isinstance(spec.default, tuple):
        check_number(spec, value)
        return
    if not isinstance(value, tuple) or len(value) != 2:
        raise ConfigError(f"{spec.name}={value!r}; accepted is a pair (rows, columns).")
    for one in value:
        check_number(spec, one)

"""Rendered stacks whose planes moved, and their truth in whatever frame an image has."""

import hashlib
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import napari_umis_fusion.synthetic
from harness.methods import folder_digest
from harness.truths import Example
from napari_umis_fusion.synthetic import (
    OVERSAMPLING,
    SCENES,
    Motion,
    MovingStack,
    RenderConfig,
    Sensor,
    digitise,
    make_scene,
    render_moving_stack,
    scene_margins,
    spline_of,
    through_lens,
)

Transform = NDArray[np.float64]

MOTIONS: dict[str, Motion] = {
    "none": Motion(),
    "drift": Motion(drift_px=(12.0, -20.0)),
    "jitter": Motion(jitter_px=2.0),
    "breathing 4 %": Motion(breathing=0.04),
    "breathing 16 %": Motion(breathing=0.16),
    "rotation": Motion(rotation_deg=3.0),
    "flicker, jitter": Motion(jitter_px=2.0, flicker=0.1),
    "all": Motion(
        breathing=0.04,
        drift_px=(6.0, -9.0),
        rotation_deg=1.0,
        jitter_px=1.5,
        flicker=0.08,
        fading=0.15,
        vignetting=0.3,
        dust_spots=6,
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A scene and how its planes move.

    Attributes
    ----------
    scene, motion : str
        Keys of `SCENES` and `MOTIONS`.
    shape, planes, seed
        Of the stack.
    noisy : bool
        With the noise of the scene's recipe.
    lens_px : float
        Gaussian blur in focus, sigma. Without it, pixels hold detail that no interpolation
        brings over half a pixel: true transforms lose 6 dB then, too.
    """

    scene: str
    motion: str
    shape: tuple[int, int] = (320, 400)
    planes: int = 8
    seed: int = 1
    noisy: bool = False
    lens_px: float = 0.7

    @property
    def name(self) -> str:
        """What people call it."""
        kind = " noisy" if self.noisy else "" if self.lens_px else " aliased"
        return f"{self.scene}{kind}, {self.motion}"


@dataclass(frozen=True, slots=True, eq=False)
class MovingScene:
    """A rendered stack that moved, and the scene to read the truth from.

    Attributes
    ----------
    made : MovingStack
        The stack, its aligned twin and the true transforms.
    spline : ndarray of float32
        The scene all in focus.
    margins : tuple of int
        Of the sensor that saw it.
    config : RenderConfig
        How it was photographed.
    """

    made: MovingStack
    spline: NDArray[np.float32]
    margins: tuple[int, int]
    config: RenderConfig

    def truth(self, transform: Transform, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the truth as an image (Y, X) shows it that has points of the reference frame.

        It is read from the scene like every plane, so that no frame is put at a disadvantage by
        interpolation.
        """
        height, width = shape[:2]
        sensor = Sensor((height, width), self.margins)
        return digitise(sensor.sample(self.spline, transform), self.config)

    @property
    def moving(self) -> Example:
        """The stack that wants alignment, with the truth of the reference frame."""
        return Example(self.made.stack, self._grey_range, self.made.twin.all_in_focus)

    @property
    def still(self) -> Example:
        """The twin that does not."""
        return Example(self.made.twin.stack, self._grey_range, self.made.twin.all_in_focus)

    @property
    def _grey_range(self) -> tuple[float, float]:
        return self.config.offset, self.config.offset + self.config.grey_span


def load(case: Case, cache: Path) -> MovingScene:
    """Return the scene of a case: from the cache, or rendered (some 15 s)."""
    code = folder_digest(Path(napari_umis_fusion.synthetic.__file__).parent, "*.py")[:8]
    what = hashlib.sha256(f"{case} {MOTIONS[case.motion]}".encode()).hexdigest()[:8]
    file = cache / "moving" / f"{case.name.replace(' ', '_')}-{what}-{code}.pickle"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(render(case)))
    made = pickle.loads(file.read_bytes())
    assert isinstance(made, MovingScene)
    return made


def render(case: Case) -> MovingScene:
    """Render the stack, and the scene once more all in focus.

    Raises
    ------
    AssertionError
        If that is not the scene of the stack.
    """
    recipe, motion = SCENES[case.scene], replace(MOTIONS[case.motion], seed=case.seed)
    config = replace(
        recipe.noisy if case.noisy else recipe.clean,
        planes=case.planes,
        seed=case.seed,
        base_blur_px=case.lens_px,
    )
    made = render_moving_stack(case.scene, case.shape, motion, config)
    sensor = Sensor(case.shape, scene_margins(made.transforms, case.shape, config))
    scene = make_scene(case.scene, sensor.scene_shape, planes=case.planes, seed=case.seed)
    scene = through_lens(scene, OVERSAMPLING * config.base_blur_px)
    found = MovingScene(made, spline_of(scene.all_in_focus()), sensor.margins, config)
    off = np.abs(found.truth(np.eye(2, 3), case.shape) - made.twin.all_in_focus).max()
    assert off < 0.01 * config.grey_span, f"{case.name}: another scene than the stack's"
    return found

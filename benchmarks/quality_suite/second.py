"""The second suite: what was tuned on the first is proved on it, and on nothing else."""

from functools import partial

from quality_suite.pictures import blobs, net, rings, spiral
from quality_suite.row import NOISE_150, NOISE_200, Row, clean_and_noisy
from quality_suite.scenes import (
    before,
    brightfield,
    glowing,
    photographed_depth,
    relief,
    threads,
    tilted,
)
from quality_suite.traced import TracedRow, balls, ramp, stones

_SPIRAL = partial(
    before,
    behind="hubble_deep_field",
    covers={
        0.5: partial(spiral, arms=2, turns=0.5, phase=0.0),
        1.0: partial(spiral, arms=3, turns=-0.4, phase=1.0),
    },
    names=("immunohistochemistry", "rocket"),
)

_NET = partial(
    before,
    behind="immunohistochemistry",
    covers={
        0.6: partial(net, pitch_px=37, width_px=3, angle=0.3),
        1.0: partial(net, pitch_px=53, width_px=2.4, angle=1.1),
    },
    names=(),
)

_BLOBS = partial(
    before,
    behind="retina",
    covers={share: partial(blobs, share=0.16, waves=2.5) for share in (0.3, 0.55, 0.8, 1.0)},
    names=("brick", "grass"),
)

_SHELLS = partial(
    brightfield,
    covers=tuple(partial(rings, count=12, width_px=width) for width in (2.5, 4, 3, 5)),
)

_TUBES = partial(glowing, covers=tuple(threads(2, waves) for waves in (3, 2, 4, 3, 2)))

_GLOW = {"dtype": "uint16", "full_scale": 12000.0, "offset": 500.0}

SECOND: tuple[Row | TracedRow, ...] = (
    *clean_and_noisy(
        "tilted", "smooth", partial(tilted, name="rocket", angle=0.6), 101, noise=NOISE_150
    ),
    *clean_and_noisy("spiral", "occlusion", _SPIRAL, 102),
    *clean_and_noisy("net", "occlusion", _NET, 103, noise=NOISE_150, psf="gaussian"),
    *clean_and_noisy("blobs", "occlusion", _BLOBS, 104, planes=12, slope_px_per_plane=0.8),
    Row(
        "motorcycle close-up noisy",
        "real depth noisy",
        partial(photographed_depth, scale=1.0, left=1.0),
        105,
        3,
        {"planes": 14, "slope_px_per_plane": 0.8, **NOISE_150},
    ),
    Row("relief noisy", "weak noisy", partial(relief, name="moon", sigma=12), 106, None, NOISE_150),
    Row("tubes noisy", "additive noisy", _TUBES, 107, None, {**_GLOW, **NOISE_200}),
    Row("shells", "occlusion clean", _SHELLS, 108),
    Row("blobs haze", "haze clean", _BLOBS, 109, 3, {"haze": 0.15}),
    Row(
        "30 planes noisy",
        "occlusion noisy",
        _SPIRAL,
        110,
        3,
        {"planes": 30, "slope_px_per_plane": 0.3, **NOISE_200},
    ),
    TracedRow("traced slope noisy", "traced", partial(ramp, angle=2.0), 111, options=NOISE_150),
    TracedRow("traced balls", "traced", partial(balls, count=20), 112, "brick"),
    TracedRow(
        "traced stones, shared noise",
        "traced",
        partial(stones, roughness=0.3),
        113,
        pattern=0.012,
        options={"planes": 24, "slope_px_per_plane": 0.4},
    ),
)

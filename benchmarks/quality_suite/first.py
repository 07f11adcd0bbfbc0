"""The first suite: constants may be tuned on it."""

from functools import partial

from napari_umis_fusion.synthetic import SCENES
from quality_suite.row import NOISE_150, Row, clean_and_noisy
from quality_suite.scenes import brightfield, draped, photographed_depth, threads
from quality_suite.traced import TracedRow, balls, ramp, stones

_BUMPS, _DISCS, _BARS = (SCENES[name].build for name in ("bumps", "discs", "bars"))

_MOTORCYCLE = partial(photographed_depth, scale=0.768, left=0.5)

_DARK = partial(
    brightfield, covers=(threads(3, 3), threads(4, 4), threads(2, 3), threads(5, 2), threads(3, 4))
)

_FLUORESCENCE = {"psf": "gaussian", "dtype": "uint16", "full_scale": 4000.0, "offset": 200.0}

FIRST: tuple[Row | TracedRow, ...] = (
    *clean_and_noisy("bumps", "smooth", _BUMPS, 0),
    *clean_and_noisy("discs", "occlusion", _DISCS, 0),
    *clean_and_noisy("bars", "occlusion", _BARS, 0, slope_px_per_plane=0.8),
    *clean_and_noisy("weak texture", "weak", SCENES["weak_texture"].build, 0),
    *clean_and_noisy("motorcycle", "real depth", _MOTORCYCLE, 1),
    Row("camera noisy", "smooth noisy", partial(draped, name="camera"), 2, None, NOISE_150),
    Row("grey 16 bit", "occlusion clean", _DISCS, 3, None, {"dtype": "uint16"}),
    *clean_and_noisy(
        "fluorescence", "additive", SCENES["fluorescence"].build, 0, channels=None, **_FLUORESCENCE
    ),
    *clean_and_noisy("brightfield", "occlusion", _DARK, 4),
    Row("discs haze", "haze clean", _DISCS, 5, 3, {"haze": 0.15}),
    Row("4 planes", "occlusion clean", _DISCS, 6, 3, {"planes": 4, "slope_px_per_plane": 2.5}),
    Row("20 planes", "occlusion clean", _BARS, 7, 3, {"planes": 20, "slope_px_per_plane": 0.5}),
    Row(
        "40 thin planes noisy",
        "smooth noisy",
        _BUMPS,
        8,
        3,
        {"planes": 40, "slope_px_per_plane": 0.25, **NOISE_150},
    ),
    TracedRow("traced ramp", "traced", partial(ramp, angle=0.5), 9),
    TracedRow("traced balls noisy", "traced", partial(balls, count=14), 10, options=NOISE_150),
    TracedRow("traced stones", "traced", partial(stones, roughness=0.35), 11, "gravel"),
)

"""Image and maps belong together, whatever is combined; planes are read as often as is named."""

import itertools
import warnings
from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure import choose_measure, gaussian_taps
from napari_umis_fusion.fusion import Passes, passes_of
from napari_umis_fusion.fusion.mean._weighted_mean import FEATHER_SIGMA_PX
from napari_umis_fusion.fusion.planes._passes import RANKING_MEASURES
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import Workers
from napari_umis_fusion.stack import Stack
from napari_umis_fusion.synthetic import make_stack

MEASURES = (
    *("laplacian", "spatial_frequency", "tenengrad", "variance", "sum_modified_laplacian"),
    *("learned", "umis"),
)
VERIFICATIONS = ("seams", "mode", "fuzzy", "none")
BLENDS = ("select", "weighted")
FILTERS = ("mode", "fuzzy")
MAPS = ("index_map", "sub_plane_map", "confidence_map", "focus_map")
REACH_PX = gaussian_taps(FEATHER_SIGMA_PX).size - 1
SIDES = (44, 52)


def with_gaps(stack):
    """Values missing here and there: in one plane, and at one place in all."""
    gappy = stack.astype(np.float32)
    gappy[np.random.default_rng(1).random(stack.shape) < 0.02] = np.nan
    gappy[:, 5, 6] = np.inf
    return gappy


def stacks():
    grey = make_stack("discs", SIDES, planes=6, channels=None, noisy=True).stack
    colour = make_stack("bumps", SIDES, planes=3, noisy=True).stack
    return {
        "one": grey[:1],
        "two": grey[2:4],
        "many": grey.astype(np.uint16) * 9 + 300,
        "gaps": with_gaps(grey[:4]),
        "colour": colour,
    }


STACKS = stacks()


class Counted(Stack):
    """Counts how often each plane is read."""

    def __init__(self, stack):
        self._stack = as_stack(stack)
        self.shape, self.dtype, self.rgb = self._stack.shape, self._stack.dtype, self._stack.rgb
        self.read = Counter()

    def plane(self, z):
        self.read[z] += 1
        return self._stack.plane(z)


def fused(stack, measure, verification, blend):
    """Fuse, and return the result and how often each plane was read."""
    counted = Counted(stack)
    config = FusionConfig(
        measure,
        verification=verification,
        blend=blend,
        verification_window_px=9 if verification in FILTERS else 0,
        nan_policy="ignore",
        device="cpu",
        threads=2,
        islands="keep",  # they are looked at after the passes
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the stack has one plane")
        result = fuse(counted, config)
    return result, [counted.read[z] for z in range(len(stack))]


def valid_values(stack):
    """Planes with NaN where a channel is invalid."""
    finite = np.isfinite(stack)
    known = finite if stack.ndim == 3 else finite.all(-1, keepdims=True)
    return np.where(known, stack, np.nan)


def named_by(source_map, stack):
    where = source_map.astype(int)[(None, ..., *(None,) * (stack.ndim - 3))]
    return np.take_along_axis(stack, where, 0)[0]


def check_reads(read, passes, changed_to):
    expected = [2 if passes.second in ("copy_nearest", "average") else 1] * len(read)
    if passes.second == "copy_nearest" and 3 in read:  # there are false edges to mend
        expected = [3] * len(read)
    if passes.second == "copy_filtered":
        expected = [1 + (z in changed_to) for z in range(len(read))]
    assert read == expected, f"{passes}: planes were read {read} times"


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (measure, name)
        for measure, name in itertools.product(MEASURES, STACKS)
        if measure != "umis" or name in ("two", "colour")  # it is slow, and no measure of its own
    ],
)
def test_image_and_maps_belong_together(measure, name):
    stack = STACKS[name]
    results = {}
    for verification, blend in itertools.product(VERIFICATIONS, BLENDS):
        results[verification, blend] = fused(stack, measure, verification, blend)
    plain = results["none", "select"][0]
    for (verification, _), (result, read) in results.items():
        passes = passes_of(result.config, len(stack))
        changed = result.index_map != plain.index_map
        if name in ("many", "gaps") and verification in FILTERS:
            assert changed.any(), "there is something to filter"
        check_reads(read, passes, set(np.unique(result.index_map[changed])))
        for one in MAPS:  # whatever becomes of the values, the decision is the same
            expected = getattr(results[verification, "select"][0], one)
            if one != "focus_map" or measure not in RANKING_MEASURES or verification != "seams":
                np.testing.assert_array_equal(getattr(result, one), expected)
        assert (result.source_map is not None) == passes.copies
        if passes.copies:
            shown = np.isfinite(valid_values(stack)).any(0)
            copied = np.where(shown, named_by(result.source_map, stack), np.nan)
            np.testing.assert_array_equal(result.all_in_focus, copied)
            if passes.second != "copy_nearest":
                np.testing.assert_array_equal(result.source_map, result.index_map)
        elif verification in FILTERS:
            check_follows(result, results["none", "weighted"][0], changed)
        check_between(result.all_in_focus, stack)


def check_between(image, stack):
    """Every value lies between those that planes have there."""
    values = valid_values(stack)
    known = np.isfinite(values).any(0)
    margin = 1e-4 * np.nanmax(np.abs(values))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN")
        low, high = np.nanmin(values, 0), np.nanmax(values, 0)
    assert (image[known] >= low[known] - margin).all()
    assert (image[known] <= high[known] + margin).all()


def check_follows(result, plain, changed):
    """The mean differs from that of the unfiltered decision where the maps do, and near it."""
    apart = ~(
        (result.all_in_focus == plain.all_in_focus)
        | (np.isnan(result.all_in_focus) & np.isnan(plain.all_in_focus))
    )
    apart = apart if apart.ndim == 2 else apart.any(-1)
    near = ndimage.maximum_filter(changed, 2 * REACH_PX + 1)
    assert not (apart & ~near).any()
    assert apart.any() == changed.any()


@pytest.mark.parametrize("planes", [1, 2, 300])
@pytest.mark.parametrize("measure", MEASURES)
def test_passes_of_every_config(measure, planes):
    for verification, blend in itertools.product(VERIFICATIONS, BLENDS):
        check_passes(measure, verification, blend, planes)


def check_passes(measure, verification, blend, planes):
    passes = passes_of(FusionConfig(measure, verification=verification, blend=blend), planes)
    assert passes.copies == (blend == "select")
    if planes == 1:
        assert passes == Passes(averages=False, statistic=None, second="none", copies=passes.copies)
        return
    assert passes.statistic == {"mode": "mode", "fuzzy": "median"}.get(verification)
    expected = {("select", True): "copy_filtered", ("weighted", True): "average"}
    second = expected.get((blend, verification in FILTERS), "none")
    if (measure, verification, blend) == ("learned", "seams", "select"):
        second = "copy_nearest"
    assert passes.second == second
    assert passes.reads_twice == (second != "none")
    assert passes.averages == (
        second == "copy_nearest" or (blend == "weighted" and verification not in FILTERS)
    )


@pytest.mark.parametrize("measure", MEASURES)
def test_ranking_measures_are_those_that_share_belief(measure):
    config = FusionConfig(measure, device="cpu")
    with Workers(1) as workers:
        to_grey = GreyConverter(as_stack(STACKS["many"]), "auto")
        made = choose_measure(config, workers, to_grey)
    assert made.is_share == (measure in RANKING_MEASURES)

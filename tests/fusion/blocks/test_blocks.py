"""Planes fused block by block are those fused as a whole."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.alignment._pyramid import FINEST_PX
from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.focus_measure import choose_measure
from napari_umis_fusion.fusion import Finished, MemoryPlan, iter_fuse, passes_of
from napari_umis_fusion.fusion.blocks import _memory as module
from napari_umis_fusion.fusion.blocks._block import GRID_PX, Block, divide
from napari_umis_fusion.fusion.blocks._memory import plan_memory
from napari_umis_fusion.fusion.blocks._memory_estimates import ALIGNED_PX, bytes_per_pixel
from napari_umis_fusion.fusion.run import _compositor
from napari_umis_fusion.layers import fuse_layer
from napari_umis_fusion.runtime import Progress, ScratchMemory
from napari_umis_fusion.stack import stack_of_arrays

MAPS = (
    "all_in_focus",
    "index_map",
    "confidence_map",
    "sub_plane_map",
    "sub_plane_error_map",
    "focus_map",
    "source_map",
)


def a_stack(height=500, width=40, planes=5, *, dtype=np.uint16, channels=0, seed=0):
    """Detail that is in focus at a plane that changes along y, with noise."""
    rng = np.random.default_rng(seed)
    shape = (height, width, channels) if channels else (height, width)
    detail = rng.normal(size=shape)
    place = np.linspace(0, planes - 1, height).reshape(height, *[1] * (len(shape) - 1))
    planes_of = [
        detail / (1 + 2 * abs(place - z)) + rng.normal(0, 0.05, shape) for z in range(planes)
    ]
    return np.clip(120 + 30 * np.array(planes_of), 0, 255).astype(dtype)


@pytest.fixture
def in_blocks(monkeypatch):
    """Divide planes however small they are."""

    def start(room_px):
        monkeypatch.setattr(module, "SMALLEST_BLOCK_PX", room_px)
        return {"memory_mb": 1}

    return start


def assert_alike(found, expected):
    for name in MAPS:
        one, other = getattr(found, name), getattr(expected, name)
        if other is None:
            assert one is None
            continue
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert np.nanstd(other) > 0 or name == "confidence_map"
        if other.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
        else:
            assert np.mean(one != other) < 1e-3, name


OPTIONS = [
    {"depth_error": True},
    {"blend": "select"},
    {"verification": "mode", "prefer": -1.0},
    {"focus_measure": "laplacian"},
    {"focus_measure": "tenengrad", "blend": "select", "depth_error": True},
    {"focus_measure": "variance", "detail_sigma_px": 2.0, "median_filter": True},
    {"focus_measure": "laplacian", "verification": "fuzzy", "blend": "select"},
    {"focus_measure": "laplacian", "verification": "none", "prefer": 0.7},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_blocks_give_the_result_of_the_whole(options, in_blocks):
    stack = a_stack()
    expected = fuse(stack, **options)
    found = fuse(stack, **options, **in_blocks(12_000))
    assert "planes fused in 2 blocks, to stay within memory_mb" in found.notes
    assert_alike(found, expected)


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.float64, 0), (np.float32, 2)])
def test_kinds_of_stack(dtype, channels, in_blocks):
    stack = a_stack(dtype=dtype, channels=channels)
    options = {"focus_measure": "laplacian"}
    assert_alike(fuse(stack, **options, **in_blocks(9000)), fuse(stack, **options))


def test_planes_that_are_not_sound(in_blocks):
    """They are judged as a whole, though half of a plane may look blank."""
    stack = a_stack(planes=7)
    stack[2] = 100
    stack[4, 380:] = 0
    expected = fuse(stack, focus_measure="laplacian")
    found = fuse(stack, focus_measure="laplacian", **in_blocks(9000))
    assert [one.findings for one in found.health] == [one.findings for one in expected.health]
    assert {z for one in found.health for z in one.findings} >= {"blank", "torn"}
    assert set(expected.notes) < set(found.notes)
    assert found.provenance["health"] == expected.provenance["health"]
    assert_alike(found, expected)


class Counted:
    """A stack that counts how often whole planes are read."""

    def __init__(self, data):
        self._data, self.shape, self.dtype, self.count = data, data.shape, data.dtype, 0

    def __getitem__(self, where):
        part = self._data[where]
        self.count += part.shape[-2:] == self.shape[1:]
        return part


@pytest.mark.parametrize("blend", ["weighted", "select"])
def test_planes_that_are_not_whole_are_not_read_whole_for_each_block(blend, in_blocks):
    counts = []
    for height in (500, 900):
        data = a_stack(height, planes=7)
        data[2, -120:] = 0
        data[4] = np.minimum(1.5 * data[4].astype(float), 200)
        stack = Counted(data)
        found = fuse(stack, focus_measure="laplacian", blend=blend, **in_blocks(9000))
        assert {z for one in found.health for z in one.findings} >= {"clipped", "torn"}
        counts.append((stack.count, [note for note in found.notes if "blocks" in note]))
    assert counts[0][1] != counts[1][1]
    assert counts[0][0] == counts[1][0]


def test_no_sound_plane(in_blocks):
    stack = np.full((4, 500, 40), 9, np.uint8)
    found = fuse(stack, focus_measure="laplacian", **in_blocks(9000))
    assert (found.all_in_focus == 9).all()


def test_what_moves_is_left_out_of_whole_planes(in_blocks):
    stack = a_stack(planes=7)
    stack[3, 100:140, 10:30] = 250
    options = {"focus_measure": "laplacian", "moving": "reject"}
    found, expected = fuse(stack, **options, **in_blocks(9000)), fuse(stack, **options)
    assert [one.describe() for one in found.health] == [one.describe() for one in expected.health]
    assert_alike(found, expected)


def test_pixels_that_no_plane_shows(in_blocks):
    stack = a_stack(dtype=np.float32)
    stack[:, 240:260, 10:20] = np.nan
    options = {"focus_measure": "laplacian", "nan_policy": "ignore"}
    found, expected = fuse(stack, **options, **in_blocks(9000)), fuse(stack, **options)
    assert set(expected.notes) < set(found.notes)
    assert "of the image is shown by no plane" in " ".join(found.notes)
    assert_alike(found, expected)


def test_values_that_are_nan(in_blocks):
    stack = a_stack(dtype=np.float32)
    stack[1, 200:300, 10:20] = np.nan
    options = {"focus_measure": "tenengrad", "nan_policy": "ignore"}
    assert_alike(fuse(stack, **options, **in_blocks(9000)), fuse(stack, **options))


def test_what_any_block_has_to_say_is_told(in_blocks, monkeypatch):
    """As of a device that runs out of memory when the first blocks are done."""
    made = []

    def one_more(*arguments):
        measure = choose_measure(*arguments)
        made.append(measure)
        note = f"measure {len(made)} fell back to the cpu"
        monkeypatch.setattr(type(measure), "notes", [note])
        return measure

    monkeypatch.setattr(_compositor, "choose_measure", one_more)
    notes = fuse(a_stack(), focus_measure="laplacian", **in_blocks(9000)).notes
    assert len(made) == 2
    assert {f"measure {k} fell back to the cpu" for k in (1, 2)} <= set(notes)


def test_events(in_blocks):
    options = {"focus_measure": "laplacian", **in_blocks(9000)}
    events = list(iter_fuse(a_stack(), **options))
    plans = [event for event in events if isinstance(event, MemoryPlan)]
    assert [len(plan.blocks) for plan in plans] == [2]
    done = [event.done / event.total for event in events if isinstance(event, Progress)]
    assert done == sorted(done)
    assert done[-1] == 1
    assert isinstance(events[-1], Finished)


def test_layers_are_fused_in_blocks_too(in_blocks):
    stack = a_stack()
    options = {"focus_measure": "laplacian"}
    expected = fuse(stack, **options).all_in_focus
    image = fuse_layer((stack, {"name": "a"}), **options, **in_blocks(9000))[0][0]
    assert np.mean(np.asarray(image) != expected) < 1e-3


@pytest.mark.parametrize("seed", range(20))
def test_blocks_cover_planes_once(seed):
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 3000, 2))
    margin, room_px = int(rng.integers(0, 300)), int(rng.integers(10_000, 4_000_000))
    count = np.zeros((height, width), np.uint8)
    for block in divide(height, width, room_px, margin):
        count[block.kept] += 1
        for kept, seen, side in zip(block.kept, block.seen, (height, width), strict=True):
            assert seen.start == 0 or kept.start - seen.start >= margin
            assert seen.stop == side or seen.stop - kept.stop >= margin
            assert seen.start % GRID_PX == kept.start % GRID_PX == 0
        assert count[block.seen][block.inner].max() == 1
    assert count.min() == count.max() == 1


def test_blocks_have_room_where_possible():
    blocks = divide(10_000, 10_000, 4_000_000, 192)
    assert max(block.pixels for block in blocks) <= 4_000_000
    assert sum(block.pixels for block in blocks) < 1.8e8
    assert len(divide(1000, 1000, 1_000_000, 192)) == 1


class Claimed:
    """A stack that says how large it is, and cannot be read."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __getitem__(self, _):
        raise AssertionError("it is too early to read")


def plan_of(shape, dtype=np.uint16, budget_mb=4096, **options):
    config = FusionConfig(memory_mb=budget_mb, threads=2, **options)
    stack = stack_of_arrays(Claimed(shape, dtype))
    return plan_memory(stack, config, passes_of(config, shape[0]), ScratchMemory(budget_mb))


@pytest.fixture
def free(monkeypatch):
    return lambda mb: monkeypatch.setattr(module, "free_memory_mb", lambda: mb)


def test_a_hundred_megapixels_fit(free):
    free(16_000)
    plan = plan_of((30, 10_000, 10_000))
    assert 2000 < plan.needed_mb <= 4096
    assert len(plan.blocks) > 10


def test_small_planes_stay_whole(free):
    free(16_000)
    plan = plan_of((30, 2048, 2048))
    assert isinstance(plan.blocks[0], Block)
    assert len(plan.blocks) == 1
    assert plan.notes == []


def test_less_free_memory_than_asked_for(free):
    free(1500)
    plan = plan_of((30, 2048, 2048))
    assert len(plan.blocks) > 1
    assert plan.needed_mb < 1500
    assert str(plan).endswith(f"of 1,500 MB free, in {len(plan.blocks)} blocks")


def test_the_look_for_islands_takes_memory_too(free):
    """It decides where planes need little; with the network, it takes what is free by then."""
    free(16_000)
    little = {"focus_measure": "laplacian", "blend": "select", "verification": "none"}
    shape = (7, 1024, 1024)
    needed = {one: plan_of(shape, **little, islands=one).needed_mb for one in ("keep", "mend")}
    assert needed["mend"] > needed["keep"]
    for same, kind in ((3, 1024, 1024), little), (shape, {}):
        kept = plan_of(same, **kind, islands="keep")
        assert plan_of(same, **kind).needed_mb == kept.needed_mb
    blocks = {"focus_measure": "laplacian", "budget_mb": 600}
    shape = (7, 4096, 4096)
    assert plan_of(shape, **blocks).needed_mb > plan_of(shape, **blocks, islands="keep").needed_mb


def test_values_where_nothing_is_in_focus_take_memory_too(free):
    free(16_000)
    blocks = {"focus_measure": "laplacian", "budget_mb": 600}
    needed = [plan_of((7, 4096, 4096), nowhere=one, **blocks).needed_mb for one in ("none", "mean")]
    assert needed[1] > needed[0]


def test_short_stacks_take_less(free):
    """Fewer planes wait, and fewer composites."""
    free(16_000)
    needed = [plan_of((planes, 1024, 1024)).needed_mb for planes in (3, 7, 20)]
    assert needed == sorted(set(needed))


def test_aligning_whole_planes_takes_memory_too(free):
    free(16_000)
    blocks = {"focus_measure": "laplacian", "budget_mb": 200}
    shape = (7, 2048, 2048)
    told = {align: plan_of(shape, align=align, **blocks).needed_mb for align in ("none", "auto")}
    assert told["auto"] > 335 > told["none"]  # as measured
    assert plan_of((7, 10_000, 10_000), align="auto").needed_mb < 4096
    assert ALIGNED_PX == FINEST_PX


def test_an_alignment_that_does_not_fit_is_refused_before_it_begins(free):
    free(40)
    text = r"the alignment needs about \d+ MB of memory .*, and 40 MB are free; close other"
    for options in ({"align": "auto"}, {"light": "output"}):
        with pytest.raises(DeviceError, match=text):
            fuse(Claimed((3, 500, 500), np.uint8), focus_measure="laplacian", **options)


@pytest.mark.parametrize("budget_mb", [600, 8192])
def test_moving_planes_takes_memory_too(free, budget_mb):
    free(16_000)
    options = {"focus_measure": "laplacian", "budget_mb": budget_mb}
    shape, is_small = (7, 2048, 2048), budget_mb == 600
    still, moved = (plan_of(shape, **options, align=one) for one in ("none", "auto"))
    assert moved.needed_mb > still.needed_mb or len(moved.blocks) > len(still.blocks)
    assert (len(still.blocks) > 1) == is_small


def test_no_room_for_any_block(free):
    free(700)
    text = r"needs about [\d,]+ MB of memory for planes of 3000 x 4000 px, and 700 MB are free; "
    with pytest.raises(DeviceError, match=rf"{text}close .*part of the stack, or choose"):
        plan_of((30, 3000, 4000))


@pytest.mark.parametrize("side_px", [9000, 10**6])
def test_results_that_do_not_fit_are_refused_without_dividing_planes(free, monkeypatch, side_px):
    free(700)
    monkeypatch.setattr(module, "divide", None)
    text = r"needs about [\d,]+ MB .*, and 700 MB are free; fuse a part of the stack, or OME-Zarr"
    with pytest.raises(DeviceError, match=text):
        plan_of((30, side_px, side_px), focus_measure="laplacian")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_what_takes_more_memory(dtype):
    def needed(channels=1, **options):
        config = FusionConfig(**options)
        shape = (5, 64, 64, channels) if channels > 1 else (5, 64, 64)
        stack = stack_of_arrays(Claimed(shape, dtype))
        return bytes_per_pixel(stack, config, passes_of(config, 5))

    assert needed() > 2 * needed(focus_measure="laplacian")
    assert needed(3) > needed()
    assert needed(focus_measure="laplacian") > needed(focus_measure="laplacian", blend="select")

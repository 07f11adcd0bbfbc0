"""Parts of a field, fused by themselves from a saved survey, are those of the whole."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.fusion import (
    FieldSurvey,
    FusedPart,
    iter_fuse_part,
    iter_settle_field,
    iter_survey_field,
    plan_shards,
)
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.stack import stack_of_arrays
from napari_umis_fusion.synthetic import make_stack

MAPS = ("index_map", "sub_plane_map", "confidence_map", "focus_map")


def a_stack(height=300, width=40, planes=6, seed=0):
    """Detail that is in focus at a plane that changes along y, with planes that are not sound."""
    rng = np.random.default_rng(seed)
    detail = rng.normal(size=(height, width))
    place = np.linspace(0, planes - 1, height)[:, None]
    recorded = [
        detail / (1 + 2 * abs(place - z)) + rng.normal(0, 0.05, detail.shape) for z in range(planes)
    ]
    stack = np.clip(120 + 30 * np.array(recorded), 0, 255).astype(np.uint16)
    stack[1] = 100
    stack[3, 20, 30] = 60_000
    stack[4, 250:] = 0
    return stack


@pytest.mark.parametrize(
    "options",
    [{}, {"blend": "select", "moving": "reject"}, {"align": "translation", "blend": "select"}],
    ids=str,
)
def test_parts_are_those_of_the_whole(options, tmp_path):
    config = FusionConfig(focus_measure="laplacian", align_border="mask", **options)
    stack = stack_of_arrays(a_stack())
    blocks = plan_shards(stack, config, 160).blocks
    assert len(blocks) == 2
    run_to_end(iter_survey_field(stack, config, blocks)).save(tmp_path / "survey.npz")
    survey = FieldSurvey.load(tmp_path / "survey.npz")
    expected = fuse(a_stack(), config)
    image = np.zeros_like(expected.all_in_focus)
    maps = {name: np.zeros_like(getattr(expected, name)) for name in MAPS}
    for block in blocks:
        part = run_to_end(iter_fuse_part(stack, config, survey, block))
        image[block.kept] = part.image
        for name, whole in maps.items():
            whole[block.kept] = getattr(part, name)
    source = maps["index_map"] if config.blend == "select" else None
    whole = FusedPart(image, source_map=source, uncovered_px=0, health=survey.healths,
                      provenance={}, notes=(), **maps)  # fmt: skip
    settled = run_to_end(iter_settle_field(stack, config, survey, whole))
    np.testing.assert_array_equal(image, expected.all_in_focus)
    for name in MAPS:
        np.testing.assert_array_equal(maps[name], getattr(expected, name))
    assert [one.describe() for one in part.health] == [one.describe() for one in expected.health]
    assert {*part.notes, *settled} == set(expected.notes)
    assert {z for one in part.health for z in one.findings} >= {"blank", "torn"}


def test_parts_of_planes_lit_unevenly_and_of_channels_in_another_order(tmp_path):
    config = FusionConfig(focus_measure="laplacian", islands="keep")
    planes = make_stack("bumps", (320, 200), planes=7, noisy=True, seed=1).stack
    rows, columns = np.mgrid[:320, :200]
    spot = 60 * np.exp(-((rows - 200) ** 2 + (columns - 90) ** 2) / (2 * 60**2))
    planes[3] = np.clip(planes[3] + spot[..., np.newaxis], 0, 255)
    planes[5] = planes[5, ..., ::-1]
    stack = stack_of_arrays(planes)
    blocks = plan_shards(stack, config, 160).blocks
    assert len(blocks) > 1
    run_to_end(iter_survey_field(stack, config, blocks)).save(tmp_path / "survey.npz")
    survey = FieldSurvey.load(tmp_path / "survey.npz")
    assert survey.healths[3].by_place is not None
    assert survey.healths[5].channels == (2, 1, 0)
    expected = fuse(planes, config).all_in_focus
    for block in blocks:
        part = run_to_end(iter_fuse_part(stack, config, survey, block))
        np.testing.assert_array_equal(part.image, expected[block.kept])


@pytest.mark.parametrize("seed", range(10))
def test_shards_cover_planes_once(seed):
    rng = np.random.default_rng(seed)
    shape = (2, *rng.integers(1, 3000, 2))
    config = FusionConfig(memory_mb=int(rng.integers(10, 4000)))
    stack = stack_of_arrays(np.broadcast_to(np.uint16(0), shape))
    grid = plan_shards(stack, config, int(rng.choice([0, 500])))
    count = np.zeros(shape[1:], np.uint8)
    for block in grid.blocks:
        count[block.kept] += 1
        for kept, seen, side, shard in zip(
            block.kept, block.seen, shape[1:], grid.shard, strict=True
        ):
            assert kept.start % shard == 0
            assert seen.start in (0, kept.start - 192)
            assert seen.stop in (side, kept.stop + 192)
            assert seen.start % 32 == 0
    assert (count == 1).all()
    assert all(s % c == 0 for s, c in zip(grid.shard, grid.chunk, strict=True))


def test_fields_of_screens_are_one_block():
    """Of four channels, planes of a common camera; more would read them again for each block."""
    stack = stack_of_arrays(np.broadcast_to(np.uint16(0), (30, 2048, 2048, 4)))
    grid = plan_shards(stack, FusionConfig())
    assert grid.shard == (2048, 2048)
    assert grid.largest_mb(stack, FusionConfig(threads=2)) < 0.88 * FusionConfig().memory_mb


def test_a_survey_that_is_damaged(tmp_path):
    path = tmp_path / "survey.npz"
    np.savez(path, tree=np.array('{"os": {"system": "true"}}'))
    with pytest.raises(StackFileError, match=r"cannot be read.*it is made again"):
        FieldSurvey.load(path)
    path.write_bytes(b"PK nothing")
    with pytest.raises(StackFileError, match="cannot be read"):
        FieldSurvey.load(path)

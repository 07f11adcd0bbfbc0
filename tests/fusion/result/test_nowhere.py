"""Values of the image where no plane shows detail."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse, iter_fuse
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Progress

QUICK = {"focus_measure": "laplacian", "islands": "keep", "light": "none"}


def half_empty(seed=0, channels=(), dtype=np.uint8, planes=5):
    """Return a stack with detail on the left alone, at plane 2; the right differs by plane."""
    rng = np.random.default_rng(seed)
    stack = np.empty((planes, 48, 80, *channels))
    stack[:] = np.linspace(90, 130, planes).reshape(-1, *[1] * (stack.ndim - 1))
    stack += rng.normal(0, 0.4, stack.shape)
    for z in range(planes):
        stack[z, :, :40] += rng.normal(0, 60, stack[z, :, :40].shape) / (1 + 4 * abs(z - 2))
    return np.clip(np.rint(stack), 0, 255).astype(dtype)


@pytest.mark.parametrize("blend", ["weighted", "select"])
@pytest.mark.parametrize("channels", [(), (3,), (2,)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_values_and_maps(blend, channels, dtype):
    for seed in range(2):
        stack = half_empty(seed, channels, dtype)
        decided = fuse(stack, **QUICK, blend=blend)
        never = decided.never_in_focus()
        assert 0.2 < never.mean() < 0.6
        wanted = {
            "mean": stack.mean(0, dtype=np.float64),
            "plane": stack[4],
            "none": np.full(stack.shape[1:], 0 if dtype == np.uint8 else np.nan),
        }
        for nowhere, values in wanted.items():
            made = fuse(stack, **QUICK, blend=blend, nowhere=nowhere, nowhere_plane=4)
            assert made.all_in_focus.dtype == dtype
            image = decided.all_in_focus
            np.testing.assert_array_equal(made.all_in_focus[~never], image[~never])
            tolerance = 0.51 if dtype == np.uint8 else 1e-4
            np.testing.assert_allclose(made.all_in_focus[never], values[never], atol=tolerance)
            for name in ("index_map", "sub_plane_map", "confidence_map", "focus_map"):
                np.testing.assert_array_equal(getattr(made, name), getattr(decided, name))
            share = f"{100 * never.mean():.0f} % of the image, never in focus, "
            assert any(note.startswith(share) for note in made.notes)
            assert made.provenance["notes"] == list(made.notes)
            assert made.provenance["config"]["nowhere"] == nowhere
            if blend == "select":
                source = np.where(never, 4, decided.source_map)
                wanted_source = source if nowhere == "plane" else decided.source_map
                np.testing.assert_array_equal(made.source_map, wanted_source)


def test_nothing_changes_where_all_is_in_focus():
    stack = np.random.default_rng(0).integers(0, 255, (4, 30, 40), np.uint8)
    one, other = (fuse(stack, **QUICK, nowhere=nowhere) for nowhere in ("decided", "mean"))
    np.testing.assert_array_equal(one.all_in_focus, other.all_in_focus)
    assert one.notes == other.notes


def test_planes_that_do_not_count_are_not_in_the_mean():
    stack = half_empty().astype(np.float32)
    stack[0] = 7  # blank: left out
    stack[3, :, 60:70] = np.nan
    made = fuse(stack, **QUICK, nowhere="mean", nan_policy="ignore")
    never = made.never_in_focus()
    assert [one.z for one in made.health if one.is_left_out] == [0]
    mean = np.nanmean(stack[1:], axis=0)
    np.testing.assert_allclose(made.all_in_focus[never], mean[never], rtol=1e-5)


@pytest.mark.parametrize("memory_mb", [4096, 1])
def test_parts_that_are_not_sound_are_not_in_the_mean(memory_mb):
    """A plane of which the lower half was not written, and a hot speck of another."""
    stack = half_empty(planes=9).astype(np.uint16) * 100
    expected = stack.astype(float)
    stack[1, 24:] = 0
    expected[1, 24:] = np.nan
    stack[4, 10, 60] = 60_000
    expected[4, 10, 60] = np.nan
    made = fuse(stack, **QUICK, nowhere="mean", memory_mb=memory_mb)
    assert made.health[1].findings == ("torn",)
    assert made.health[4].specks == 1
    never = made.never_in_focus()
    assert never[30, 60]
    never[20:28] = False  # where it breaks off, a line more is left out
    mean = np.nanmean(expected, axis=0)
    np.testing.assert_allclose(made.all_in_focus[never], mean[never], rtol=0.01)


def test_what_the_chosen_plane_does_not_show_stays_as_decided():
    stack = half_empty().astype(np.float32)
    stack[4, :20] = np.nan
    options = {**QUICK, "nan_policy": "ignore"}
    decided = fuse(stack, **options).all_in_focus
    made = fuse(stack, **options, nowhere="plane", nowhere_plane=4).all_in_focus
    np.testing.assert_array_equal(made[:20], decided[:20])
    assert np.isfinite(made).all()


def test_in_blocks_and_in_a_file_it_is_the_same():
    stack = half_empty(planes=4)
    whole = fuse(stack, **QUICK, nowhere="mean")
    on_disk = fuse(stack, **QUICK, nowhere="mean", memory_mb=0)
    np.testing.assert_array_equal(whole.all_in_focus, on_disk.all_in_focus)


def test_opacity_makes_it_transparent():
    stack = np.concatenate(
        [half_empty(channels=(3,)), np.full((5, 48, 80, 1), 255, np.uint8)], axis=-1
    )
    made = fuse(stack, **QUICK, nowhere="none")
    never = made.never_in_focus()
    if made.rgb:
        assert (made.all_in_focus[never][:, 3] == 0).all()
        assert (made.all_in_focus[~never][:, 3] == 255).all()


def test_a_plane_that_is_not_there_is_refused_before_any_work():
    with pytest.raises(ConfigError, match="nowhere_plane=5; the stack has planes 0 to 4"):
        fuse(half_empty(), nowhere="plane", nowhere_plane=5)
    assert fuse(half_empty(), **QUICK, nowhere_plane=99).index_map.max() < 5, "not used"
    with pytest.raises(ConfigError, match="accepted are decided, mean, plane, none"):
        FusionConfig(nowhere="nothing")


def test_progress_never_goes_back_and_it_can_be_abandoned():
    events = iter_fuse(half_empty(), FusionConfig(**QUICK, nowhere="mean"))
    progress = [one for one in events if isinstance(one, Progress) and one.stage == "verifying"]
    shares = [one.done / one.total for one in progress]
    assert shares == sorted(shares)

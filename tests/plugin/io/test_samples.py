import threading
from importlib.resources import files

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from skimage.metrics import structural_similarity

from napari_umis_fusion import fuse
from napari_umis_fusion.plugin.io import _samples as samples

MANIFEST = str(files("napari_umis_fusion") / "napari.yaml")
SAMPLES = {"surface": 1, "fluorescence": 2, "macro": 1}


@pytest.fixture(scope="module", autouse=True)
def _small():
    """Render a ninth of the pixels, which say the same."""
    from napari_umis_fusion.synthetic import _samples, make_stack

    def small(scene, shape=None, **options):
        return make_stack(scene, (128, 160), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_samples, "make_stack", small)
        yield


@pytest.fixture(scope="module")
def opened():
    functions = (samples.textured_surface, samples.noisy_fluorescence, samples.colour_macro)
    return dict(zip(SAMPLES, (make() for make in functions), strict=True))


@pytest.mark.parametrize("key", SAMPLES)
def test_samples_open_through_the_manifest(npe2pm, opened, key):
    with npe2pm.tmp_plugin(manifest=MANIFEST) as plugin:
        contributions = plugin.manifest.contributions.sample_data
        (sample,) = [one for one in contributions if one.key == key]
        layers = sample.open()
    for (array, attributes, kind), (same, told, _) in zip(layers, opened[key], strict=True):
        np.testing.assert_array_equal(array, same, strict=True)
        assert (attributes, kind) == (told, "image")


@pytest.mark.parametrize("key", SAMPLES)
def test_stack_and_truth_lie_in_one_place_and_look_alike(opened, key):
    layers = opened[key]
    assert len(layers) == 2 * SAMPLES[key]
    half = len(layers) // 2
    viewer = ViewerModel()
    for (stack, shown, _), (truth, hidden, _) in zip(layers[:half], layers[half:], strict=True):
        top, below = viewer.add_image(stack, **shown), viewer.add_image(truth, **hidden)
        assert (top.visible, below.visible) == (True, False)
        assert (top.axis_labels, below.axis_labels) == (("z", "y", "x"), ("y", "x"))
        assert below.name == f"{top.name} truth"
        assert tuple(top.scale[1:]) == tuple(below.scale)
        assert {str(unit) for unit in (*top.units, *below.units)} == {"micrometer"}
        assert top.scale[0] > top.scale[1] > 0
        assert (top.rgb, below.rgb) == (key == "macro",) * 2
        assert stack.shape[1:] == truth.shape
        assert top.contrast_limits == below.contrast_limits
        assert top.colormap.name == below.colormap.name


def test_fluorescence_is_two_colours_that_add_up(opened):
    layers = opened["fluorescence"][:2]
    assert [attributes["colormap"] for _, attributes, _ in layers] == ["green", "magenta"]
    assert {attributes["blending"] for _, attributes, _ in layers} == {"additive"}
    assert {array.dtype.name for array, _, _ in layers} == {"uint16"}


@pytest.mark.parametrize("key", SAMPLES)
def test_fusing_comes_closer_to_the_truth_than_any_plane(opened, key):
    (stack, *_), (truth, *_) = opened[key][0], opened[key][SAMPLES[key]]
    fused = fuse(stack, focus_measure="laplacian", blend="select").all_in_focus

    def likeness(image):
        colour = {"channel_axis": 2} if truth.ndim == 3 else {}
        span = float(truth.max() - truth.min())
        return structural_similarity(
            image.astype("f8"), truth.astype("f8"), data_range=span, **colour
        )

    assert likeness(fused) > max(likeness(plane) for plane in stack)


@pytest.mark.parametrize("key", SAMPLES)
def test_planes_differ_in_focus(opened, key):
    stack = opened[key][0][0].astype("f4")
    assert np.abs(np.diff(stack, axis=0)).mean(axis=tuple(range(1, stack.ndim))).min() > 0


def test_a_window_lives_while_a_sample_is_rendered(monkeypatch, qtbot):
    has_lived = threading.Event()

    def render():
        assert has_lived.wait(20), "the window is frozen"
        return [threading.current_thread()]

    monkeypatch.setattr(samples, "shown_viewer", ViewerModel)
    monkeypatch.setattr(samples.synthetic, "textured_surface", render)
    QTimer.singleShot(0, has_lived.set)
    (thread,) = samples.textured_surface()
    assert thread is not threading.current_thread()


def test_an_error_of_a_sample_is_not_lost(monkeypatch, qtbot):
    def render():
        raise RuntimeError("no memory")

    monkeypatch.setattr(samples, "shown_viewer", ViewerModel)
    monkeypatch.setattr(samples.synthetic, "colour_macro", render)
    with pytest.raises(RuntimeError, match="no memory"):
        samples.colour_macro()

"""A layer as it is shown, in 8 bits: the colours of napari, the bars, and what is refused."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.write import _picture as pictures
from napari_umis_fusion.files.write import write_picture

UM = {"axis_labels": ("y", "x"), "units": ("um", "um"), "scale": (0.5, 0.5)}
LARGE = (400, 500)


def values(shape=LARGE, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def read(path):
    return imagecodecs.png_decode(Path(path).read_bytes())


def run(output, **more):
    return {
        "metadata": {"umis_fusion": {"software": "napari-umis-fusion", "output": output, **more}}
    }


@pytest.mark.parametrize(
    "colormap",
    ["gray", "viridis", "I Blue", "#ff8000",
     Colormap([[0, 0, 0, 1], [1, 0, 0, 1], [1, 1, 0, 1]], name="a", controls=[0, 0.3, 1]),
     Colormap([[1, 0, 0, 1], [0, 1, 0, 1]], controls=[0, 0.2, 1], interpolation="zero", name="b")],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_colours_are_those_of_napari(tmp_path, colormap, gamma):
    data = values()
    options = {"contrast_limits": (0.2, 0.9), "gamma": gamma, "colormap": colormap}
    layer = Image(data, **options)
    path = write_picture(tmp_path / "p.png", *layer.as_layer_data_tuple()[:2])[0]
    shown = read(path)[: LARGE[0], : LARGE[1], :3]
    share = np.clip((data - 0.2) / 0.7, 0, 1) ** gamma
    wanted = 255 * layer.colormap.map(share.ravel()).reshape(*LARGE, 4)[..., :3]
    off = np.abs(shown - wanted)
    # A table of 256 colours: only at the edges of stepped colours may a value fall beside.
    assert np.quantile(off, 0.98) <= 2.5


def test_names_alone_are_understood(tmp_path):
    for name in ("viridis", "green", "#ff8000", None, "no such name"):
        attributes = {} if name is None else {"colormap": name}
        shown = read(write_picture(tmp_path / "p.png", values(), attributes)[0])
        assert shown.dtype == np.uint8


def test_what_is_no_number_is_transparent(tmp_path):
    data = values()
    data[:50] = np.nan
    shown = read(write_picture(tmp_path / "p.png", data, {"colormap": "gray"})[0])
    assert (shown[:50, :, 3] == 0).all()
    assert (shown[50:, :, 3] == 255).all()
    whole = read(write_picture(tmp_path / "p.png", values(), {"colormap": "gray"})[0])
    assert whole.shape == (*LARGE, 3), "without opacity where nothing is transparent"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "bool"])
@pytest.mark.parametrize("samples", [3, 4])
def test_colour_is_shown_in_8_bits(tmp_path, dtype, samples):
    share = values((*LARGE, samples))
    most = 1 if dtype in ("float32", "bool") else np.iinfo(dtype).max
    data = (share * most).round().astype(dtype) if dtype != "float32" else share
    shown = read(write_picture(tmp_path / "p.png", data, {"rgb": True})[0])
    wanted = 255 * data.astype(float) / most
    assert np.abs(shown.astype(float) - wanted[..., : shown.shape[-1]]).max() <= 0.501


def test_the_scale_bar_is_as_long_as_it_says(tmp_path, monkeypatch):
    said = []
    text = pictures.length_text
    monkeypatch.setattr(pictures, "length_text", lambda um: said.append(um) or text(um))
    for um_per_px, unit in ((0.5, "um"), (65.0, "nm"), (0.003, "mm"), (7.3, "um")):
        attributes = {**UM, "scale": (um_per_px,) * 2, "units": (unit,) * 2, "colormap": "gray"}
        shown = read(write_picture(tmp_path / "p.png", np.zeros(LARGE, np.uint8), attributes)[0])
        bar = (shown == 255).all(-1)
        longest = bar.sum(1).max()
        um = um_per_px * {"um": 1, "nm": 1e-3, "mm": 1e3}[unit]
        assert longest * um == pytest.approx(said[-1], rel=0.05)
        assert 0.08 * LARGE[1] <= longest <= 0.21 * LARGE[1]
    shown = read(write_picture(tmp_path / "p.png", np.zeros(LARGE, np.uint8), {})[0])
    assert not shown.any(), "no bar where the size of a pixel is unknown"


def test_pixels_become_square_and_small_pictures_larger(tmp_path):
    attributes = {**UM, "scale": (1.0, 0.5)}
    shown = read(write_picture(tmp_path / "p.png", values((200, 400)), attributes)[0])
    assert shown.shape[:2] == (400, 400)
    shown = read(write_picture(tmp_path / "p.png", values((30, 40)), {})[0])
    assert shown.shape[:2] == (300, 400)
    for shape in ((1, 1), (1, 300), (2, 3000)):
        assert read(write_picture(tmp_path / "p.png", values(shape), UM)[0]).size


@pytest.mark.parametrize(
    ("attributes", "has_bar"),
    [
        ({**run("depth_map", unit="µm"), "colormap": "viridis"}, True),
        ({**run("index_map"), "colormap": "viridis"}, True),
        ({**run("confidence_map"), "colormap": "gray"}, True),
        ({**run("all_in_focus"), "colormap": "viridis"}, False),
        ({"colormap": "gray"}, False),
        ({"colormap": "magenta"}, False),
        ({"colormap": "viridis"}, True),
    ],
)
def test_values_have_a_colour_bar_and_images_have_none(tmp_path, attributes, has_bar):
    shown = read(write_picture(tmp_path / "p.png", values(), {**UM, **attributes})[0])
    assert (shown.shape[1] > LARGE[1]) == has_bar
    if has_bar:
        beside = shown[:, LARGE[1] + 12, :3]
        colours = pictures.colour_table(attributes["colormap"])[:, :3]
        inside = [row for row in beside if any((row == colour).all() for colour in colours[1:-1])]
        assert len(inside) > 0.7 * LARGE[0]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 44, [0, 10, 20, 30, 40]),
        (2.5, 2.6, [2.5, 2.52, 2.54, 2.56, 2.58, 2.6]),
        (0, 65535, [0, 20000, 40000, 60000]),
    ],
)
def test_numbers_beside_the_bar_are_round(low, high, ticks):
    assert pictures.nice_ticks(low, high) == pytest.approx(ticks)


def test_numbers_are_few_and_within_for_any_range():
    rng = np.random.default_rng(0)
    for _ in range(300):
        low = rng.normal() * 10 ** rng.uniform(-6, 6)
        high = low + 10 ** rng.uniform(-3, 6)
        found = pictures.nice_ticks(low, high)
        assert 2 <= len(found) <= 7
        assert found == sorted(found)
        slack = 1e-6 * (high - low) + 1e-12
        assert low - slack <= found[0] <= found[-1] <= high + slack


def test_refusals_and_the_extension(tmp_path):
    with pytest.raises(StackFileError, match=r"PNG can hold one plane; 'a' has the axes t \(3\)"):
        write_picture(
            tmp_path / "p.png", values((3, 8, 9)), {"name": "a", "axis_labels": tuple("tyx")}
        )
    with pytest.raises(StackFileError, match=r"a picture is a PNG; end the name in \.png"):
        write_picture(tmp_path / "p.tif", values(), {})
    for name in ("p", "beads 0.5"):
        written = write_picture(tmp_path / name, values((1, 8, 9)), {})
        assert written == [str(tmp_path / f"{name}.png")]
    with pytest.raises(StackFileError, match="is an input"):
        write_picture(tmp_path / "p.png", values(), {}, protect=[tmp_path / "p.png"])

"""Written files, read again by the library that wrote them and by another."""

import csv
import json
import struct
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_umis_fusion.errors import ConfigError, StackError, StackFileError
from napari_umis_fusion.surface import (
    SURFACE_SUFFIXES,
    profile_along,
    write_profile,
    write_surface,
)


@pytest.fixture
def slope(surface_of, grid):
    """Higher to the right; the upper left corner was not measured."""
    mask = np.zeros(grid[0].shape, bool)
    mask[:5, :5] = True
    return surface_of(0.5 * grid[1], never_in_focus=mask)


@pytest.fixture
def picture():
    """Red on the left, green at the top."""
    image = np.zeros((61, 80, 3), np.uint8)
    image[:, :40, 0] = image[:30, :, 1] = 255
    return image


def load(path):
    import trimesh

    return trimesh.load(path, process=False, force="mesh")


@pytest.mark.parametrize("suffix", [".x3p", ".sdf"])
def test_metrology_files_hold_every_height_and_gap(tmp_path, slope, suffix):
    from surfalize import Surface

    slope = replace(slope, pixel_size_um=(0.5, 0.5))  # surfalize warns of other pixels
    (path,) = write_surface(tmp_path / f"a{suffix}", slope)
    read = Surface.load(path)  # another library than the one that wrote
    assert (read.step_x, read.step_y) == pytest.approx((0.5, 0.5))
    upright = min(read.data, np.flipud(read.data), key=lambda data: np.isfinite(data[0, 0]))
    np.testing.assert_array_equal(np.isnan(upright), ~slope.is_measured)
    level = np.nanmin(upright) - np.nanmin(slope.heights_um)
    np.testing.assert_allclose(upright - level, slope.heights_um, atol=1e-4)


def test_metrology_rows_are_counted_upwards(tmp_path, slope):
    import x3pio

    (path,) = write_surface(tmp_path / "a.x3p", slope)
    heights = x3pio.read(path).layers[0].z
    np.testing.assert_allclose(np.asarray(heights)[::-1] * 1e6, slope.heights_um, atol=1e-9)


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".stl"])
def test_meshes_are_in_micrometres_right_way_up(tmp_path, slope, picture, suffix):
    paths = write_surface(tmp_path / f"a{suffix}", slope, image=picture)
    mesh = load(paths[0])
    np.testing.assert_allclose(mesh.extents, [79 * 0.5, 60 * 0.7, 79 * 0.25], rtol=1e-5)
    x, y, z = mesh.vertices.T
    assert np.corrcoef(x, z)[0, 1] > 0.99
    # what was not measured lies at the upper left
    assert not ((x < 2) & (y > y.max() - 2.5)).any()
    assert mesh.face_normals[:, 2].min() > 0


def test_vertices_of_a_ply_have_the_colour_of_the_image(tmp_path, slope, picture):
    mesh = load(write_surface(tmp_path / "a.ply", slope, image=picture)[0])
    x, y, _ = mesh.vertices.T
    red, green = mesh.visual.vertex_colors[:, :2].T > 128
    np.testing.assert_array_equal(red, x < 39.9 * 0.5)
    np.testing.assert_array_equal(green, y > (60 - 29.5) * 0.7)


@pytest.mark.parametrize("suffix", [".obj", ".glb"])
def test_textures_lie_as_the_image_does(tmp_path, slope, picture, suffix):
    files = write_surface(tmp_path / f"a{suffix}", slope, image=picture)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == (["a-texture.png", "a.mtl", "a.obj"] if suffix == ".obj" else ["a.glb"])
    mesh = load(files[0])
    material = mesh.visual.material
    texture = getattr(material, "image", None) or material.baseColorTexture
    np.testing.assert_array_equal(np.asarray(texture)[..., :3], picture)
    x, up = mesh.vertices[:, 0], mesh.vertices[:, 1 if suffix == ".obj" else 2]
    u, v = mesh.visual.uv.T
    assert np.corrcoef(x, u)[0, 1] > 0.999
    # glTF: rows run along +z, and trimesh turns v so that 0 is at the bottom
    assert abs(np.corrcoef(up, v)[0, 1]) > 0.999


def test_a_glb_is_in_metres_with_y_up(tmp_path, slope):
    (path,) = write_surface(tmp_path / "a.glb", slope)
    np.testing.assert_allclose(load(path).extents, [39.5e-6, 19.75e-6, 42e-6], rtol=1e-5)
    magic, version, _, length = struct.unpack("<4sIII", path.read_bytes()[:16])
    assert (magic, version) == (b"glTF", 2)
    assert json.loads(path.read_bytes()[20 : 20 + length])["asset"]["version"] == "2.0"


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_other_images_are_scaled_to_eight_bits(tmp_path, slope, dtype):
    image = np.arange(61 * 80).reshape(61, 80).astype(dtype)
    write_surface(tmp_path / "a.obj", slope, image=image)
    with Image.open(tmp_path / "a-texture.png") as texture:
        values = np.asarray(texture)
    assert (values.min(), values.max()) == (0, 255)


def test_a_profile_is_a_table(tmp_path, slope):
    profile = profile_along(slope, [[2, 0], [2, 40]])
    path = write_profile(tmp_path / "p.csv", profile)
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["distance_um", "height_um", "row_px", "column_px"]
    assert rows[0]["height_um"] == ""
    assert float(rows[-1]["distance_um"]) == pytest.approx(20)
    assert float(rows[-1]["height_um"]) == pytest.approx(profile.heights_um[-1])


def test_inputs_and_what_a_failure_would_lose_are_kept(tmp_path, slope, picture, monkeypatch):
    depth = tmp_path / "a.ply"
    depth.write_bytes(b"mine")
    with pytest.raises(StackFileError, match="never overwritten"):
        write_surface(depth, slope, protect=[depth])
    with pytest.raises(StackFileError, match="cannot be written"):
        write_surface(tmp_path / "missing" / "a.ply", slope)
    with pytest.raises(StackFileError, match=r"accepted extensions are \.ply"):
        write_surface(tmp_path / "a.xyz", slope)
    with pytest.raises(StackFileError, match=r"ends in \.csv"):
        write_profile(tmp_path / "a.ply", profile_along(slope, [[9, 9], [9, 20]]))
    with pytest.raises(StackError, match="the image has shape"):
        write_surface(depth, slope, image=picture[1:])
    assert depth.read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a.ply"]


@pytest.mark.parametrize("suffix", SURFACE_SUFFIXES)
def test_without_the_extra_the_message_says_what_to_install(tmp_path, slope, suffix, monkeypatch):
    for library in ("trimesh", "x3pio", "sdfio"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=r"pip install \"napari-umis-fusion\[surface\]\""):
        write_surface(tmp_path / f"a{suffix}", slope)

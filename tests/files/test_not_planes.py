"""Files among planes that are no planes."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion import fuse, write_image
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import open_stack, survey_files

OPTIONS = {"focus_measure": "laplacian", "verification": "none"}


@pytest.fixture
def scan(tmp_path):
    rng = np.random.default_rng(5)
    for z in range(4):
        plane = rng.integers(0, 255, (40, 48), np.uint8)
        Image.fromarray(plane).save(tmp_path / f"z{z}.png")
    return tmp_path


@pytest.mark.parametrize("name", ["z_fused.tif", "fused.ome.tif", "z9.png", "all.png", "a.jpg"])
def test_own_results_among_the_planes_are_left_out(scan, name):
    result = fuse(scan, **OPTIONS)
    write_image(scan / name, result.all_in_focus, provenance=result.provenance)
    stack = open_stack(scan)
    assert len(stack) == 4
    assert stack.source_notes == (f"left out as made by this program: {name}",)


@pytest.mark.parametrize("name", ["z9.tif", "z9.ome.tif", "z9.png", "z9.imagej.tif"])
def test_what_is_made_otherwise_than_by_a_fusion_is_left_out_too(scan, name):
    write_image(scan / name, np.zeros((40, 48), np.uint8), provenance={"around": {}})
    assert open_stack(scan).source_notes == (f"left out as made by this program: {name}",)


def test_a_folder_of_own_results_is_a_stack(scan, tmp_path):
    result = fuse(scan, **OPTIONS)
    folder = tmp_path / "fused"
    folder.mkdir()
    for z in range(3):
        write_image(folder / f"z{z}.png", result.all_in_focus, provenance=result.provenance)
    assert len(open_stack(folder)) == 3


def test_images_without_provenance_are_planes(scan):
    write_image(scan / "z4.png", np.zeros((40, 48), np.uint8))
    assert len(open_stack(scan)) == 5


@pytest.mark.parametrize(
    ("name", "sides"),
    [("a_thumb.png", (10, 12)), ("Thumbnail.png", (30, 30)), ("z9.png", (8, 8)), ("A.jpg", (5, 6))],
)
def test_thumbnails_are_left_out(scan, name, sides, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # mosaics exceed it
    Image.fromarray(np.zeros(sides, np.uint8)).save(scan / name)
    stack = open_stack(scan)
    assert len(stack) == 4
    assert stack.source_notes == (f"left out as thumbnails: {name}",)


@pytest.mark.parametrize("pattern", ["z{}_thumb", "a_thumb_z{}", "zz{}"])
def test_a_thumbnail_of_each_plane_is_left_out(scan, pattern):
    for z in range(4):
        name = pattern.format(z) + ".png"
        Image.fromarray(np.zeros((8, 10), np.uint8)).save(scan / name)
    stack = open_stack(scan)
    assert stack.shape == (4, 40, 48)
    assert stack.source_notes[0].startswith("left out as thumbnails: ")


def test_a_page_that_is_marked_as_reduced_is_left_out(tmp_path):
    for z in range(3):
        tifffile.imwrite(tmp_path / f"z{z}.tif", np.full((40, 48), z, np.uint8))
    tifffile.imwrite(tmp_path / "z3.tif", np.zeros((40, 48), np.uint8), subfiletype=1)
    assert len(open_stack(tmp_path)) == 3


@pytest.mark.parametrize("name", ["z2 (1).png", "Kopie von z2.png", "z2_copy.png"])
def test_copies_are_left_out_if_they_are_equal(scan, name):
    (scan / name).write_bytes((scan / "z2.png").read_bytes())
    stack = open_stack(scan)
    assert len(stack) == 4
    assert stack.source_notes == (f"left out as copies of other files: {name}",)
    (scan / name).write_bytes((scan / "z1.png").read_bytes())
    with pytest.raises(StackFileError, match=r"most files are named like z0\.png, but not .*z2"):
        open_stack(scan)


def test_planes_in_two_formats_are_taken_once(scan):
    for z in range(4):
        Image.open(scan / f"z{z}.png").save(scan / f"z{z}.JPG")
    stack = open_stack(scan)
    assert [path[-6:] for path in stack.sources] == [f"z{z}.png" for z in range(4)]
    assert stack.source_notes[0].startswith("planes are there as .jpg and .png; left out: z0.JPG")
    (scan / "z2.JPG").unlink()
    with pytest.raises(StackFileError, match="so both would be one plane"):
        open_stack(scan)


METASERIES = (
    '<MetaData><prop id="Description" type="string" value="{about}"/><PlaneInfo>'
    '<prop id="spatial-calibration-state" type="bool" value="on"/>'
    '<prop id="spatial-calibration-x" type="float" value="1.3668"/>'
    '<prop id="spatial-calibration-y" type="float" value="1.3668"/>'
    '<prop id="spatial-calibration-units" type="string" value="um"/>'
    '<prop id="z-position" type="float" value="{z}"/></PlaneInfo></MetaData>'
)


def test_projections_are_left_out_and_metaseries_tells_positions(tmp_path):
    for z, place in enumerate((9321, 9318.24, 9323.18, 9328.16)):
        about = "Z Projection Method: Maximum" if z == 0 else "plane"
        folder = tmp_path / f"ZStep_{z}"
        folder.mkdir()
        tifffile.imwrite(
            folder / "E07_s1_w1.tif",
            np.full((6, 5), z, np.uint16),
            description=METASERIES.format(about=about, z=place),
            software="MetaSeries",
            metadata=None,
        )
    stack = open_stack(tmp_path)
    assert [int(plane[0, 0]) for plane in stack] == [1, 2, 3]
    assert stack.source_notes[0] == "left out as projections along z: E07_s1_w1.tif"
    assert stack.calibration.z_step_um == pytest.approx(4.96)
    assert stack.calibration.pixel_width_um == 1.3668


@pytest.mark.parametrize("odd", range(4))
def test_the_odd_one_is_the_one_unlike_most(scan, odd):
    Image.fromarray(np.zeros((40, 47), np.uint8)).save(scan / f"z{odd}.png")
    with pytest.raises(StackFileError, match=rf"z{odd}\.png: is 40 × 47 uint8, but 3 of the 4"):
        open_stack(scan)


def test_planes_of_a_kind_that_is_not_read_are_named(scan):
    for name in ("z4.heic", "z5.png.part", "z1.json", "notes 4.txt", ".z6.heic"):
        (scan / name).write_bytes(b"other")
    stack = open_stack(scan)
    assert len(stack) == 4
    (note,) = stack.source_notes
    assert note.endswith("though named like the planes: z4.heic, z5.png.part")
    left_out = survey_files(scan).left_out
    assert [path.name for path in left_out] == ["z4.heic", "z5.png.part"]

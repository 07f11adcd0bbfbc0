"""What is understood of a folder before it is opened, and what can be chosen of it."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion import open_stack, read_layers
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import Selected, survey_files


def plane(value, shape=(6, 5), dtype="uint8"):
    return np.full(shape, value, dtype)


def png(folder, name, value=0, shape=(6, 5)):
    folder.mkdir(exist_ok=True)
    Image.fromarray(plane(value, shape)).save(folder / name)


def stack(folder, name, planes=3, **options):
    folder.mkdir(exist_ok=True)
    data = np.stack([plane(10 * z) for z in range(planes)])
    told = {"photometric": "minisblack", "metadata": {"axes": "ZYX"}} | options
    tifffile.imwrite(folder / name, data, **told)


def test_planes_of_one_stack_are_clear(tmp_path):
    for z in (10, 9, 8):
        png(tmp_path / "a", f"z{z}.png", z)
    survey = survey_files(tmp_path / "a")
    assert survey.is_clear
    ((data, attributes, _),) = survey.layers()
    assert data[:, 0, 0].tolist() == [8, 9, 10]
    assert attributes["name"] == "a"
    assert attributes["metadata"]["umis_fusion_file"]["path"] == str(tmp_path / "a")


def several(folder):
    for t in range(2):
        for z in range(3):
            png(folder, f"t{t}_z{z}.png", 10 * t + z)


def test_a_selection_is_read_and_told_so_that_it_can_be_repeated(tmp_path):
    several(tmp_path / "a")
    survey = survey_files(tmp_path / "a")
    assert not survey.is_clear
    for selected in (Selected(None, {"T": 1}), Selected("T", {"Z": 2}), Selected("T")):
        ((data, attributes, _),) = survey.layers(selected)
        told = attributes["metadata"]["umis_fusion_file"]
        ((again, others, _),) = read_layers(told["path"], **told["selected"])
        np.testing.assert_array_equal(again, data)
        assert others["axis_labels"] == attributes["axis_labels"]
    ((data, attributes, _),) = survey.layers(Selected("time", {"z": 2}))
    assert (data[:, 0, 0].tolist(), attributes["axis_labels"][0]) == ([2, 12], "z")
    ((data, attributes, _),) = survey.layers(Selected("T"))
    assert attributes["axis_labels"] == ("v", "z", "y", "x")
    assert data[:, :, 0, 0].tolist() == [[0, 10], [1, 11], [2, 12]]


@pytest.mark.parametrize(
    ("selected", "text"),
    [
        (Selected("Q"), r"cannot be 'Q': file names count T \(0 is t0, 1 is t1\), Z"),
        (Selected("T", {"T": 0}), "cannot be 'T'"),
        (Selected(None, {"T": 2}), "T=2 is outside 0 to 1"),
        (Selected(None, {"C": 1}), "names axis 'C'; the axes are T"),
        (Selected(None, {"T": 1, "Z": 2}), "no file is there for T=1, Z=2"),
    ],
)
def test_what_cannot_be_selected_is_told(tmp_path, selected, text):
    several(tmp_path / "a")
    (tmp_path / "a" / "t1_z2.png").unlink()
    survey = survey_files(tmp_path / "a")
    assert survey.grid.missing == 1
    with pytest.raises(StackFileError, match=text):
        survey.layers(selected)


def test_in_one_file_nothing_is_selected(tmp_path):
    stack(tmp_path, "a.tif")
    with pytest.raises(StackFileError, match=r"a\.tif: is one file"):
        read_layers(tmp_path / "a.tif", index={"T": 0})


ODD = {
    "size": lambda folder: png(folder, "z7.png", 0, (8, 5)),
    "name": lambda folder: png(folder, "overview of all.png"),
    "broken": lambda folder: (folder / "z7.png").write_bytes(b"no image"),
    "stack": lambda folder: stack(folder, "z7.tif"),
    "copy": lambda folder: (folder / "z1 (1).png").write_bytes((folder / "z1.png").read_bytes()),
}


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("kind", ODD)
def test_odd_ones_are_left_out_with_a_reason(tmp_path, kind):
    for z in range(5):
        png(tmp_path / "a", f"z{z}.png", z)
    ODD[kind](tmp_path / "a")
    survey = survey_files(tmp_path / "a")
    assert not survey.is_clear
    assert all(survey.left_out.values())
    assert len(survey.left_out) == 1
    ((data, attributes, _),) = survey.layers()
    assert data.shape == (5, 6, 5)
    ((again, _, _),) = read_layers(attributes["metadata"]["umis_fusion_file"]["path"])
    np.testing.assert_array_equal(again, data)


def test_two_kinds_in_equal_numbers_are_refused(tmp_path):
    for z in range(4):
        png(tmp_path / "a", f"z{z}.png", z, (6 + z % 2, 5))
    with pytest.raises(StackFileError, match="same size"):
        survey_files(tmp_path / "a")


def test_nothing_readable_is_refused(tmp_path):
    for z in range(3):
        (tmp_path / f"z{z}.png").write_bytes(b"no image")
    with pytest.raises(StackFileError, match="none of the images can be read"):
        survey_files(tmp_path)


@pytest.mark.parametrize("names", [("t0", "t1", "t2"), ("1", "2", "3"), ("cat", "dog-7", "x y 2")])
def test_of_a_folder_of_stacks_one_or_all_are_read(tmp_path, names):
    for number, name in enumerate(names):
        stack(tmp_path / "a", f"{name}.tif", 3 + number)
    survey = survey_files(tmp_path / "a")
    assert survey.holds_stacks
    assert not survey.is_clear
    (axis,) = survey.grid.axes
    assert axis.letter in ("T", "FILE")
    ((data, attributes, _),) = survey.layers(Selected(None, {axis.letter: 1}))
    assert (data.shape, attributes["name"]) == ((4, 6, 5), names[1])
    assert [len(data) for data, _, _ in survey.layers()] == [3, 4, 5]


def test_stacks_with_further_axes_and_two_of_one_name(tmp_path):
    for name in ("a.tif", "a.lsm", "b.tif"):
        tifffile.imwrite(
            tmp_path / name,
            np.zeros((2, 3, 6, 5), "uint8"),
            metadata={"axes": "TZYX"},
            photometric="minisblack",
        )
    survey = survey_files(tmp_path)
    assert [data.shape for data, _, _ in survey.layers()] == [(2, 3, 6, 5)] * 3


def test_stacks_of_equal_size_become_one_layer_with_the_axis_of_their_names(tmp_path, monkeypatch):
    data = np.arange(3 * 2 * 4 * 6 * 5, dtype="uint16").reshape(3, 2, 4, 6, 5)
    (tmp_path / "a").mkdir()
    for t, stacks in enumerate(data):
        told = {"axes": "CZYX", "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"}
        tifffile.imwrite(tmp_path / "a" / f"t{t}.ome.tif", stacks, metadata=told)
    for most in (2**20, 0):  # in memory, and plane by plane
        monkeypatch.setattr("napari_umis_fusion.files.read._tiff_layers.LAZY_BYTES", most)
        layers = survey_files(tmp_path / "a").layers()
        assert [isinstance(array, np.ndarray) for array, _, _ in layers] == [most > 0] * 2
        for c, (array, attributes, _) in enumerate(layers):
            np.testing.assert_array_equal(array, data[:, c])
            assert attributes["axis_labels"] == ("t", "z", "y", "x")
            assert attributes["scale"][:2] == (1.0, 2.0)
            assert attributes["name"] == f"a channel {c + 1}"
            told = attributes["metadata"]["umis_fusion_file"]
            again, others, _ = read_layers(told["path"])[told["layer"]]
            np.testing.assert_array_equal(again, array)
            assert others["axis_labels"] == attributes["axis_labels"]


@pytest.mark.parametrize(
    ("names", "sizes"),
    [(("t0", "t1"), (3, 4)), (("cat", "dog"), (3, 3)), (("ch0", "ch1"), (3, 3))],
)
def test_stacks_that_differ_or_are_not_counted_have_layers_of_their_own(tmp_path, names, sizes):
    for name, size in zip(names, sizes, strict=True):
        stack(tmp_path / "a", f"{name}.tif", size)
    layers = survey_files(tmp_path / "a").layers()
    assert [(attributes["name"], len(data)) for data, attributes, _ in layers] == list(
        zip(names, sizes, strict=True)
    )


def test_a_set_is_read_once(tmp_path):
    data = np.arange(4 * 6 * 5, dtype="uint8").reshape(2, 2, 6, 5)
    whole = tmp_path / "x.ome.tif"
    tifffile.imwrite(whole, data, ome=True, metadata={"axes": "CZYX"}, photometric="minisblack")
    with tifffile.TiffFile(whole) as tif:
        xml = tif.ome_metadata
    blocks = "".join(
        f'<TiffData IFD="{z}" FirstC="{c}" FirstZ="{z}" PlaneCount="1">'
        f'<UUID FileName="c{c}.ome.tif">urn:uuid:{c}</UUID></TiffData>'
        for c in range(2)
        for z in range(2)
    )
    start, end = xml.index("<TiffData"), xml.rindex("</Pixels>")
    xml = xml[:start] + blocks + xml[end:]
    whole.unlink()
    for c in range(2):
        named = xml.replace("UUID=", f'UUID="urn:uuid:{c}" old=', 1)
        tifffile.imwrite(
            tmp_path / f"c{c}.ome.tif",
            data[c],
            description=named,
            metadata=None,
            photometric="minisblack",
        )
    layers = survey_files(tmp_path).layers()
    assert [layer.shape for layer, _, _ in layers] == [(2, 6, 5)] * 2


def test_companions_are_one_file(tmp_path):
    stack(tmp_path, "only.tif")
    survey = survey_files(tmp_path)
    assert survey.is_clear
    ((data, _, _),) = survey.layers()
    np.testing.assert_array_equal(data[2], open_stack(tmp_path).plane(2))


def test_gaps_are_no_clear_case(tmp_path):
    for z in (0, 1, 3, 4):
        png(tmp_path / "a", f"z{z}.png", z)
    survey = survey_files(tmp_path / "a")
    assert survey.grid.skips
    assert not survey.is_clear

"""``umis-fusion substack``."""

import json

import numpy as np
import pytest
import scipy.ndimage
import tifffile

from napari_umis_fusion.cli import main
from napari_umis_fusion.files import read_layers
from napari_umis_fusion.synthetic import fractal_noise

TRUE = (3, 4, 4, 5, 6)


@pytest.fixture
def movie(tmp_path):
    """Write a time series of two channels, (T, Z, C, Y, X), whose focus drifts."""
    texture = 4000 * fractal_noise(np.random.default_rng(0), (40, 48), 0.9)
    blurred = [scipy.ndimage.gaussian_filter(texture, 0.8 * k) for k in range(9)]
    data = np.array([[blurred[abs(z - plane)] for z in range(9)] for plane in TRUE])
    both = np.stack([data, data / 2], axis=2).astype(np.uint16)
    path = tmp_path / "movie.tif"
    described = {"axes": "TZCYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(path, both, imagej=True, metadata=described, resolution=(4, 4))
    return path, both


def run(capsys, *arguments):
    code = main(["substack", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_sub_stacks_of_all_channels_are_one_file_with_the_values_as_recorded(movie, capsys):
    path, data = movie
    target, table = path.with_name("sub.ome.tif"), path.with_name("planes.csv")
    options = ("--around", "1", "--follow", "each", "--table", table, "--json")
    code, out, _ = run(capsys, path, "-o", target, *options)
    assert code == 0
    told = json.loads(out)
    firsts = [plane - 1 for plane in TRUE]
    assert told["planes"] == [{"position": [], "first_planes": firsts}]
    assert told["options"]["around"] == 1
    read = read_layers(target)
    assert len(read) == 2
    for channel, (values, attributes, _) in enumerate(read):
        assert attributes["axis_labels"] == ("t", "z", "y", "x")
        assert attributes["scale"][1:] == pytest.approx((2, 0.25, 0.25))
        for time, first in enumerate(firsts):
            recorded = data[time, first : first + 3, channel]
            np.testing.assert_array_equal(np.asarray(values)[time], recorded)
    rows = [line.split(",") for line in table.read_text("utf-8").splitlines()]
    assert rows[0] == ["position", "time", "in_focus", "followed", "left_aside", "first", "last"]
    assert [row[-2:] for row in rows[1:]] == [[str(one), str(one + 2)] for one in firsts]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--around", "5"), "around=5 takes 11 planes; the stack has 9"),
        (("--scene", "1"), "--scene 1: the input holds the images 0"),
        (("--index", "T=0"), "--index is for files whose names count axes"),
        (("--table", "planes.txt"), "accepted is a file name that ends in .csv"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_work(movie, capsys, options, message):
    target = movie[0].with_name("sub.ome.tif")
    code, _, err = run(capsys, movie[0], "-o", target, *options)
    assert code == 2
    assert message in err
    assert not target.exists()


def test_one_of_several_images_is_chosen_by_its_scene(tmp_path, capsys):
    stacks = np.random.default_rng(0).integers(0, 9000, (2, 5, 20, 24)).astype(np.uint16)
    with tifffile.TiffWriter(tmp_path / "two.ome.tif") as file:
        for stack in stacks:
            file.write(stack, metadata={"axes": "ZYX"}, photometric="minisblack")
    given = (tmp_path / "two.ome.tif", "-o", tmp_path / "sub.ome.tif", "--around", "1")
    code, _, err = run(capsys, *given)
    assert code == 2
    assert "the input holds the images 0, 1; choose one of them with --scene" in err
    for scene in (("--scene", "1"), ("--index", "series=1")):
        _, out, _ = run(capsys, *given, *scene, "--json")
        first = json.loads(out)["planes"][0]["first_planes"][0]
        np.testing.assert_array_equal(
            tifffile.imread(tmp_path / "sub.ome.tif"), stacks[1][first : first + 3]
        )


def test_nothing_is_written_among_the_planes(movie, capsys):
    folder = movie[0].with_name("planes")
    folder.mkdir()
    for z, plane in enumerate(movie[1][0, :, 0]):
        tifffile.imwrite(folder / f"z{z}.tif", plane)
    code, _, err = run(capsys, folder, "-o", folder / "z9.ome.tif", "--around", "0")
    assert code == 1
    assert "would be read as one of them; choose another folder" in err
    assert len(list(folder.iterdir())) == 9


def test_the_input_is_never_replaced(movie, capsys):
    code, _, err = run(capsys, movie[0], "-o", movie[0])
    assert code != 0
    assert "movie.tif" in err
    np.testing.assert_array_equal(tifffile.imread(movie[0]), movie[1])

import json

import numpy as np
import pytest
import tifffile

from napari_umis_fusion.cli import main
from napari_umis_fusion.files.write import write_image
from napari_umis_fusion.stack import Calibration

SIZES = Calibration(2.0, 0.5, 0.5)


@pytest.fixture
def maps(tmp_path):
    """A depth map, its index map and a mask, as files."""
    index = np.random.default_rng(0).integers(0, 9, (40, 50)).astype(np.uint16)
    mask = np.zeros((40, 50), np.uint8)
    mask[:20] = 1
    write_image(tmp_path / "depth.ome.tif", index * np.float32(2), calibration=SIZES)
    write_image(tmp_path / "index.ome.tif", index, calibration=SIZES)
    write_image(tmp_path / "bare.png", index)
    write_image(tmp_path / "mask.png", mask)
    return tmp_path


def printed(capsys, *arguments):
    code = main(["surface", *map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def test_a_depth_map_and_its_index_map_have_the_same_roughness(maps, capsys):
    _, depth, _ = printed(capsys, maps / "depth.ome.tif")
    _, index, _ = printed(capsys, maps / "index.ome.tif")
    bare = (maps / "bare.png", "--z-step-um", 2, "--pixel-um", 0.5)
    _, given, _ = printed(capsys, *bare)
    assert depth["roughness"] == index["roughness"] == given["roughness"]
    assert depth["roughness"]["sq_um"] == pytest.approx(5.2, abs=0.3)


def test_the_table_names_conditions(maps, capsys):
    assert main(["surface", str(maps / "depth.ome.tif"), "--l-cutoff-um", "10"]) == 0
    out = capsys.readouterr().out
    assert "Sa " in out
    assert "plane removed, no S-filter, L-filter 10 µm, 100.0% of the field measured" in out


def test_files_are_written_and_listed(maps, capsys):
    code, found, _ = printed(
        capsys,
        *(maps / "depth.ome.tif", "--never-in-focus", maps / "mask.png"),
        *("--image", maps / "bare.png", "-o", maps / "a.ply", "-o", maps / "a.x3p"),
        *("--line", "30,5", "30,40", "--profile", maps / "p.csv"),
    )
    assert code == 0
    assert [path.rsplit("/", 1)[1] for path in found["files"]] == ["a.ply", "a.x3p", "p.csv"]
    assert all((maps / path).stat().st_size for path in found["files"])
    assert found["roughness"]["measured_share"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["bare.png", "--z-step-um", "2"], 2, "add --pixel-um"),
        (["bare.png", "--pixel-um", "2"], 2, "add --z-step-um"),
        (["depth.ome.tif", "--z-step-um", "2"], 2, "in µm already"),
        (["bare.png", "--pixel-um", "2", "--z-step-um", "0"], 2, "--z-step-um 0; accepted is"),
        (["depth.ome.tif", "--pixel-um", "-1"], 2, "--pixel-um -1; accepted is a positive"),
        (["depth.ome.tif", "--line", "1,2", "3,4"], 2, "give both"),
        (["depth.ome.tif", "--line", "1;2", "3,4", "--profile", "p.csv"], 2, "accepted are points"),
        (["depth.ome.tif", "-o", "depth.ome.tif"], 1, "accepted extensions"),
        (["depth.ome.tif", "--never-in-focus", "small.png"], 1, "shape"),
        (["missing.tif"], 1, "missing.tif"),
    ],
)
def test_wrong_usage_is_told(maps, capsys, monkeypatch, arguments, code, message):
    monkeypatch.chdir(maps)
    write_image("small.png", np.zeros((3, 3), np.uint8))
    before = {path: path.read_bytes() for path in maps.iterdir()}
    got, _, err = printed(capsys, *arguments)
    assert (got, message in err) == (code, True), err
    assert {path: path.read_bytes() for path in maps.iterdir()} == before


@pytest.mark.parametrize("command", ["surface", "around"])
@pytest.mark.parametrize("output", [{"kind": "confidence map"}, "all_in_focus"])
def test_other_results_of_a_fusion_are_no_depths(maps, capsys, command, output):
    file = maps / "other.ome.tif"
    provenance = {"config": {}, "output": output}
    write_image(file, np.ones((40, 50), "f4"), calibration=SIZES, provenance=provenance)
    given = [str(file)]
    if command == "around":
        stack = np.ones((5, 40, 50), "u1")
        tifffile.imwrite(maps / "s.tif", stack, photometric="minisblack")
        given = [str(maps / "s.tif"), "--depth", *given, "-o", str(maps / "a.tif")]
    assert main([command, *given]) == 1
    kind = output["kind"] if isinstance(output, dict) else "all in focus"
    assert f"is the {kind} of a fusion; accepted is its depth map" in capsys.readouterr().err


def test_what_whole_numbers_are_taken_for_is_told(maps, capsys):
    _, _, err = printed(capsys, maps / "bare.png", "--z-step-um", 2, "--pixel-um", 0.5)
    assert "taken as an index map, of planes 0 to 8" in err

"""`umis-fusion`: what it writes and what it says."""

import gc
import io
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch

from lif_file import write_lif
from napari_umis_fusion import fuse, open_stack, write_image
from napari_umis_fusion.cli import main
from napari_umis_fusion.files.read import ImageListStack, read_layers
from napari_umis_fusion.network import UNetPlusPlus, save_checkpoint, shipped_weights
from napari_umis_fusion.synthetic import make_stack


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def stack():
    return make_stack("discs", (40, 56), planes=12).stack


@pytest.fixture
def planes(stack, here):
    """Make a folder of colour planes; with twelve of them, natural order matters."""
    (here / "planes").mkdir()
    for z in range(12):
        write_image(here / "planes" / f"z{z}.png", stack[z], rgb=True)
    return "planes"


@pytest.fixture
def ome(stack, here):
    metadata = {
        "axes": "ZYX",
        **{f"PhysicalSize{axis}": size for axis, size in zip("ZYX", (0.5, 0.2, 0.1), strict=True)},
        **{f"PhysicalSize{axis}Unit": "µm" for axis in "ZYX"},
    }
    grey = stack[::3, ..., 0].astype(np.uint16) * 200
    tifffile.imwrite(here / "stack.ome.tif", grey, ome=True, metadata=metadata)
    return "stack.ome.tif"


def one_line(text, start):
    """The text, if it is a single line that starts so; no traceback then."""
    assert text.startswith(f"umis-fusion: {start}: ")
    assert text.count("\n") == 1
    return text


def files_of(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_folder_to_png(planes, here, capsys):
    assert main(["fuse", planes, "-o", "out.png"]) == 0
    out, err = capsys.readouterr()
    assert out == f"all_in_focus: {here / 'out.png'}\n"
    assert err == "", "no progress bar where nobody watches"
    fused = imagecodecs.png_decode((here / "out.png").read_bytes())
    np.testing.assert_array_equal(fused, fuse(here / planes).all_in_focus)
    assert files_of(here) == ["out.png", *(f"planes/z{z}.png" for z in sorted(range(12), key=str))]


@pytest.mark.parametrize(
    "given", [["planes/z*.png"], [f"planes/z{z}.png" for z in range(12)]], ids=["glob", "list"]
)
def test_glob_and_list(given, planes, here):
    assert main(["fuse", *given, "-o", "out.tif", "--index-map", "index.tif"]) == 0
    expected = fuse(here / planes).index_map
    assert expected.max() > 9, "p10 comes after p9"
    np.testing.assert_array_equal(tifffile.imread("index.tif"), expected)


def test_all_outputs(ome, here):
    outputs = {
        "all_in_focus": ("-o", "out.ome.tif"),
        "index_map": ("--index-map", "index.png"),
        "source_map": ("--source-map", "source.tif"),
        "depth_map": ("--depth-map", "depth.ome.tif"),
        "depth_error_map": ("--depth-error-map", "error.tif"),
        "confidence_map": ("--confidence-map", "confidence.tif"),
    }
    options = [word for pair in outputs.values() for word in pair]
    assert main(["fuse", ome, *options, "--blend", "select"]) == 0
    expected = fuse(open_stack(ome), blend="select", depth_error=True)
    for name, (_, path) in outputs.items():
        wanted = getattr(expected, name)
        wanted = wanted() if callable(wanted) else wanted
        data = Path(path).read_bytes()
        found = imagecodecs.png_decode(data) if path.endswith("png") else tifffile.imread(path)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted, err_msg=name)


@pytest.mark.parametrize("fill", ["decided", "around", "none"])
def test_where_nothing_is_in_focus(fill, here):
    rng = np.random.default_rng(0)
    stack = rng.normal(1000, 2, (4, 40, 64))
    stack[1, :, :32] += rng.normal(0, 200, (40, 32))
    tifffile.imwrite("half.tif", stack.astype(np.uint16), photometric="minisblack")
    files = ["-o", "out.tif", "--never-in-focus", "never.png", "--depth-map", "depth.tif"]
    options = ["--z-step-um", "2", "--focus-measure", "laplacian", "--depth-fill", fill]
    assert main(["fuse", "half.tif", *files, *options]) == 0
    never = imagecodecs.png_decode(Path("never.png").read_bytes()) > 0
    expected = fuse("half.tif", focus_measure="laplacian")
    np.testing.assert_array_equal(never, expected.never_in_focus())
    assert 0.2 < never.mean() < 0.6
    depth = tifffile.imread("depth.tif")
    np.testing.assert_array_equal(depth, expected.depth_map(2, never_in_focus=fill))
    assert np.isnan(depth).any() == (fill == "none")


def test_sizes_and_provenance_go_along(ome, here):
    assert main(["fuse", ome, "-o", "out.ome.tif", "--depth-map", "d.tif", "--threads", "1"]) == 0
    with tifffile.TiffFile("out.ome.tif") as tif:
        image = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]
    pixels = image["Pixels"]
    assert [pixels[f"PhysicalSize{axis}"] for axis in "ZYX"] == [0.5, 0.2, 0.1]
    assert {pixels[f"PhysicalSize{axis}Unit"] for axis in "ZYX"} == {"µm"}
    with tifffile.TiffFile("d.tif") as tif:
        plain = json.loads(tif.pages[0].description)
        assert tif.pages[0].resolution == (1e5, 5e4)
    assert (plain["z_step_um"], plain["pixel_height_um"], plain["pixel_width_um"]) == (
        0.5,
        0.2,
        0.1,
    )
    for told in (json.loads(image["Description"]), plain["provenance"]):
        assert told["config"]["threads"] == 1
        assert told["stack"] == {"shape": [4, 40, 56], "dtype": "uint16", "files": [ome]}


def test_z_step_scales_the_depth(planes, ome, capsys):
    assert main(["fuse", planes, "-o", "o.png", "--depth-map", "d.tif", "--z-step-um", "2"]) == 0
    np.testing.assert_array_equal(tifffile.imread("d.tif"), fuse(planes).depth_map(2))
    assert main(["fuse", ome, "-o", "o.png", "--depth-map", "d.tif", "--z-step-um", "7"]) == 0
    np.testing.assert_array_equal(tifffile.imread("d.tif"), fuse(ome).depth_map(7))


def test_json(ome, here, capsys):
    assert main(["fuse", ome, "-o", "o.png", "--index-map", "i.tif", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert out.count("\n") == 1
    assert err == ""
    assert told["outputs"] == {
        "all_in_focus": str(here / "o.png"),
        "index_map": str(here / "i.tif"),
    }
    assert told["provenance"]["config"]["focus_measure"] == "learned"


def test_notes_are_shown(planes, capsys):
    assert main(["fuse", planes, "-o", "o.png", "--memory-mb", "0"]) == 0
    assert "note: maps kept in a temporary file" in capsys.readouterr().out


def test_one_plane_is_one_line_of_warning(stack, capsys):
    write_image("one.png", stack[0], rgb=True)
    assert main(["fuse", "one.png", "-o", "out.png"]) == 0
    assert "one plane, which is returned as it is" in one_line(capsys.readouterr().err, "warning")
    written, given = (Path(name).read_bytes() for name in ("out.png", "one.png"))
    assert b"napari-umis-fusion" in written
    np.testing.assert_array_equal(imagecodecs.png_decode(written), imagecodecs.png_decode(given))


def test_output_replaces_an_older_one(planes):
    Path("o.png").write_text("older")
    assert main(["fuse", planes, "-o", "o.png"]) == 0
    assert imagecodecs.png_decode(Path("o.png").read_bytes()).shape == (40, 56, 3)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_bar_on_a_terminal_only(planes, monkeypatch):
    read = ImageListStack.plane

    def slow(self, z):
        time.sleep(0 if shown else 0.12)
        return read(self, z)

    monkeypatch.setattr(ImageListStack, "plane", slow)
    verified = ["--verification", "mode", "--verification-window-px", "9"]
    shown = []
    for stream, extra in ((Terminal(), []), (Terminal(), ["--json"]), (io.StringIO(), [])):
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(["fuse", "planes/z[0-5].png", "-o", "o.png", *verified, *extra]) == 0
        shown.append(stream.getvalue())
    for stage in ("measuring", "verifying"):
        seen = [int(done) for done in re.findall(rf"{stage}: .*?(\d+)/6 ", shown[0])]
        assert seen == sorted(seen)
        assert {*seen} & {*range(1, 6)}, f"the bar moves while {stage}"
    assert shown[1:] == ["", ""]


@pytest.fixture
def time_series(stack):
    """Time points of which the second is the stack, and z is short."""
    grey = stack[..., 1]
    both = np.stack([np.broadcast_to(grey[:1], grey.shape), grey])
    tifffile.imwrite("tz.tif", both, imagej=True, metadata={"axes": "TZYX"})
    return both


def test_index_and_z_axis(time_series, capsys):
    assert main(["fuse", "tz.tif", "-o", "o.tif"]) == 1
    assert "T" in one_line(capsys.readouterr().err, "error")
    for options, expected in (
        (["--index", "T=1"], time_series[1]),
        (["--z-axis", "T", "--index", "Z=3"], time_series[:, 3]),
    ):
        assert main(["fuse", "tz.tif", "-o", "o.tif", *options]) == 0
        np.testing.assert_array_equal(tifffile.imread("o.tif"), fuse(expected).all_in_focus)


def test_scene(stack, here, capsys):
    pytest.importorskip("bioio_lif")
    grey = np.ascontiguousarray(stack[..., 0])
    write_lif(here / "a.lif", one=("ZYX", np.zeros_like(grey)), two=("ZYX", grey))
    options = ["-o", "f.tif", "--focus-measure", "laplacian", "--blend", "select"]
    assert main(["fuse", "a.lif", *options, "--scene", "1"]) == 0
    expected = fuse(grey, focus_measure="laplacian", blend="select").all_in_focus
    assert (tifffile.imread("f.tif") == expected).all()
    assert main(["fuse", "a.lif", *options]) == 1
    assert "Select one" in capsys.readouterr().err
    assert main(["fuse", "a.lif", *options, "--scene", "0", "--index", "series=1"]) == 2


def test_reference(planes, here):
    torch.manual_seed(0)
    save_checkpoint(here / "w.safetensors", UNetPlusPlus())
    options = ["--reference", "--checkpoint", "w.safetensors", "--device", "cpu"]
    assert main(["fuse", planes, "-o", "o.tif", *options]) == 0
    with tifffile.TiffFile("o.tif") as tif:
        told = json.loads(tif.pages[0].description)["provenance"]
    assert (told["config"]["focus_measure"], told["config"]["verification"]) == ("umis", "mode")
    assert len(told["weights_sha256"]) == 64
    assert told["device"] == "cpu"


@pytest.mark.parametrize(
    ("file", "facts"),
    [
        ("stack.ome.tif", ["kind: OME-TIFF", "axes: ZYX", "shape: 4 x 40 x 56", "dtype: uint16"]),
        ("planes", ["kind: folder of images", "axes: ZYXS", "planes: 12", "colour: True"]),
        ("planes/z0.png", ["kind: PNG image", "planes: 1", "channels: 3"]),
        ("w.safetensors", ["architecture", "sha256"]),
    ],
)
def test_info(file, facts, planes, ome, here, capsys):
    save_checkpoint(here / "w.safetensors", UNetPlusPlus())
    assert main(["info", file]) == 0
    out = capsys.readouterr().out
    assert [fact for fact in facts if fact not in out] == []
    assert main(["info", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_info_previews_a_folder(stack, here, capsys):
    (here / "scan").mkdir()
    for t in range(2):
        for z in (0, 1, 4):
            write_image(here / "scan" / f"t{t}_z{z}um.png", stack[z], rgb=True)
    assert main(["info", "scan"]) == 0
    out = capsys.readouterr().out
    for line in (
        "axes: TZYXS",
        "names count T (time), 2: t0, t1",
        "names count Z (z), 3: z0um, z1um, z4um",
        "z positions um: 0.0, 1.0, 4.0",
    ):
        assert line in out.splitlines()
    assert "--index T=0" in out
    assert main(["fuse", "scan", "-o", "o.tif"]) == 1
    assert "T (2: 0 is t0, 1 is t1)" in one_line(capsys.readouterr().err, "error")
    arguments = ["scan", "-o", "o.tif", "--index", "T=1", "--depth-map", "d.ome.tif"]
    assert main(["fuse", *arguments, "--focus-measure", "laplacian"]) == 0
    assert "note: steps between planes differ" in capsys.readouterr().out
    with tifffile.TiffFile("d.ome.tif") as tif:
        assert tif.series[0].name == "scan depth map (µm)"
        assert '"unit": "\\u00b5m"' in tif.ome_metadata.replace("&quot;", '"')


def test_results_carry_names_and_colours(here):
    rng = np.random.default_rng(3)
    channel = {"Name": ["DAPI", "GFP"], "Color": [65535, 16711935]}  # blue and green
    metadata = {"axes": "ZCYX", "Channel": channel}
    data = rng.integers(0, 999, (3, 2, 40, 40), np.uint16)
    tifffile.imwrite(here / "two.ome.tif", data, ome=True, metadata=metadata)
    options = ["--focus-measure", "laplacian"]
    assert main(["fuse", "two.ome.tif", "-o", "o.ome.tif", "--index-map", "i.tif", *options]) == 0
    blue, green = read_layers(here / "o.ome.tif")
    assert (blue[1]["name"], green[1]["name"]) == ("o DAPI", "o GFP")
    assert (blue[1]["colormap"], green[1]["colormap"]) == ("blue", "green")
    with tifffile.TiffFile("i.tif") as tif:
        told = tif.shaped_metadata[0]
        assert told["name"] == "two index map"
        assert told["provenance"]["output"] == {"kind": "index map", "unit": "planes"}


@pytest.mark.parametrize("wanted", ["short", "full"])
def test_folders_of_the_computer_are_told_only_if_asked_for(wanted, planes, here, capsys):
    weights = here / "private" / "w.safetensors"
    weights.parent.mkdir()
    shutil.copy(shipped_weights("plane-ranker"), weights)
    arguments = ["--checkpoint", str(weights), "--provenance", wanted, "--json"]
    assert main(["fuse", planes, "-o", "o.tif", *arguments]) == 0
    capsys.readouterr()
    with tifffile.TiffFile("o.tif") as tif:
        told = json.dumps(tif.shaped_metadata[0])
    assert (str(here) in told) == (wanted == "full")
    assert "w.safetensors" in told


def test_info_lists_the_planes(stack, here, capsys):
    spoilt = stack[:5].copy()
    spoilt[1] = 0
    tifffile.imwrite("z.tif", spoilt, photometric="rgb")
    assert main(["info", "z.tif", "--planes"]) == 0
    out, _ = capsys.readouterr()
    rows = [line.split() for line in out.splitlines() if line[:5].strip().isdigit()]
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [" ".join(row[6:]) for row in rows] == ["-", "blank: left out", "-", "-", "-"]
    assert float(rows[2][2]) == stack[2].min()
    assert "note: plane 1 is blank: left out\n" in out
    assert main(["info", "z.tif", "--planes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["planes"] == 5
    assert [one["findings"] for one in told["plane_list"]] == [[], ["blank"], [], [], []]
    assert told["plane_list"][1]["left_out"]


def test_info_lists_the_planes_of_one_time_point(time_series, capsys):
    assert main(["info", "tz.tif", "--planes", "--index", "T=1"]) == 0
    assert "note" not in capsys.readouterr().out
    assert main(["info", "tz.tif", "--planes", "--index", "T=0"]) == 0
    assert "are the same as the plane before" in capsys.readouterr().out
    assert main(["info", "tz.tif", "--index", "T=0"]) == 2
    assert "add --planes" in capsys.readouterr().err


def test_demo(here, capsys, monkeypatch):
    small = make_stack("discs", (40, 56), planes=4)
    monkeypatch.setattr("napari_umis_fusion.cli._demo.demo_stack", lambda: small)
    assert main(["demo", "-o", "deep/demo"]) == 0
    out = capsys.readouterr().out
    folder = here / "deep" / "demo"
    names = ["all-in-focus.ome.tif", "index-map.ome.tif", "side-by-side.png"]
    assert files_of(here) == [f"deep/demo/{name}" for name in names]
    assert all(str(folder / name) in out for name in names)
    assert "PSNR" in out
    assert tifffile.imread(folder / names[0]).shape == (40, 56, 3)
    assert tifffile.imread(folder / names[1]).dtype == np.uint16
    assert imagecodecs.png_decode((folder / names[2]).read_bytes()).shape == (40, 3 * 56 + 16, 3)


def test_demo_refuses_a_folder_before_it_works(here, capsys, monkeypatch):
    monkeypatch.setattr("napari_umis_fusion.cli._demo.demo_stack", pytest.fail)
    (here / "taken").touch()
    assert main(["demo", "-o", "taken"]) == 1
    assert "taken: cannot be written (File exists); choose" in one_line(
        capsys.readouterr().err, "error"
    )


def test_demo_tells_how_near_it_came(here, capsys):
    assert main(["demo", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {Path(path).parent for path in told["files"].values()} == {here / "umis-fusion-demo"}
    assert told["psnr_db"] > told["best_plane_psnr_db"] + 5
    assert told["ssim"] > 0.9
    assert told["index_error_planes"] < 1


def test_a_process_loads_only_what_it_needs(planes):
    code = (
        "import gc, sys; from napari_umis_fusion.cli import main; code = main();"
        "wanted = {'scipy.linalg', 'torch', 'skimage', 'matplotlib'};"
        "print(code, gc.isenabled(), gc.get_freeze_count() > 0, sorted(wanted & set(sys.modules)))"
    )
    fuse_it = ["fuse", planes, "-o", "out.tif", "--focus-measure", "laplacian"]
    done = subprocess.run(
        [sys.executable, "-c", code, *fuse_it], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 True True []"


def test_within_another_process_the_collector_of_cycles_is_left_alone(planes):
    before = gc.isenabled(), gc.get_freeze_count()
    assert main(["fuse", planes, "-o", "out.tif"]) == 0
    assert (gc.isenabled(), gc.get_freeze_count()) == before

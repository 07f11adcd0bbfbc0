"""`umis-fusion metrics`: what it measures, says and refuses."""

import json

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import fuse, metrics, write_image
from napari_umis_fusion.cli import main
from napari_umis_fusion.files.read import ImageListStack
from napari_umis_fusion.synthetic import make_stack

ALONE = ["average_gradient", "spatial_frequency", "entropy", "standard_deviation"]
AGAINST_STACK = ["false_edge_rate", "edge_preservation", "mutual_information"]
WITH_TRUTH = ["psnr", "ssim"]
WITH_TRUE_INDEX = ["index_error", "index_share_off"]

STACK = ["--stack", "planes"]
TRUTH = ["--truth", "truth.tif"]
INDEX_MAPS = ["--index-map", "index.tif", "--true-index-map", "true-index.tif"]


@pytest.fixture(scope="module")
def rendered():
    return make_stack("discs", (40, 56), planes=4)


@pytest.fixture(scope="module")
def result(rendered):
    return fuse(rendered.stack)


@pytest.fixture
def truth(rendered):
    return np.rint(rendered.all_in_focus).astype(np.uint8)


@pytest.fixture(autouse=True)
def here(rendered, result, truth, tmp_path, monkeypatch):
    """Change into a folder with the stack, its fusion and the known answers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "planes").mkdir()
    for z, plane in enumerate(rendered.stack):
        write_image(f"planes/z{z}.png", plane, rgb=True)
    write_image("fused.png", result.all_in_focus, rgb=True)
    write_image("truth.tif", truth, rgb=True)
    write_image("index.tif", result.index_map)
    write_image("true-index.tif", rendered.sub_plane_map.astype(np.float32))
    return tmp_path


def told(capsys, *options):
    assert main(["metrics", *options, "--json"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == ""
    return json.loads(out, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ALONE),
        (STACK, AGAINST_STACK + ALONE),
        (TRUTH, WITH_TRUTH + ALONE),
        (INDEX_MAPS, WITH_TRUE_INDEX + ALONE),
        (
            [*STACK, *TRUTH, *INDEX_MAPS],
            WITH_TRUTH + WITH_TRUE_INDEX + AGAINST_STACK + ALONE,
        ),
    ],
    ids=["alone", "stack", "truth", "index maps", "all"],
)
def test_it_measures_what_the_inputs_allow(options, names, capsys):
    assert list(told(capsys, "fused.png", *options)["metrics"]) == names
    assert main(["metrics", "fused.png", *options]) == 0
    head, titles, *rows = capsys.readouterr().out.splitlines()
    assert head == "black is 0, white is 255"
    assert titles.split()[:3] == ["metric", "value", "unit"]
    assert [row.split()[0] for row in rows] == names
    assert max(map(len, rows)) <= 100


def test_the_numbers_are_those_of_the_functions(rendered, result, truth, capsys):
    fused, span = result.all_in_focus, {"data_range": 200}
    deviation = metrics.index_error(result.index_map, rendered.sub_plane_map)
    expected = {
        "psnr": metrics.psnr(fused, truth, **span),
        "ssim": metrics.ssim(fused, truth, **span),
        "index_error": deviation.mean_planes,
        "index_share_off": deviation.share_off,
    }
    grey = {"grey_range": (20, 220)}
    for name in AGAINST_STACK:
        expected[name] = getattr(metrics, name)(fused, rendered.stack, **grey)
    for name in ALONE:
        expected[name] = getattr(metrics, name)(fused, **grey)
    options = ["fused.png", *STACK, *TRUTH, *INDEX_MAPS, "--range", "20", "220"]
    facts = told(capsys, *options)
    assert facts["grey_range"] == [20, 220]
    found = {name: entry["value"] for name, entry in facts["metrics"].items()}
    assert found == pytest.approx(expected, rel=1e-6)
    main(["metrics", *options])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert {row[0]: float(row[1]) for row in rows} == pytest.approx(expected, rel=1e-3)


def test_every_number_has_a_hint_and_in_the_table_its_unit(capsys):
    options = ["fused.png", *STACK, *TRUTH, *INDEX_MAPS]
    entries = told(capsys, *options)["metrics"]
    main(["metrics", *options])
    table = capsys.readouterr().out
    for name, entry in entries.items():
        assert ";" in entry["hint"], "what it measures; the error it rewards"
        assert entry["hint"] in table
        assert entry["unit"] in table
        assert entry["unit"] or name == "ssim"


def test_equal_images_have_an_infinite_psnr_which_json_does_not_know(capsys):
    assert told(capsys, "truth.tif", *TRUTH)["metrics"]["psnr"]["value"] is None
    assert main(["metrics", "truth.tif", *TRUTH]) == 0
    assert "psnr                    inf  dB " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["channels.ome.tif", "channels.tif"])
def test_an_image_of_microscope_channels(name, capsys):
    image = np.random.default_rng(0).integers(0, 4096, (20, 30, 2), np.uint16)
    write_image(name, image)
    entry = told(capsys, name, "--truth", name, "--range", "0", "4095")["metrics"]["entropy"]
    assert entry["value"] == pytest.approx(metrics.entropy(image, grey_range=(0, 4095)))


def test_floats_below_zero_need_a_range(rendered, capsys):
    write_image("float.tif", rendered.stack[0, ..., 1] / np.float32(255) - 1)
    expected = metrics.average_gradient(rendered.stack[0, ..., 1])
    facts = told(capsys, "float.tif", "--range", "-1", "0")
    assert facts["metrics"]["average_gradient"]["value"] == pytest.approx(expected, rel=1e-5)


def test_the_dtypes_may_differ_where_the_range_is_told(truth, capsys):
    write_image("deep.tif", truth.astype(np.uint16), rgb=True)
    facts = told(capsys, "fused.png", "--truth", "deep.tif", "--range", "0", "255")
    assert facts["metrics"] == told(capsys, "fused.png", *TRUTH)["metrics"]


@pytest.fixture
def refused(rendered, here):
    """Make files that do not fit the others."""
    plane = rendered.stack[0]
    write_image("small.png", plane[:8, :8], rgb=True)
    write_image("deep.png", plane.astype(np.uint16), rgb=True)
    write_image("float.tif", plane.astype(np.float32), rgb=True)
    write_image("broken.tif", np.full((20, 30), np.nan, np.float32))
    write_image("flat.png", np.full((20, 30), 9, np.uint8))
    (here / "pages.tif").write_bytes(_pages(rendered.stack))


def _pages(stack):
    import io

    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stack, photometric="rgb")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["absent.png"], 1, "absent.png: no such file or folder"),
        (["fused.png", "--truth", "absent.png"], 1, "absent.png: no such file or folder"),
        (["fused.png", "--stack", "absent"], 1, "absent: no such file or folder"),
        (["planes"], 1, "planes has 4 planes; accepted is one image"),
        (["pages.tif"], 1, "pages.tif has 4 planes; accepted is one image"),
        (["fused.png", "--truth", "pages.tif"], 1, "pages.tif has 4 planes; accepted is one image"),
        (["fused.png", "--truth", "small.png"], 1, "accepted is that of truth, (8, 8, 3)"),
        (["small.png", "--truth", "small.png"], 1, "SSIM accepts 11 x 11 px and more"),
        (["small.png", *STACK], 1, "plane 0 has shape (40, 56, 3); accepted is that of"),
        (
            ["flat.png", "--stack", "flat.png"],
            1,
            "no plane has an edge; accepted are planes that are not flat",
        ),
        (
            ["fused.png", "--stack", "deep.png"],
            1,
            "--stack is uint16, but the fused",
        ),
        (
            ["fused.png", "--truth", "deep.png"],
            1,
            "--truth is uint16, but the fused",
        ),
        (
            ["float.tif", "--truth", "deep.png"],
            1,
            "--truth is uint16, but the fused",
        ),
        (
            ["float.tif"],
            2,
            "black and white levels are unknown; add --range LOW HIGH",
        ),
        (["broken.tif", "--range", "0", "1"], 1, "infinite or not a number"),
        (
            ["fused.png", "--range", "9", "9"],
            2,
            "--range 9 9; accepted are two numbers",
        ),
        (
            ["fused.png", "--range", "nan", "9"],
            2,
            "--range nan 9; accepted are two numbers",
        ),
        (["fused.png", *INDEX_MAPS[:2]], 2, "are compared; give both or neither"),
        (["fused.png", *INDEX_MAPS[2:]], 2, "are compared; give both or neither"),
        (["fused.png", *INDEX_MAPS[:3], "flat.png"], 1, "index_map has shape (40, 56); accepted"),
    ],
)
@pytest.mark.usefixtures("refused")
def test_errors_are_one_line(options, code, text, capsys):
    assert main(["metrics", *options]) == code
    out, err = capsys.readouterr()
    assert err.startswith("umis-fusion: error: ")
    assert err.count("\n") == 1
    assert text in err
    assert out == ""


@pytest.mark.parametrize(
    "options",
    [["--range", "2", "1"], ["--truth", "absent.png"], INDEX_MAPS[:2], ["--true-index-map", "no"]],
    ids=" ".join,
)
def test_inputs_are_checked_before_any_plane_is_read(options, monkeypatch, capsys):
    read = []
    original = ImageListStack.plane

    def watched(self, z):
        read.append(self.sources)
        return original(self, z)

    monkeypatch.setattr(ImageListStack, "plane", watched)
    assert main(["metrics", "fused.png", *STACK, *options]) in (1, 2)
    capsys.readouterr()
    assert [sources for sources in read if len(sources) > 1] == []
    assert main(["metrics", "fused.png", *STACK]) == 0
    assert [sources for sources in read if len(sources) > 1], "the stack is read through this"


def test_a_time_point_of_a_hyperstack(rendered, result, capsys):
    grey = np.moveaxis(rendered.stack, 3, 1)[:, :1]  # ZCYX
    series = np.stack([grey // 8, grey])
    tifffile.imwrite("series.ome.tif", series, ome=True, metadata={"axes": "TZCYX"})
    write_image("grey.tif", result.all_in_focus[..., 0])
    of_first, of_second = (
        told(capsys, "grey.tif", "--stack", "series.ome.tif", "--index", f"T={t}")["metrics"]
        for t in (0, 1)
    )
    assert of_second["false_edge_rate"]["value"] < 0.1 < of_first["false_edge_rate"]["value"]
    assert main(["metrics", "grey.tif", "--stack", "series.ome.tif", "--index", "T"]) == 2
    assert "accepted is AXIS=N" in capsys.readouterr().err

"""The comparison of quality: its options, its arithmetic, and that it runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.wait4, which peak memory needs")


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


def run_quality(*arguments):
    # an empty PATH: without the programs of others
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / "quality.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": ""},
    )


@pytest.mark.slow
def test_it_runs_and_keeps_results(tmp_path):
    arguments = (
        "--side", 64, "--only", "4 planes", "fluorescence clean", "--cache", tmp_path / "cache",
        "--json", tmp_path / "scores.json",
        "--contender", f"broken={sys.executable} {{files}} {{out}}",
    )  # fmt: skip
    first = run_quality(*arguments)
    assert first.returncode == 0, first.stderr
    for title in ("PSNR", "SSIM", "Index error", "Best peer", "Summary"):
        assert f"### {title}" in first.stdout
    assert "openfocus is not here: see benchmarks/README.md" in first.stdout
    assert "broken failed on 4 planes" in first.stdout
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert [row["bits"] for row in scores] == [16, 8]
    assert all(
        row["methods"]["ceiling"]["psnr"] >= row["methods"]["lap"]["psnr"] > 20 for row in scores
    )
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.glob("cache/*/*/*.*")}
    assert kept
    assert run_quality(*arguments).stdout == first.stdout
    assert {file: file.stat().st_mtime_ns for file in kept} == kept


@pytest.mark.slow
def test_absent_real_stacks_and_bad_options_are_told(tmp_path):
    printed = run_quality("--real", "--stacks", tmp_path / "absent").stdout
    assert f"no real stacks in {tmp_path / 'absent'}" in printed
    refused = run_quality("--ours", "laplacian:blended=select")
    assert refused.returncode == 2
    assert "unknown option blended" in refused.stderr


def test_configuration_from_text():
    from harness.methods import command_options, parse_config

    config = parse_config("tenengrad:blend=select,window_sigma_px=2.5,median_filter=true")
    assert config.focus_measure == "tenengrad"
    assert config.blend == "select"
    assert config.window_sigma_px == 2.5
    assert config.median_filter is True
    assert command_options(config) == [
        "--focus-measure", "tenengrad", "--window-sigma-px", "2.5", "--median-filter",
        "--blend", "select",
    ]  # fmt: skip
    assert command_options(parse_config("learned")) == []


@pytest.fixture
def rows():
    from harness.scores import RowScores

    def scored(psnr, copied=1.0):
        return {"psnr": psnr, "copied": copied}

    return [
        RowScores(
            "a",
            "occlusion clean",
            methods={
                "ceiling": scored(46.0),
                "ours": scored(43.0, 0.5),
                "base": scored(40.0),
                "soft": scored(44.0, 0.2),
                "hard": scored(41.0),
            },
        ),
        RowScores(
            "b",
            "smooth noisy",
            methods={
                "ceiling": scored(30.0),
                "ours": scored(31.0, 0.5),
                "base": scored(27.0),
                "soft": scored(29.0, 0.1),
            },
        ),
    ]


def test_leads_are_counted_row_by_row(rows):
    from harness.summary import best_of, lead

    assert best_of(rows[0], ["soft", "hard"]) == "soft"
    assert best_of(rows[1], ["hard"]) is None
    over_all = lead(rows, "ours", ["soft", "hard"])
    assert (over_all.mean_db, over_all.worst_db, over_all.worst_row) == (0.5, -1.0, "a")
    over_hard = lead(rows, "ours", ["hard"])  # there in one row only
    assert (over_hard.mean_db, over_hard.worst_db) == (2.0, 2.0)
    assert lead(rows, "ours", []) is None


def test_who_selects_is_measured(rows):
    from harness.summary import selecting

    assert selecting(rows, ["soft", "hard", "absent"]) == ["hard"]


def test_gap_closed_on_rows_of_a_kind(rows):
    from harness.summary import gap_closed

    assert gap_closed(rows, "ours", "base", "ceiling") == pytest.approx(0.5)
    assert gap_closed(rows, "base", "base", "ceiling") == 0
    assert gap_closed(rows, "absent", "base", "ceiling") is None
    assert gap_closed(rows, "ours", "base", "ceiling", kind="haze clean") is None


def test_means_need_every_row(rows):
    from harness.summary import mean_of

    assert mean_of(rows, "ours", "psnr") == 37
    assert mean_of(rows, "hard", "psnr") is None


def test_copied_pixels_agree_in_all_channels():
    from harness.scores import copied_share

    stack = np.zeros((2, 1, 4, 3), np.uint8)
    stack[1] = 9
    image = np.array([[[0, 0, 0], [9, 9, 9], [0, 0, 9], [5, 5, 5]]], np.uint8)
    assert copied_share(image, stack) == 0.5


@pytest.mark.parametrize(("dtype", "high"), [("uint16", 4200), ("float32", 0.7)])
def test_what_programs_write_comes_back_in_grey_levels_of_the_stack(dtype, high):
    import tifffile

    from harness.subject import Subject
    from harness.truths import Example

    stack = np.linspace(high / 20, high, 2 * 5 * 6).reshape(2, 5, 6).astype(dtype)
    with Subject(Example(stack, (0, high))) as subject:
        plane = tifffile.imread(subject.folder / "plane_0001.tif")
        folder = subject.folder
        assert plane.dtype == np.uint16
        assert plane.max() == 65535
        back = subject.restore(np.repeat(plane[..., None], 3, axis=2))
        with pytest.raises(ValueError, match=r"shape \(4, 6\), the stack \(5, 6\)"):
            subject.restore(plane[:4])
    np.testing.assert_allclose(back, stack[1], atol=high / 60000)
    assert not folder.exists()


def test_suites_share_no_name_and_no_seed_of_noise():
    from quality_suite import SUITES

    first, second = (SUITES[name] for name in ("first", "second"))
    assert not {row.name for row in first} & {row.name for row in second}
    assert not {row.seed for row in first} & {row.seed for row in second}
    for rows in SUITES.values():
        assert len({row.name for row in rows}) == len(rows)

"""The comparison of alignment: its geometry, its scores, and that it runs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.wait4, which peak memory needs")


@pytest.fixture(autouse=True, scope="module")
def _benchmarks_importable():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield


@pytest.fixture(scope="module")
def scene():
    from harness.alignment_scenes import Case, render

    return render(Case("bumps", "drift", (96, 128), planes=3))


def program(folder, name, script):
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.mark.slow
def test_it_runs_and_tells_who_is_absent_or_fails(tmp_path):
    program(tmp_path, "focusweave", "echo out of film; exit 3")
    done = subprocess.run(
        [
            sys.executable, str(BENCHMARKS / "alignment.py"), "--quick", "--only", "drift",
            "--ours", "laplacian", "--align", "none",
            "--tables", "estimators", "seeds", "rendered", "real",
            "--stacks", str(tmp_path / "absent"), "--peers", str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for title in (
        "Error of a pair",
        "Error of auto",
        "Largest error",
        "Loss of ours",
        "Loss, dB",
        "PSNR, dB",
        "The same loss",
    ):
        assert f"### {title}" in done.stdout
    assert "openfocus is not here: see benchmarks/README.md" in done.stdout
    assert "focusweave failed on bumps, drift: out of film" in done.stdout
    assert f"no real stacks in {tmp_path / 'absent'}" in done.stdout
    true, worst = done.stdout.split("| bumps, drift | ")[1].split(" |")[:2]
    assert float(true) == 0
    assert float(worst) == pytest.approx(np.hypot(6, 10), abs=0.01)  # of 12, 20 from end to end


def test_programs_align_what_moved_and_only_that(tmp_path):
    from harness.alignment_peers import find_aligning

    for name in ("openfocus", "focusweave", "focus-stack", "align_image_stack", "enfuse"):
        program(tmp_path, name, "")
    found, absent = find_aligning([tmp_path])
    assert not absent
    by_name = {peer.moving.name: peer for peer in found}
    ecc = by_name["StackMFF V3, ecc"]
    assert ecc.moving.template[-2:] == ("-a", "ecc")
    assert ecc.still.template[-2:] == ("-a", "none")
    assert "--no-align" not in by_name["focusweave"].moving.template
    assert "--no-align" in by_name["focusweave"].still.template
    hugin = by_name["hugin + enfuse"].moving.template
    assert hugin[1:4] == ("-m", "harness.alignment_hugin", str(tmp_path / "align_image_stack"))


def test_errors_are_relative_to_the_reference_plane():
    from harness.alignment_geometry import worst_error_px

    true = np.tile(np.eye(2, 3), (3, 1, 1))
    true[:, :, 2] = [(0, 0), (3, 1), (6, 2)]
    estimated = true - [[[0, 0, 3], [0, 0, 1]]]  # the same, with plane 1 as the reference
    assert worst_error_px(estimated, true, 1, (20, 30)) == pytest.approx(0, abs=1e-12)
    estimated[2, 0, 2] += 0.5
    assert worst_error_px(estimated, true, 1, (20, 30)) == pytest.approx(0.5)
    estimated[2, 0, 0] += 0.1  # the last row is 19 px off: 1.9 more
    assert worst_error_px(estimated, true, 1, (20, 30)) == pytest.approx(2.4)


def test_covered_is_what_every_plane_has():
    from harness.alignment_geometry import covered

    moved = np.array([[[1, 0, 3], [0, 1, 0]], [[1, 0, 0], [0, 1, -2]]], float)
    expected = np.zeros((10, 12), bool)
    expected[1:6, 3:11] = True
    np.testing.assert_array_equal(covered(moved, (10, 12), 1), expected)


@pytest.mark.parametrize(("finest", "within_px"), [(1, 0.02), (2, 0.1)])
def test_images_of_other_size_scale_and_light_are_found(scene, finest, within_px):
    from harness.alignment_fusing import grey
    from harness.alignment_geometry import register
    from napari_umis_fusion.alignment import apply, corners_of

    true = np.array([[1.04, 0.02, -7.3], [-0.02, 1.04, 3.2]])
    image = 20 + 0.7 * grey(scene.truth(true, (90, 125)))
    found = register(image, grey(scene.made.twin.all_in_focus), finest)
    corners = corners_of((96, 128))
    assert np.abs(apply(found, corners) - apply(true, corners)).max() < within_px


def test_loss_is_judged_in_the_frame_that_an_image_has(scene):
    from dataclasses import replace

    from harness.alignment_fusing import Fused
    from harness.alignment_scores import measure

    true, shape = scene.made.transforms, (96, 128)
    twin = Fused(np.rint(scene.made.twin.all_in_focus).astype(np.uint8))
    ramp = np.linspace(0.6, 0.9, 110, dtype=np.float32)[:, None]  # a lamp that nobody knows
    relative = true.copy()  # turns and scales nothing: plane 0 as the reference
    relative[:, :, 2] -= true[0, :, 2]
    cut = true[0] - [[0, 0, 5], [0, 0, 4]]
    image = np.rint(ramp * scene.truth(cut, (80, 110))).astype(np.uint8)
    right = Fused(image, relative, 0, (5.0, 4.0))
    scores = dict(measure(scene, right, twin, "ours"))
    assert scores["error_px"] == pytest.approx(0, abs=1e-9)
    assert scores["twin"] == 50  # rounding is all that is lost, and nobody sees more
    assert scores["strict"] == scores["loss"] == 0
    assert scores["share"] == pytest.approx(80 * 110 / (shape[0] * shape[1]))
    astray = dict(measure(scene, replace(right, start=(5.5, 4.0)), twin, "ours"))
    assert astray["strict"] > 15
    assert astray["loss"] == scores["loss"]  # registered on the truth, wherever it claims to lie
    assert "strict" not in dict(measure(scene, right, twin, "peer"))


def test_planes_lie_under_the_image():
    from harness.alignment_fusing import Fused
    from harness.alignment_real import aligned_planes

    stack = np.random.default_rng(0).integers(0, 256, (2, 9, 11, 3), dtype=np.uint8)
    transforms = np.tile(np.eye(2, 3), (2, 1, 1))
    transforms[1, :, 2] = (-1, 2)
    planes = aligned_planes(stack, Fused(stack[0, 2:8, 1:9], transforms, 0, (2.0, 1.0)))
    np.testing.assert_array_equal(planes[0], stack[0, 2:8, 1:9])
    np.testing.assert_array_equal(planes[1], stack[1, 1:7, 3:11])


@pytest.mark.slow
def test_real_stacks_are_drawn_where_images_differ(tmp_path):
    from PIL import Image

    from harness.alignment_fusing import Aligner, Fused
    from harness.alignment_real import CROP_PX, score
    from harness.truths import Example

    rng = np.random.default_rng(0)
    stack = scipy.ndimage.gaussian_filter(rng.uniform(0, 255, (2, 290, 300)), (0, 1, 1))
    stack = stack.astype(np.uint8)
    soft = stack[0].copy()
    soft[:, :150] = scipy.ndimage.gaussian_filter(soft[:, :150], 2)
    makes = {"sharp": Fused(stack[0]), "soft": Fused(soft)}
    aligners = [
        Aligner(name, "peer", (name, name), lambda _, f=fused: f, None)
        for name, fused in makes.items()
    ]
    row = score("trees", Example(stack, (0, 255)), aligners, tmp_path)
    assert row.methods["sharp"]["gradient"] > 1.2 * row.methods["soft"]["gradient"]
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "pictures/trees/soft.png")), soft
    )
    sheet = np.asarray(Image.open(tmp_path / "pictures" / "trees.png").convert("L"), float)
    assert sheet.shape == (CROP_PX + 18, 2 * (CROP_PX + 4))  # one place fits
    first, second = sheet[16:CROP_PX, :CROP_PX], sheet[16:CROP_PX, CROP_PX + 4 : -4]
    assert np.abs(first - second).mean() > 2
    same = [
        (first == stack[0, y : y + len(first), x : x + CROP_PX]).all()
        for y in range(60)
        for x in range(60)
    ]
    assert sum(same) == 1  # pixels as they are

import csv
import math
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from napari_umis_fusion.training import LossCurve, StepDone, Validated, Working

PICTURE = np.zeros((4, 4), np.float32)


def curve(steps=12, every=4):
    made = LossCurve()
    for step in range(1, steps + 1):
        made.add(Working(step, steps))
        made.add(StepDone(step, steps, {"total": 3 / step, "mse": 1 / step}, 0.1 / step))
        if step % every == 0:
            made.add(Validated(step, step / 2, {"psnr": 20.0 + step}, {"image": PICTURE}, True))
    return made


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_a_row_for_each_step(tmp_path):
    curve().save_csv(tmp_path / "c.csv")
    rows = read(tmp_path / "c.csv")
    assert list(rows[0]) == [
        *("step", "learning_rate", "total", "mse"),
        *("validation_score", "validation_psnr"),
    ]
    assert [int(row["step"]) for row in rows] == list(range(1, 13))
    assert float(rows[2]["total"]) == 3 / 3
    assert float(rows[1]["learning_rate"]) == 0.1 / 2
    scored = {
        int(row["step"]): float(row["validation_psnr"]) for row in rows if row["validation_psnr"]
    }
    assert scored == {4: 24.0, 8: 28.0, 12: 32.0}


def test_csv_goes_on_from_an_earlier_one(tmp_path):
    whole = curve()
    whole.save_csv(tmp_path / "c.csv")
    begun = LossCurve.read_csv(tmp_path / "c.csv", 8)
    assert begun.rows == whole.rows[:8]
    for step in range(9, 13):
        begun.add(StepDone(step, 12, {"total": 3 / step, "mse": 1 / step}, 0.1 / step))
    begun.add(Validated(12, 6.0, {"psnr": 32.0}, {}, True))
    begun.save_csv(tmp_path / "d.csv")
    assert read(tmp_path / "d.csv") == read(tmp_path / "c.csv")


def test_csv_read_up_to_a_step_is_as_if_the_rest_never_was(tmp_path):
    curve().save_csv(tmp_path / "c.csv")
    begun = LossCurve.read_csv(tmp_path / "c.csv", 3)
    assert begun.names == ["learning_rate", "total", "mse"]
    begun.save_csv(tmp_path / "d.csv")
    curve(3).save_csv(tmp_path / "e.csv")
    assert (tmp_path / "d.csv").read_bytes() == (tmp_path / "e.csv").read_bytes()


def test_an_empty_curve_has_a_header(tmp_path):
    LossCurve().save_csv(tmp_path / "c.csv")
    assert (tmp_path / "c.csv").read_text().split() == ["step"]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1), (3, 2, 1)])
def test_rows_are_by_step_whatever_the_order(order):
    made = LossCurve()
    for step in order:
        made.add(StepDone(step, 3, {"total": step / 2}, 0.1))
    wanted = [{"step": k, "learning_rate": 0.1, "total": k / 2} for k in (1, 2, 3)]
    assert made.rows == wanted
    np.testing.assert_array_equal(made.series("total")[0], [1, 2, 3])


def test_a_step_that_is_made_again_replaces_what_it_told():
    made = curve()
    made.add(StepDone(4, 12, {"total": 7.0}, 0.5))
    assert made.rows[3] == curve().rows[3] | {"total": 7.0, "learning_rate": 0.5}
    assert [row["step"] for row in made.rows] == list(range(1, 13))


def test_series_and_the_value_nearest_to_a_step():
    made = curve()
    steps, values = made.series("validation_psnr")
    np.testing.assert_array_equal(steps, [4, 8, 12])
    np.testing.assert_array_equal(values, [24, 28, 32])
    nearest = [made.at("validation_psnr", step) for step in (-1, 5.9, 6.1, 1e9)]
    assert nearest == [(4, 24), (4, 24), (8, 28), (12, 32)]
    assert made.at("absent", 1) is None
    assert made.series("absent")[0].size == 0
    made.add(StepDone(13, 13, {"total": 1.0}, 0.1))  # the copies do not hold the curve fast


@pytest.mark.parametrize(
    ("scores", "best"),
    [([], None), ([math.nan], None), ([1, 3, 2], 20), ([3, 3], 10), ([math.nan, -4, -5], 20)],
)
@pytest.mark.parametrize("is_copied", [False, True])
def test_best_step_has_the_highest_score_first(scores, best, is_copied):
    made = LossCurve()
    for number, score in enumerate(scores, 1):
        made.add(Validated(10 * number, float(score), {"psnr": score}, {}, True))
    assert (made.copy() if is_copied else made).best_step == best


def test_adding_tells_whether_there_was_anything():
    made = LossCurve()
    assert not made.add(Working(1, 2))
    assert made.add(StepDone(1, 2, {"total": 1.0}, 0.1))
    assert made.add(Validated(1, 20.0, {"psnr": 20.0}, {}, True))
    assert made.names == ["learning_rate", "total", "validation_score", "validation_psnr"]


def test_copies_are_independent():
    made = curve()
    copied = made.copy()
    made.add(StepDone(13, 13, {"total": 1.0, "new": 2.0}, 0.1))
    assert copied.rows == curve().rows


def test_a_number_takes_a_few_tens_of_bytes():
    numbers, steps = 6, 4_000
    tracemalloc.start()
    try:
        made = LossCurve()
        for step in range(steps):
            made.add(StepDone(step, steps, dict.fromkeys("abcde", step * 0.3), step * 0.1))
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used / (steps * numbers) < 30
    assert made.at("e", 777) == (777, 777 * 0.3)


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00\n1,2", b"a,b\n1,2\n", b"step\nx\n"])
def test_a_curve_that_cannot_be_read_counts_as_empty(tmp_path, content):
    if content is not None:
        (tmp_path / "c.csv").write_bytes(content)
    assert LossCurve.read_csv(tmp_path / "c.csv", 100).rows == []


@pytest.mark.parametrize("steps", [0, 1, 2, 300])
def test_png(tmp_path, steps):
    curve(steps).save_png(tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
    assert has_colour(tmp_path / "c.png", (214, 39, 40)) == (steps > 3), "marks of validation"


def has_colour(path, colour):
    with Image.open(path) as picture:
        return bool((np.asarray(picture.convert("RGB")) == colour).all(-1).any())


def test_files_appear_whole_or_not_at_all(tmp_path):
    made = curve()
    for save, name in ((made.save_csv, "c.csv"), (made.save_png, "c.png")):
        save(tmp_path / name)
        before = (tmp_path / name).read_bytes()
        with pytest.raises(OSError, match="absent"):
            save(tmp_path / "absent" / name)
        save(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.csv", "c.png"]


def test_matplotlib_is_loaded_for_a_picture_only_and_never_its_windows(tmp_path):
    code = f"""
import sys
from napari_umis_fusion.training import LossCurve, StepDone
curve = LossCurve()
curve.add(StepDone(1, 2, {{"total": 1.0}}, 0.1))
curve.save_csv({str(tmp_path / "c.csv")!r})
assert "matplotlib" not in sys.modules
curve.save_png({str(tmp_path / "c.png")!r})
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)

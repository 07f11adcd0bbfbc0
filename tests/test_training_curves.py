import csv
import subprocess
import sys

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

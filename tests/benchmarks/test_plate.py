"""The model of a plate on many workers: bounds that hold whatever the costs, and that it runs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_faster_than_what_limits_it(seed):
    from harness.stack_costs import StackCosts
    from harness.storage_model import Storage, simulate

    rng = np.random.default_rng(seed)
    plane_s, end_s, plane_mb, files, end_mb, end_files = 10 ** rng.uniform(-2, 2, 6)
    costs = StackCosts(plane_s, end_s, plane_mb, files, end_mb, end_files)
    mb_s, files_s = 10 ** rng.uniform(1, 4, 2)
    storage = Storage("any", mb_s, rng.uniform(0.1, 1) * mb_s, files_s, rng.uniform(0, 0.01))
    workers, stacks, planes = int(rng.integers(1, 20)), int(rng.integers(1, 30)), 5
    kinds = {"stacks": stacks, "planes": planes, "spread": 0.0}
    found = simulate(costs, storage, workers, **kinds)
    computing = stacks * (planes * plane_s + end_s)
    transferring = stacks * (planes * plane_mb + end_mb) / mb_s
    opening = stacks * (planes * files + end_files) / files_s
    alone = simulate(costs, storage, 1, **kinds)
    assert found.seconds >= max(computing / workers, transferring, opening) * (1 - 1e-9)
    assert found.seconds >= alone.seconds / workers * (1 - 1e-9)
    assert found.seconds <= alone.seconds * (1 + 1e-9)
    total = found.seconds
    assert found.computing == pytest.approx(computing / workers / total)
    assert found.transferring == pytest.approx(transferring / total)
    assert found.opening == pytest.approx(opening / total)


def test_each_limit_by_itself():
    from harness.stack_costs import StackCosts
    from harness.storage_model import Storage, simulate

    free, costs = Storage("free", 1e9, 1e9, 1e9, 0), StackCosts(1, 10, 50, 20, 100, 40)
    kinds = {"stacks": 64, "planes": 10, "spread": 0.0}
    found = simulate(costs, free, 8, **kinds)
    assert (found.seconds, found.limit) == (pytest.approx(8 * 20, rel=1e-3), "processors")
    found = simulate(costs, Storage("slow", 100, 100, 1e9, 0), 64, **kinds)
    assert (found.seconds, found.limit) == (pytest.approx(64 * 6, rel=0.05), "bandwidth")
    found = simulate(costs, Storage("disk", 1e9, 1e9, 20, 0), 64, **kinds)
    assert (found.seconds, found.limit) == (pytest.approx(64 * 12, rel=0.05), "files")
    # The next plane is read while one is fused: where that takes longer, it is all that counts.
    slow = simulate(costs, Storage("far", 1e9, 1e9, 1e9, 1.0), 1, stacks=1, planes=10, spread=0.0)
    assert slow.seconds == pytest.approx(10 * 2 + 1 + 10 + 4, rel=1e-3)


def test_seeds_tell_how_much_chance_decides():
    from harness.stack_costs import StackCosts
    from harness.storage_model import Storage, simulate

    one = StackCosts(1, 1, 1, 1, 1, 1), Storage("any", 100, 100, 100, 0.001), 7
    seconds = [simulate(*one, stacks=20, planes=3, seed=seed % 3).seconds for seed in range(6)]
    assert seconds[:3] == seconds[3:]
    assert len(set(seconds)) == 3


def test_it_runs(monkeypatch, tmp_path, capsys):
    import plate

    costs = {
        "plane_s": 1,
        "end_s": 2,
        "plane_mb": 10,
        "plane_files": 4,
        "end_mb": 9,
        "end_files": 9,
    }
    (tmp_path / "costs.json").write_text(json.dumps(dict.fromkeys(plate.MEASURES, costs)))
    for name, value in {"STACKS": 12, "WORKERS": (1, 4), "SEEDS": range(1)}.items():
        monkeypatch.setattr(plate, name, value)
    picture = tmp_path / "plate.png"
    given = ["plate.py", "--json", str(tmp_path / "costs.json"), "--picture", str(picture)]
    monkeypatch.setattr(sys, "argv", given)
    plate.main()
    shown = capsys.readouterr().out
    assert "| laplacian | 1 | 2 | 10 | 4 | 9 | 9 |" in shown
    assert "12 stacks with `learned`" in shown
    assert picture.stat().st_size > 5000


def test_costs_of_a_stack():
    from harness.stack_costs import costs_of

    case = {"side_px": 96, "channels": 2, "chunk_px": 64, "measure": "laplacian"}
    found = costs_of(case)
    assert found.plane_files >= 8, "a chunk of each channel at least once"
    assert 0 < found.plane_mb < found.plane_files * 64 * 64 * 2 / 1e6
    assert found.end_files > 20
    assert found.end_mb > 0.1

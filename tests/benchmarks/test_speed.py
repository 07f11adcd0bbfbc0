"""The benchmarks run, on stacks far too small to mean anything."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.wait4, which peak memory needs")


def run_script(name, *arguments):
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def run_here(monkeypatch, capsys):
    """Return a function that runs a script which measures no process, without starting one."""
    monkeypatch.syspath_prepend(BENCHMARKS)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        code = 0
        try:
            runpy.run_path(str(BENCHMARKS / name), run_name="__main__")
        except SystemExit as end:
            code = end.code
        assert not code
        return capsys.readouterr().out

    return run


def rows(markdown):
    """Cells of table rows by their first cell; the first table counts where two have a row."""
    found = {}
    for line in markdown.splitlines():
        if line.startswith("|"):
            head, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            found.setdefault(head, cells)
    return found


@pytest.mark.slow
def test_speed_compares_whole_processes(tmp_path):
    printed = run_script("speed.py", "--quick", "--cache", tmp_path, "--tables", "peers")
    assert "6 x 64 x 64 RGB uint8" in printed
    assert "umis-fusion, laplacian, none" in rows(printed)
    ours = rows(printed)["umis-fusion"]
    assert ours[1] == ours[4] == "1.00"
    assert float(ours[0]) > 0
    assert float(ours[3]) > 30  # MB: no Python with NumPy takes less
    assert float(ours[6]) > 25  # dB: it did fuse
    assert "6 x 64 x 64 RGB uint8: the call alone" in printed


@pytest.mark.slow
def test_speed_names_absent_peers(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    printed = run_script(
        "speed.py", "--quick", "--cache", tmp_path, "--tables", "reference", "network"
    )
    assert "enfuse is not here: apt-get install enfuse" in printed
    assert "give --reference CHECKPOINT" in printed
    network, matrices, _ = (float(cell) for cell in printed.splitlines()[-1].split("|")[1:-1])
    assert network > 0 < matrices


@pytest.mark.slow
def test_coherence_scores_choices(run_here):
    printed = run_here(
        "coherence.py", "--rendered-only", "--only", "bumps clean", "--side", 64,
        "--choices", "none", "seams 8", "backwards", "weighted",
    )  # fmt: skip
    for title in ("False-edge rate", "Retained focus", "PSNR", "SSIM"):
        assert title in printed
    assert set(rows(printed)) >= {"stack", "bumps clean", "**mean, rendered clean**"}


@pytest.mark.slow
def test_coherence_says_where_real_stacks_should_be(tmp_path, run_here):
    printed = run_here("coherence.py", "--real-only", "--stacks", tmp_path / "absent")
    assert f"no real stacks in {tmp_path / 'absent'}: left out" in printed


@pytest.fixture
def harness(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


def test_peak_memory_is_that_of_the_program():
    big = "bytearray(3 * 10**8)[::4096] = b'1' * -(-3 * 10**8 // 4096)"
    # from a process as small as the benchmark's own: a large one counts towards its child
    command = [sys.executable, "-c", big]
    script = f"from harness.processes import run; print(run({command}).peak_mb)"
    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=BENCHMARKS, capture_output=True, text=True, check=True
    )
    assert 300 < float(printed.stdout) < 400


@pytest.mark.usefixtures("harness")
def test_a_failing_program_is_an_error_with_its_words():
    from harness.processes import ProgramError, run

    with pytest.raises(ProgramError, match=r"exit 3(?s:.*)too bad"):
        run([sys.executable, "-c", "print('too bad'); raise SystemExit(3)"])


@pytest.mark.usefixtures("harness")
def test_contender_from_text(tmp_path):
    from harness.contenders import parse_contender

    contender = parse_contender("other=program --output={out} {files}")
    assert contender.name == "other"
    assert contender.template == ("program", "--output={out}", "{files}")
    with pytest.raises(ValueError, match="accepted is NAME=COMMAND"):
        parse_contender("program {files}")


@pytest.mark.slow
def test_memory_says_what_it_takes():
    printed = run_script("memory.py", "--quick", "--fusions", "laplacian, select, none")
    for name in ("learned", "laplacian, select, none"):
        said, took = (float(cell) for cell in rows(printed)[name][1:3])
        assert said > 0
        assert took > 0
    assert "memory_mb 400" in printed


@pytest.mark.slow
def test_gpu_measures_the_cpu_too(run_here):
    printed = run_here("gpu.py", "--quick", "--device", "cpu")
    for title in ("The network alone", "Fusions in memory", "By rows", "Against the CPU"):
        assert title in printed
    for title in ("Training, objective select", "Without memory", "From files"):
        assert title in printed
    assert rows(printed)["64 x 64"]


def test_gpu_says_when_there_is_none(run_here):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        printed = run_here("gpu.py", "--quick", "--tables", "strips")
        assert "By rows" in printed
    else:
        assert run_here("gpu.py").startswith("No graphics card here")

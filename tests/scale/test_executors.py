"""Whoever fuses the blocks, and however often they are killed: the bytes are the same."""

import signal
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import dask
import numpy as np
import pytest
import zarr

from napari_umis_fusion import fuse
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.scale import fuse_zarr

OPTIONS = {"focus_measure": "laplacian", "shard_px": 96}

RUN = """
import sys
from napari_umis_fusion.scale import iter_fuse_zarr
for event in iter_fuse_zarr(*sys.argv[1:], focus_measure="laplacian", shard_px=96):
    print(type(event).__name__, flush=True)
"""


def contents(output):
    """Return all files but those that tell of the run, which hold times."""
    files = [one for one in output.rglob("*") if one.is_file()]
    return {
        name: one.read_bytes()
        for one in files
        if not (name := one.relative_to(output).as_posix()).startswith("umis-fusion/")
    }


@pytest.fixture(scope="module")
def fused(tmp_path_factory, a_stack, write_image):
    """Return an input of two time points, and its fusion."""
    folder = tmp_path_factory.mktemp("fused")
    data = np.stack([a_stack(150, 170, planes=3, seed=seed) for seed in range(2)])
    source = write_image(folder / "in", data, "tczyx")
    fuse_zarr(source, folder / "out", **OPTIONS)
    return source, contents(folder / "out")


def test_shares(fused, tmp_path):
    """Tasks need not know of each other, nor start in order."""
    source, expected = fused
    ends = [fuse_zarr(source, tmp_path / "out", task=task, of=3, **OPTIONS) for task in (2, 0, 1)]
    assert [len(end.pending) for end in ends] == [2, 2, 0]
    assert contents(tmp_path / "out") == expected


def test_shares_at_the_same_time(fused, tmp_path):
    source, expected = fused
    work = [
        threading.Thread(
            target=partial(fuse_zarr, source, tmp_path / "out", task=task, of=3, **OPTIONS)
        )
        for task in range(3)
    ]
    for one in work:
        one.start()
    for one in work:
        one.join()
    assert contents(tmp_path / "out") == expected


def test_dask(fused, tmp_path):
    from distributed import Client

    source, expected = fused
    with Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0"
    ) as client:
        summary = fuse_zarr(source, tmp_path / "out", scheduler=client, **OPTIONS)
    assert summary.fused == ("time 0", "time 1")
    assert contents(tmp_path / "out") == expected


def test_a_scheduler_that_does_not_answer(fused, tmp_path):
    with pytest.raises(ConfigError, match="cannot be reached"):
        fuse_zarr(fused[0], tmp_path / "out", scheduler="nonsense", **OPTIONS)
    # What else is computed with dask does not wait for it.
    assert dask.config.get("scheduler", None) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed(fused, tmp_path):
    source, expected = fused
    command = [sys.executable, "-c", RUN, str(source), str(tmp_path / "out")]
    for moment in (3, 12):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with process:
            for _ in range(moment):
                assert process.stdout.readline()
            time.sleep(0.01 * moment)
            process.send_signal(signal.SIGKILL)
    assert contents(tmp_path / "out") != expected
    fuse_zarr(source, tmp_path / "out", **OPTIONS)
    assert contents(tmp_path / "out") == expected


def test_an_address(tmp_path, a_stack, write_image):
    """What fsspec reaches is read from where it is."""
    data = a_stack(64, 70, planes=3)[0]
    source = write_image(tmp_path / "in", data, "zyx")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(source)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        fuse_zarr(address, tmp_path / "out", focus_measure="laplacian")
    finally:
        server.shutdown()
        server.server_close()
    found = zarr.open_array(str(tmp_path / "out" / "0"), mode="r")[0]
    np.testing.assert_array_equal(found, fuse(data, focus_measure="laplacian").all_in_focus)


@pytest.fixture
def describe(tmp_path):
    """Write the description of a cluster."""

    def write(text):
        (tmp_path / "cluster.toml").write_text(text)
        return tmp_path / "cluster.toml"

    return write


def test_a_cluster(fused, tmp_path, describe, monkeypatch):
    """What a batch system would start is started here, by the same calls."""
    from distributed import LocalCluster

    calls = []

    class Jobs(LocalCluster):
        def __init__(self, **options):
            calls.append(options)
            super().__init__(
                n_workers=0, processes=False, threads_per_worker=1, dashboard_address=":0"
            )

        def scale(self, workers):
            calls.append(workers)
            super().scale(workers)

        def close(self, *arguments, **options):
            calls.append("closed")
            return super().close(*arguments, **options)

    source, expected = fused
    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=Jobs))
    file = describe('system = "slurm"\nworkers = 2\n[options]\nqueue = "short"\nmemory = "4GB"')
    assert fuse_zarr(source, tmp_path / "out", cluster=file, **OPTIONS).failed == ()
    assert contents(tmp_path / "out") == expected
    options, workers, *after = calls
    assert options == {"queue": "short", "memory": "4GB", "cores": 1, "processes": 1}
    assert workers == 2
    assert "closed" in after
    calls.clear()
    fuse_zarr(source, tmp_path / "out", cluster=file, **OPTIONS)
    assert calls == [], "nothing was left to do"


def test_a_local_cluster(fused, tmp_path, describe):
    source, expected = fused
    file = describe('system = "local"\nworkers = 1\n[options]\nprocesses = false')
    fuse_zarr(source, tmp_path / "out", cluster=file, **OPTIONS)
    assert contents(tmp_path / "out") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers = ", "cannot be read as the description of a cluster"),
        ('system = "slurm"\nworkers = 2\nqueue = "short"', r"queue is not known.*\[options\]"),
        ('system = "cloud"\nworkers = 2', "system='cloud'; accepted are htcondor, local, lsf"),
        ('system = "slurm"\nworkers = 0', "workers=0; accepted are numbers from 1"),
        ('system = "slurm"\nworkers = true', "workers=True; accepted"),
        ('system = "slurm"\nworkers = 1\noptions = 3', r"options=3; accepted is a table"),
        ('system = "slurm"\nworkers = 1', r"dask_jobqueue is not installed.*\[cluster\]"),
        ('system = "local"\nworkers = 1\n[options]\nqueue = "a"', "cannot be started with"),
    ],
)
def test_descriptions_of_clusters_that_are_refused(
    fused, tmp_path, describe, monkeypatch, text, message
):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(ConfigError, match=message):
        fuse_zarr(fused[0], tmp_path / "out", cluster=describe(text), **OPTIONS)


def test_one_executor(fused, tmp_path):
    with pytest.raises(ConfigError, match="more than one of scheduler, cluster and task"):
        fuse_zarr(fused[0], tmp_path / "out", cluster="a", scheduler="b", **OPTIONS)

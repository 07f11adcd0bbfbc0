"""ONNX Runtime sends nothing and leaves nothing on the disk."""

import os
import subprocess
import sys

FUSE = """
import numpy as np
from napari_umis_fusion import fuse
fuse(np.random.default_rng(0).random((3, 48, 64), np.float32), device="cpu")
import sys
assert "onnxruntime" in sys.modules
"""


def test_no_telemetry(tmp_path):
    folders = {name: str(tmp_path / name) for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME")}
    for folder in folders.values():
        os.mkdir(folder)
    environment = {**os.environ, **folders}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    working = tmp_path / "working"
    working.mkdir()
    subprocess.run([sys.executable, "-c", FUSE], env=environment, cwd=working, check=True)
    left = {path.name for folder in (*folders.values(), working) for path in os.scandir(folder)}
    assert not [name for name in left if name.endswith(".ses") or "onnx" in name.lower()]

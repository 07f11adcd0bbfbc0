"""What the widget loads in the background."""

import subprocess
import sys

import pytest

ONCE = """
import sys, threading
from napari_umis_fusion.plugin._warm_up import warm_up
assert "torch" not in sys.modules
warm_up()
warm_up()
(thread,) = [one for one in threading.enumerate() if "warm-up" in one.name]
thread.join()
assert {"onnxruntime", "numba"} <= set(sys.modules)
from napari_umis_fusion.network import may_have_accelerator
assert ("torch" in sys.modules) == may_have_accelerator()
assert threading.active_count() == 1
"""

TRAINING = """
import sys, threading
from napari_umis_fusion.plugin import _warm_up as warm_up
warm_up.warm_up_training()
warm_up.warm_up_training()
threads = [one for one in threading.enumerate() if "warm-up" in one.name]
for thread in threads:
    thread.join()
assert len(threads) == 2
assert warm_up.torch_is_loaded()
loop = "napari_umis_fusion.training.loop._run"
assert {"torch.optim", "skimage.metrics", loop} <= set(sys.modules)
assert threading.active_count() == 1
"""

BROKEN = """
import sys
sys.modules["onnxruntime"] = None  # as where its library cannot be loaded
import threading
from napari_umis_fusion.plugin._warm_up import warm_up
threading.excepthook = lambda told: print("told:", told.exc_value)
warm_up()
"""


@pytest.mark.slow
@pytest.mark.parametrize("code", [ONCE, TRAINING, BROKEN], ids=["once", "training", "broken"])
def test_libraries_are_loaded_once_and_quietly(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr

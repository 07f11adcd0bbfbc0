"""How the fuzz tests run, and what they accept.

Small and seeded, so that a run is the same everywhere; `UMIS_FUSION_FUZZ=10000` looks longer.
"""

import os
import re

from hypothesis import HealthCheck, settings

from napari_umis_fusion.errors import UmisFusionError

FUZZ = settings(
    max_examples=int(os.environ.get("UMIS_FUSION_FUZZ", 60)),
    deadline=None,
    derandomize="UMIS_FUSION_FUZZ" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def harmless(read, path):
    """Call a reader; only errors of this package, in one short line, may come out."""
    try:
        read(path)
    except UmisFusionError as error:
        text = str(error)
        assert path.name in text or str(path.parent) in text
        assert "\n" not in text
        assert len(text.replace(str(path), "")) < 800
        assert not re.search(r"<bound method|object at 0x|Traceback", text)

"""Provenance: what is needed to reproduce a result."""

from pathlib import Path
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.runtime import package_version
from napari_umis_fusion.stack import Stack


def describe_run(stack: Stack, config: FusionConfig, **details: Any) -> dict[str, Any]:
    """Return version, config and stack of a run as JSON values, with further `details`."""
    return {
        "software": "napari-umis-fusion",
        "version": package_version(),
        "config": config.as_dict(),
        "stack": {
            "shape": list(stack.shape),
            "dtype": str(stack.dtype),
            "files": [Path(source).name for source in stack.sources],
        },
        **stack.describe_alignment(),
        **details,
    }

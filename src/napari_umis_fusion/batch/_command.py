"""The command line that does what a batch does."""

import os
import shlex
from collections.abc import Iterable
from typing import Any

from napari_umis_fusion.batch._options import BatchOptions
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.runtime import changed_fields


def batch_command(
    inputs: Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    config: FusionConfig | None = None,
    options: BatchOptions | None = None,
    *,
    resume: bool = False,
) -> str:
    """Return the command line that runs the same batch, quoted for a shell.

    Examples
    --------
    >>> batch_command(["my slides"], "out", options=BatchOptions(depth_map=True))
    "umis-fusion batch 'my slides' -o out --depth-map"
    """
    words = ["umis-fusion", "batch", *(os.fspath(one) for one in inputs), "-o", os.fspath(output)]
    for changed in (options or BatchOptions(), config or FusionConfig()):
        for name, value in changed_fields(changed).items():
            words += _option(name, value)
    return shlex.join([*words, *(["--resume"] if resume else [])])


def _option(name: str, value: Any) -> list[str]:
    dashed = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{dashed}" if value else f"--no-{dashed}"]
    # In one word, since a value may begin with a hyphen.
    return [f"--{dashed}={value}"]

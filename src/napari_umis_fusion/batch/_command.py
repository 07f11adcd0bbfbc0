"""The command line that does what a batch does."""

import os
import shlex
from collections.abc import Iterable

from napari_umis_fusion.batch._options import BatchOptions
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.runtime import option_words


def batch_command(
    inputs: Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    config: FusionConfig | None = None,
    options: BatchOptions | None = None,
    *,
    resume: bool = False,
) -> str:
    """Return the command line that runs the same batch, quoted for a shell.

    Parameters
    ----------
    inputs, output, config, options, resume
        See `iter_batch`.

    Returns
    -------
    str

    Examples
    --------
    >>> batch_command(["my slides"], "out", options=BatchOptions(depth_map=True))
    "umis-fusion batch 'my slides' -o out --depth-map"
    """
    words = ["umis-fusion", "batch", *(os.fspath(one) for one in inputs), "-o", os.fspath(output)]
    words += [*option_words(options or BatchOptions()), *option_words(config or FusionConfig())]
    return shlex.join([*words, *(["--resume"] if resume else [])])

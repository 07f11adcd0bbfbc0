"""The ways to fuse that are compared: ours, those of others, and two yardsticks."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

import napari_umis_fusion
from harness.cases import ask
from harness.contenders import Contender, ours
from harness.processes import ProgramError
from harness.subject import Subject
from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.files import open_stack
from napari_umis_fusion.stack import LUMINANCE


@dataclass(frozen=True, slots=True)
class Made:
    """A fused image in the stack's grey levels, and what is known of how it came about."""

    all_in_focus: NDArray[Any]
    index_map: NDArray[Any] | None = None
    usage: dict[str, float] | None = None
    eight_bit: bool = False
    sub_plane_map: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A way to fuse.

    Attributes
    ----------
    name : str
        As it stands in the tables.
    role : str
        "ours", "peer" or "ceiling".
    key : str
        What its result depends on, apart from the stack.
    make : callable
        Fuses a `Subject`.
    """

    name: str
    role: str
    key: str
    make: Callable[[Subject], Made]


def our_method(text: str, usage: bool = False) -> Method:
    """Return the method that ``MEASURE[:OPTION=VALUE[,OPTION=VALUE]]`` describes.

    With `usage`, the command line is run too, for its time and memory.

    Raises
    ------
    ConfigError
        If it is no valid `FusionConfig`.
    """
    config = parse_config(text)
    key = f"ours {config} {usage} {_package_digest()} {_digest_of(config.checkpoint)}"
    return Method(text, "ours", key, partial(_fuse_ours, config=config, usage=usage))


def parse_config(text: str) -> FusionConfig:
    """Read ``MEASURE[:OPTION=VALUE[,OPTION=VALUE]]``: fields of `FusionConfig`."""
    measure, _, rest = text.partition(":")
    pairs = (pair.partition("=") for pair in rest.split(",") if pair)
    options = {name: _value(value) for name, _, value in pairs}
    return FusionConfig().replace(focus_measure=measure, **options)


def _value(text: str) -> str | bool | int | float:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _fuse_ours(subject: Subject, config: FusionConfig, usage: bool) -> Made:
    result = fuse(subject.example.stack, config)
    taken = None
    if usage:
        taken = _run(ours(*command_options(config)), subject)[1]
    return Made(result.all_in_focus, result.index_map, taken, sub_plane_map=result.sub_plane_map)


def command_options(config: FusionConfig) -> list[str]:
    """Return the options of the command line that make a config."""
    words: list[str] = []
    for spec in fields(config):
        value, flag = getattr(config, spec.name), spec.name.replace("_", "-")
        if value == spec.default:
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    return words


def peer_method(contender: Contender) -> Method:
    """Return the method that runs a program."""
    key = " ".join(("peer", *(Path(word).name for word in contender.template)))
    return Method(contender.name, "peer", key, partial(_fuse_peer, contender))


def _fuse_peer(contender: Contender, subject: Subject) -> Made:
    written, usage = _run(contender, subject)
    return Made(subject.restore(written), usage=usage, eight_bit=written.dtype == np.uint8)


def _run(contender: Contender, subject: Subject) -> tuple[NDArray[Any], dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "fused.tif"
        usage = ask("launch", command=contender.command(subject.folder, out))
        if "error" in usage:
            raise ProgramError(usage["error"])
        return np.asarray(open_stack(out).plane(0)), usage


def _lap(subject: Subject) -> Made:
    """Ten lines that any product should beat."""
    stack = subject.example.stack
    grey = stack.astype(np.float32)
    if stack.ndim == 4:
        grey = grey @ np.array(LUMINANCE, np.float32)
    edges = (np.abs(scipy.ndimage.gaussian_laplace(plane, 1)) for plane in grey)
    focus = [scipy.ndimage.gaussian_filter(edge, 4) for edge in edges]
    return _selected(stack, np.argmax(focus, axis=0))


def _ceiling(subject: Subject) -> Made:
    """Per pixel the plane that is nearest to the truth: the best that any selection can do."""
    stack, truth = subject.example.stack, subject.example.truth
    assert truth is not None
    distance = ((plane.astype(np.float32) - truth) ** 2 for plane in stack)
    off = [far if far.ndim == 2 else far.sum(axis=2) for far in distance]
    return Made(_selected(stack, np.argmin(off, axis=0)).all_in_focus)


def _selected(stack: NDArray[Any], index: NDArray[Any]) -> Made:
    chosen = index if stack.ndim == 3 else index[..., None]
    image = np.take_along_axis(stack, chosen[None], axis=0)[0]
    return Made(image, index)


CEILING = Method("ceiling", "ceiling", "ceiling 2", _ceiling)
LAP = Method("lap", "peer", "lap 1", _lap)


@cache
def _package_digest() -> str:
    return folder_digest(Path(napari_umis_fusion.__file__).parent)


def folder_digest(folder: Path, pattern: str = "*") -> str:
    """Return what changes whenever a file in a folder does, caches apart."""
    content = hashlib.sha256()
    for file in sorted(folder.rglob(pattern)):
        if file.is_file() and "__pycache__" not in file.parts:
            content.update(file.name.encode() + file.read_bytes())
    return content.hexdigest()[:16]


def _digest_of(file: str | None) -> str:
    return "" if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16]

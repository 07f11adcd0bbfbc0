"""Fused images and how their planes were aligned: made by ours or by peers, and kept."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.alignment_peers import AligningPeer
from harness.contenders import Contender
from harness.methods import our_method, parse_config
from harness.subject import Subject
from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.alignment import Alignment, common_window
from napari_umis_fusion.files import open_stack
from napari_umis_fusion.stack import LUMINANCE

TRUE = "true transforms"

BENCHMARKS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Fused:
    """An image, and what is known of how its planes were aligned.

    Attributes
    ----------
    image : ndarray of uint8, shape (Y, X) or (Y, X, C)
        All in focus.
    transforms : ndarray of float64, shape (Z, 2, 3), or None
        Where each plane has the points of the reference plane; None where nobody tells.
    reference : int
        Index of the reference plane.
    start : (float, float)
        The image's first row and column in the frame of the reference plane.
    """

    image: NDArray[np.uint8]
    transforms: NDArray[np.float64] | None = None
    reference: int = 0
    start: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Aligner:
    """A way to align and fuse: on planes that moved, and the same with planes that did not.

    `moving` and `still` take a `Subject`; the keys say what their results depend on.
    """

    name: str
    role: str
    keys: tuple[str, str]
    moving: Callable[[Subject], Fused]
    still: Callable[[Subject], Fused]


def our_aligner(text: str, align: str) -> Aligner:
    """Return ours: ``MEASURE[:OPTION=VALUE,...]`` of `FusionConfig`, and how it aligns."""
    config = parse_config(text)
    keys = [f"{our_method(text).key} {way}" for way in (align, "none")]
    moving, still = (partial(_fuse_ours, config=config, align=way) for way in (align, "none"))
    return Aligner(align, "ours", (keys[0], keys[1]), moving, still)


def true_aligner(text: str, transforms: NDArray[np.float64], shape: tuple[int, int]) -> Aligner:
    """Return ours with the true transforms: what is lost then, estimating did not lose."""
    config, key = parse_config(text), our_method(text).key
    true = Alignment.given(transforms, shape, len(transforms) // 2)
    moving = partial(_fuse_ours, config=config, transforms=true)
    still = partial(_fuse_ours, config=config)
    return Aligner(TRUE, "ours", (f"{key} {TRUE}", f"{key} none"), moving, still)


def peer_aligner(peer: AligningPeer) -> Aligner:
    """Return a program of others."""
    pair = (peer.moving, peer.still)
    keys = [" ".join(("peer", *(Path(word).name for word in one.template))) for one in pair]
    moving, still = (partial(_fuse_peer, contender=one) for one in pair)
    return Aligner(peer.moving.name, "peer", (keys[0], keys[1]), moving, still)


def kept(subject: Subject, key: str, make: Callable[[Subject], Fused], cache: Path) -> Fused:
    """Return what was made of a stack before, or make it."""
    stem = hashlib.sha256(key.encode()).hexdigest()[:16]
    file = cache / "aligned" / subject.digest / f"{stem}.npz"
    if not file.exists():
        made = make(subject)
        file.parent.mkdir(parents=True, exist_ok=True)
        arrays = {} if made.transforms is None else {"transforms": made.transforms}
        about = json.dumps({"reference": made.reference, "start": made.start, "key": key})
        np.savez_compressed(file, image=made.image, about=np.array(about), **arrays)
    with np.load(file) as found:
        about = json.loads(str(found["about"]))
        transforms = found.get("transforms")
        return Fused(found["image"], transforms, about["reference"], tuple(about["start"]))


def grey(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return the luminance of an image."""
    levels = image.astype(np.float32)
    return levels if levels.ndim == 2 else levels @ np.array(LUMINANCE, np.float32)


def _fuse_ours(subject: Subject, config: FusionConfig, **options: Any) -> Fused:
    result = fuse(subject.example.stack, config, **options)
    image, alignment = subject.eight_bits(result.all_in_focus), result.alignment
    if alignment is None:
        return Fused(image)
    window = getattr(alignment, "window", None) or common_window(alignment)
    start = tuple(float(cut.start or 0) for cut in window)
    return Fused(image, np.asarray(alignment.transforms), int(alignment.reference), start)


def _fuse_peer(subject: Subject, contender: Contender) -> Fused:
    path = os.pathsep.join(filter(None, [str(BENCHMARKS), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "fused.tif"
        contender.start(subject.folder, out, {"PYTHONPATH": path})
        written = np.asarray(open_stack(out).plane(0))
    image = written if written.dtype == np.uint8 else np.rint(written / 257).astype(np.uint8)
    channels = subject.example.stack.shape[3:]
    if image.ndim == 3:
        image = image[..., : channels[0]] if channels else image[..., 0]
    return Fused(image)

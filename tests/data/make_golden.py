"""Reduce what the reference method made of a small stack to what the tests need of it.

    python tests/data/make_golden.py SOURCE

SOURCE holds ``reference.npz``, the reference's own inputs, intermediate and final results, and
``weights.pth``, the checkpoint that made them. Written beside this script, into ``golden/``:

- ``stack.webp``: the planes one below the other, without loss.
- ``reference.npz``: small arrays whole; large ones in two opposite corners and on a grid, as they
  are; and SHA-256 of what follows from the stack and another array.
- ``weights.npz``: integers and the step between them for each kernel of a convolution, the rest
  as it is. See `quantised`.

Nothing is computed anew but where the reference's two best planes lie too close to tell apart.
Run it again only for other weights or another reference: ``README.md`` names the errors.
"""

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from napari_umis_fusion.network import UNetPlusPlus, load_checkpoint

Arrays = dict[str, NDArray[Any]]

CORNER_PX = 40  # a window of the focus measure, 31 px, and some positions of it
GRID_PX = 5  # each feature enters 31 x 31 px of a focus map, so the grid misses none
CLOSE = 1e-4  # relative: the tolerance for focus maps

WEIGHT_ERROR = 3e-9
"""What rounding a kernel may add to the output, relative to its maximum, root mean square, for the
square root of its number of weights: equal shares, so that no bit buys less than another."""


def grid(image: NDArray[Any]) -> NDArray[Any]:
    """Keep each `GRID_PX`-th row and column, and the last."""
    rows, columns = (np.unique([*range(0, n, GRID_PX), n - 1]) for n in image.shape[-2:])
    return image[..., rows[:, None], columns]


def sampled(name: str, image: NDArray[Any]) -> Arrays:
    """Keep of (..., Y, X) the first and the last corner and a grid."""
    side = CORNER_PX
    return {
        f"{name}_first": image[..., :side, :side],
        f"{name}_last": image[..., -side:, -side:],
        f"{name}_grid": grid(image),
    }


def undecided(focus_maps: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell where another processor's last digits may choose another plane."""
    second, best = np.sort(focus_maps, axis=0)[-2:]
    return np.asarray(best - second < 2 * CLOSE * best)


def sha256(array: NDArray[Any]) -> NDArray[Any]:
    return np.array(hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest())


def reduced(reference: Arrays) -> Arrays:
    """Return what `reference.npz` keeps."""
    whole = ("decision_map", "window_px", "index_map_mode", "index_map_fuzzy", "loss_x", "loss_y")
    losses = ("loss_mse", "loss_ssim", "loss_gradient", "loss_sf_published")
    hashed = ("grey", "all_in_focus_mode", "all_in_focus_fuzzy")
    return {
        **{name: reference[name] for name in (*whole, *losses)},
        **{f"{name}_sha256": sha256(reference[name]) for name in hashed},
        **sampled("features_plane0", reference["features_plane0"]),
        **sampled("reconstruction_plane0", reference["reconstruction_plane0"]),
        **sampled("focus_plane0", reference["focus_maps"][0]),
        "focus_maps_grid": grid(reference["focus_maps"]),
        "undecided": undecided(reference["focus_maps"]),
    }


def outputs(model: UNetPlusPlus, plane: torch.Tensor) -> torch.Tensor:
    """Return features and reconstruction, each relative to its maximum."""
    with torch.inference_mode():
        features = model.features(plane)
        rebuilt = model.recon4(model.recon3(model.recon2(model.recon1(features))))
        return torch.cat([features / features.max(), rebuilt / rebuilt.abs().max()], dim=1)


def step_of(model: UNetPlusPlus, weight: torch.Tensor, plane: torch.Tensor) -> np.float32:
    """Measure what noise in a kernel does to the output; return the step that does what is allowed.

    Kernels differ a thousandfold in that, so one step for all would cost half as much again.
    """
    exact, kept, width = outputs(model, plane), weight.clone(), 0.02 * float(weight.std())
    weight += width * (torch.rand_like(weight) - 0.5)
    change = float((outputs(model, plane) - exact).square().mean().sqrt())
    weight.copy_(kept)
    return np.float32(WEIGHT_ERROR * weight.numel() ** 0.5 * width / change)


def quantised(model: UNetPlusPlus, plane: torch.Tensor) -> Arrays:
    """Return each kernel as integers and the step between them, everything else as it is.

    The integers stand as 0, -1, 1, -2, ... -> 0, 1, 2, 3, ... in bytes (4, N), lowest first, of
    which the higher ones are nearly all zero and compress.
    """
    torch.manual_seed(0)
    arrays: Arrays = {}
    for name, weight in model.state_dict().items():
        if weight.dim() < 4:
            arrays[name] = weight.numpy().copy()
            continue
        step = step_of(model, weight, plane)
        integers = np.rint(weight.numpy() / step).astype("<i4")
        unsigned = np.where(integers < 0, -2 * integers - 1, 2 * integers).astype("<u4")
        arrays[f"{name}|shape"], arrays[f"{name}|step"] = np.array(weight.shape), np.array(step)
        arrays[f"{name}|bytes"] = np.ascontiguousarray(unsigned.view(np.uint8).reshape(-1, 4).T)
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of reference.npz and weights.pth")
    source = parser.parse_args().source
    into = Path(__file__).parent / "golden"
    into.mkdir(exist_ok=True)
    with np.load(source / "reference.npz") as arrays:
        reference = dict(arrays)
    below = Image.fromarray(reference["stack"].reshape(-1, *reference["stack"].shape[2:]))
    below.save(into / "stack.webp", lossless=True, quality=100, method=6, exact=True)
    np.savez_compressed(into / "reference.npz", **reduced(reference))
    plane = torch.from_numpy((reference["grey"][0].astype(np.float32) / 255 - 0.5) / 0.5)
    model = load_checkpoint(source / "weights.pth").model()
    np.savez_compressed(into / "weights.npz", **quantised(model, plane[None, None]))


if __name__ == "__main__":
    main()

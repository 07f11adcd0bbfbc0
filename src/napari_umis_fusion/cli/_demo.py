"""The demo: render the sample stack, fuse it, and compare the result with the known truth."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files.write import naming_write_errors, write_image
from napari_umis_fusion.fusion import FusionResult, fuse
from napari_umis_fusion.metrics import index_error, psnr, ssim
from napari_umis_fusion.stack import Calibration
from napari_umis_fusion.synthetic import RenderedStack, demo_stack

GAP_PX = 8


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Files of the demo, and its scores against the truth.

    Attributes
    ----------
    files : dict of str to Path
        By their content.
    psnr_db, best_plane_psnr_db : float
        PSNR of the all-in-focus image and of the best single plane against the truth.
    ssim : float
        SSIM of the all-in-focus image, at most 1.
    index_error_planes : float
        Mean absolute error of the index map.
    """

    files: dict[str, Path]
    psnr_db: float
    best_plane_psnr_db: float
    ssim: float
    index_error_planes: float


def run_demo(folder: Path, config: FusionConfig | None = None) -> DemoReport:
    """Fuse the sample stack and write the results.

    Parameters
    ----------
    folder : Path
        Created if it does not exist; files of an earlier demo are replaced.
    config : FusionConfig, optional
        How to fuse.

    Raises
    ------
    StackFileError
        If a file cannot be written.
    """
    with naming_write_errors(folder):  # before the work, which takes a while
        folder.mkdir(parents=True, exist_ok=True)
    rendered = demo_stack()
    calibration = Calibration(z_step_um=rendered.z_step_um)
    result = fuse(rendered.stack, config, calibration=calibration)
    truth, data_range = rendered.all_in_focus, rendered.data_range
    return DemoReport(
        files=_write(folder.resolve(), rendered, result),
        psnr_db=psnr(result.all_in_focus, truth, data_range=data_range),
        best_plane_psnr_db=max(
            psnr(plane, truth, data_range=data_range) for plane in rendered.stack
        ),
        ssim=ssim(result.all_in_focus, truth, data_range=data_range),
        index_error_planes=index_error(result.index_map, rendered.index_map).mean_planes,
    )


def _write(folder: Path, rendered: RenderedStack, result: FusionResult) -> dict[str, Path]:
    write = partial(write_image, calibration=result.calibration, provenance=result.provenance)
    middle = rendered.stack[len(rendered.stack) // 2]
    comparison = side_by_side(middle, result.all_in_focus, rendered.all_in_focus)
    return {
        "all-in-focus image": write(folder / "all-in-focus.ome.tif", result.all_in_focus, rgb=True),
        "index map": write(folder / "index-map.ome.tif", result.index_map),
        "side by side": write_image(folder / "side-by-side.png", comparison, rgb=True),
    }


def side_by_side(*images: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return 8-bit images side by side; in the demo a plane, the fused image and the truth."""
    parts = [np.clip(np.rint(image), 0, 255).astype(np.uint8) for image in images]
    gap = np.full((parts[0].shape[0], GAP_PX, *parts[0].shape[2:]), 255, np.uint8)
    spaced = [piece for part in parts for piece in (part, gap)]
    return np.concatenate(spaced[:-1], axis=1)

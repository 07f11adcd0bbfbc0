"""Make the pictures of the documentation, one for each stage, in docs/pictures.

Run it after a change of the defaults: ``python docs/make_pictures.py``.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from napari_umis_fusion import FusionConfig, FusionResult, focus_map, fuse
from napari_umis_fusion.presets import PRESETS
from napari_umis_fusion.synthetic import (
    Layer,
    RenderConfig,
    RenderedStack,
    Scene,
    Smear,
    demo_stack,
    make_stack,
    render_smear,
    render_stack,
)

PICTURES = Path(__file__).parent / "pictures"
GAP_PX = 8
DETAIL = (slice(96, 288), slice(0, 256))
"""The part of the demo's stack that is shown enlarged."""

Picture = NDArray[np.uint8]


def main() -> None:
    """Make all pictures."""
    rendered = demo_stack()
    argmax = fuse(rendered.stack, verification="none")
    mode = fuse(rendered.stack, verification="mode")
    result = fuse(rendered.stack)
    show_stages(rendered, argmax, mode, result)
    show_images(rendered, argmax, result)
    show_depth()
    show_patchwork()
    show_smear()
    show_pair()


def show_stages(
    rendered: RenderedStack, argmax: FusionResult, mode: FusionResult, result: FusionResult
) -> None:
    """Show what each stage makes of the demo's stack."""
    stack, last = rendered.stack, len(rendered.stack) - 1
    save("planes", *(stack[z] for z in (0, 4, 8, last)), shrink=2)
    save("focus-map", stack[8], grey(np.sqrt(focus_map(stack[8]))), colours=128)
    truth = coloured(rendered.index_map, last)
    save("decision-map", coloured(argmax.index_map, last), truth)
    save("index-map", coloured(result.index_map, last), coloured(mode.index_map, last))
    save("confidence-map", grey(result.confidence_map), grey(result.never_in_focus()), colours=64)


def show_images(rendered: RenderedStack, argmax: FusionResult, result: FusionResult) -> None:
    """Show the fused image beside planes and beside the truth."""
    stack = rendered.stack
    save("overview", stack[0], stack[5], stack[11], result.all_in_focus, shrink=2)
    images = (argmax.all_in_focus, result.all_in_focus, as_bytes(rendered.all_in_focus))
    save("all-in-focus", *(enlarged(image[DETAIL]) for image in images), colours=96)


def show_depth() -> None:
    """Show the depth map of a photograph draped over hills."""
    rendered = make_stack("bumps", (288, 384), planes=12, photon_electrons=4000.0)
    depth, truth = fuse(rendered.stack).depth_map(rendered.z_step_um), rendered.depth_map
    highest = float(truth.max())
    panels = (coloured(depth, highest), coloured(truth, highest))
    save("depth-map", rendered.stack[5], *panels, colours=128)


def show_patchwork() -> None:
    """Show what plain highest focus does to noise and to light that changes with defocus."""
    rendered = make_stack("discs", (224, 288), noisy=True, haze=0.4)
    ways = ({"verification": "none"}, {}, {"blend": "weighted"})
    images = [fuse(rendered.stack, **options).all_in_focus for options in ways]
    save("patchwork", *images, as_bytes(rendered.all_in_focus), colours=128)


def show_smear() -> None:
    """Show thin cells with inverted interiors, mended, and by their preset."""
    smear = Smear(side_px=192, cells=5, seed=1)
    rendered = render_smear(smear, RenderConfig(photon_electrons=3000.0))
    configs = (
        FusionConfig(islands="keep"),
        FusionConfig(),
        PRESETS["thin transmitted"].config(),
    )
    images = [fuse(rendered.stack, config).all_in_focus for config in configs]
    save("thin-transmitted", *(enlarged(one) for one in (*images, as_bytes(rendered.all_in_focus))))


def show_pair() -> None:
    """Show which layer of a transparent pair is chosen, by preference."""
    shape = (224, 224)
    coins, camera = (
        image[64:288, 64:288].astype(np.float32) / 255 for image in (data.coins(), data.camera())
    )
    half = np.full(shape, 0.5, np.float32)
    scene = Scene((Layer(coins, 10), Layer(camera, 2, half)))
    rendered = render_stack(scene, RenderConfig(planes=13, photon_electrons=4000.0))
    preferred = (fuse(rendered.stack, prefer=prefer).all_in_focus for prefer in (0, -1, 1))
    save("transparent-pair", rendered.stack[6], *preferred, colours=64)


def as_bytes(image: NDArray[Any]) -> Picture:
    """Round to uint8."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def grey(image: NDArray[Any]) -> Picture:
    """Scale to black and white, as colour."""
    levels = as_bytes(255 * image.astype(np.float32) / max(float(image.max()), 1e-6))
    return np.repeat(levels[..., np.newaxis], 3, axis=2)


def coloured(image: NDArray[Any], highest: float) -> Picture:
    """Colour 0 to `highest` from dark to bright."""
    colours = colormaps["viridis"](image.astype(np.float32) / highest)
    return as_bytes(255 * colours[..., :3])


def enlarged(image: Picture) -> Picture:
    """Show every pixel as 2 x 2."""
    return image.repeat(2, axis=0).repeat(2, axis=1)


def save(name: str, *images: Picture, shrink: int = 1, colours: int = 160) -> None:
    """Put images side by side into a small PNG with a palette."""
    height, width = images[0].shape[:2]
    size = width // shrink, height // shrink
    row = Image.new("RGB", (len(images) * (size[0] + GAP_PX) - GAP_PX, size[1]), "white")
    for k, image in enumerate(images):
        panel = Image.fromarray(image)
        if shrink > 1:
            panel = panel.resize(size, Image.Resampling.LANCZOS)
        row.paste(panel, (k * (size[0] + GAP_PX), 0))
    palette = row.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / f"{name}.png"
    palette.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

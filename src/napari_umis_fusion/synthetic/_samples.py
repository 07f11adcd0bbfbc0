"""Sample stacks with their truth, as layer data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_umis_fusion.synthetic._gallery import make_stack
from napari_umis_fusion.synthetic._render import RenderedStack

SampleLayer = tuple[Any, dict[str, Any], str]
"""Array, attributes and kind of a layer, as napari exchanges it."""

SAMPLE_KEY = "umis_fusion_sample"
"""Entry of a layer's metadata: the function that made it, and its position in the result."""

_CHANNELS = {"green": 0, "magenta": 1}


def textured_surface() -> list[SampleLayer]:
    """Render a tilted surface behind thin bars: 12 planes of 384 x 512, grey, uint8.

    Returns
    -------
    list of (array, attributes, "image")
        The stack, and its all-in-focus truth, hidden, float32.
    """
    rendered = make_stack(
        "bars",
        planes=12,
        channels=None,
        z_step_um=4.0,
        photon_electrons=4000.0,
        read_electrons=6.0,
        seed=3,
    )
    layers = _pair("surface", rendered.stack, rendered.all_in_focus, rendered, 0.65)
    return _with_origin("textured_surface", layers)


def noisy_fluorescence() -> list[SampleLayer]:
    """Render filaments and spots that glow: 2 channels, 10 planes of 320 x 400, uint16.

    Returns
    -------
    list of (array, attributes, "image")
        One noisy stack for each channel, and their truths, hidden, float32.
    """
    rendered = make_stack(
        "fluorescence", (320, 400), planes=10, channels=2, noisy=True, z_step_um=0.5, seed=5
    )
    pairs = [
        _pair(
            f"fluorescence channel {channel + 1}",
            np.ascontiguousarray(rendered.stack[..., channel]),
            np.ascontiguousarray(rendered.all_in_focus[..., channel]),
            rendered,
            0.2,
            {"colormap": colormap, "blending": "additive"},
        )
        for colormap, channel in _CHANNELS.items()
    ]
    layers = [*(stack for stack, _ in pairs), *(truth for _, truth in pairs)]
    return _with_origin("noisy_fluorescence", layers)


def colour_macro() -> list[SampleLayer]:
    """Render discs at several depths before a photograph: 10 planes of 384 x 512, RGB, uint8.

    Returns
    -------
    list of (array, attributes, "image")
        The stack, and its all-in-focus truth, hidden, rounded to uint8.
    """
    rendered = make_stack(
        "discs",
        planes=10,
        z_step_um=100.0,
        photon_electrons=4000.0,
        read_electrons=6.0,
        seed=7,
    )
    truth = np.rint(np.clip(rendered.all_in_focus, 0, 255)).astype(np.uint8)
    layers = _pair("macro", rendered.stack, truth, rendered, 8.0, {"rgb": True})
    return _with_origin("colour_macro", layers)


def _pair(
    name: str,
    stack: Any,
    truth: Any,
    rendered: RenderedStack,
    pixel_um: float,
    look: Mapping[str, Any] | None = None,
) -> list[SampleLayer]:
    """Return the layers of a stack and its truth, with the same appearance."""
    look = {"rgb": False, **(look or {})}
    if not look["rgb"]:
        look["contrast_limits"] = (float(stack.min()), float(stack.max()))
    scale = (rendered.z_step_um, pixel_um, pixel_um)
    shown = {"name": name, **_spatial_attributes("zyx", scale), **look}
    hidden = {
        "name": f"{name} truth",
        **_spatial_attributes("yx", scale[1:]),
        **look,
        "visible": False,
    }
    return [(stack, shown, "image"), (truth, hidden, "image")]


def _with_origin(function: str, layers: list[SampleLayer]) -> list[SampleLayer]:
    """Record in each layer which function made it."""
    for place, (_, attributes, _) in enumerate(layers):
        attributes["metadata"] = {SAMPLE_KEY: {"function": function, "layer": place}}
    return layers


def _spatial_attributes(axes: str, scale: tuple[float, ...]) -> dict[str, Any]:
    return {"axis_labels": tuple(axes), "scale": scale, "units": ("um",) * len(axes)}

"""Rendered z-stacks with a known answer, for tests, benchmarks, training and the demo."""

from napari_umis_fusion.synthetic.config import RenderConfig
from napari_umis_fusion.synthetic.gallery import (
    SCENES,
    SceneRecipe,
    demo_stack,
    make_scene,
    make_stack,
)
from napari_umis_fusion.synthetic.render import RenderedStack, render_stack
from napari_umis_fusion.synthetic.scene import Layer, Scene

__all__ = [
    "SCENES",
    "Layer",
    "RenderConfig",
    "RenderedStack",
    "Scene",
    "SceneRecipe",
    "demo_stack",
    "make_scene",
    "make_stack",
    "render_stack",
]

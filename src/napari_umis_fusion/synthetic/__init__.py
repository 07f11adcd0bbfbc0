"""Rendered z-stacks with a known answer, for tests, benchmarks, training and the demo."""

from napari_umis_fusion.synthetic.config import RenderConfig
from napari_umis_fusion.synthetic.distribution import StackDistribution
from napari_umis_fusion.synthetic.gallery import (
    SCENES,
    SceneRecipe,
    demo_stack,
    make_scene,
    make_stack,
)
from napari_umis_fusion.synthetic.motion import Motion, MovingStack, render_moving_stack
from napari_umis_fusion.synthetic.render import RenderedStack, render_stack
from napari_umis_fusion.synthetic.sampler import StackSampler, TrainingStack
from napari_umis_fusion.synthetic.scene import Layer, Scene

__all__ = [
    "SCENES",
    "Layer",
    "Motion",
    "MovingStack",
    "RenderConfig",
    "RenderedStack",
    "Scene",
    "SceneRecipe",
    "StackDistribution",
    "StackSampler",
    "TrainingStack",
    "demo_stack",
    "make_scene",
    "make_stack",
    "render_moving_stack",
    "render_stack",
]

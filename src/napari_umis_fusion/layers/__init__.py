"""Layers as data, without napari: what they hold, how they are fused, what comes of it."""

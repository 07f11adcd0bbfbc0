"""Options of recipes: the published one, and the one that adapts weights to a few stacks."""

from typing import Any

PUBLISHED: dict[str, Any] = {
    "objective": "reconstruct",
    "epochs": 80,
    "batch": 8,
    "learning_rate": 1e-4,
    "schedule": "exponential",
    "weight_decay": 5e-4,
    "gradient_clip": 0.0,
    "spatial_frequency": "published",
    "validate_every": 0,
    "precision": "float32",
}
"""Of UMIS-Fusion."""

FINE_TUNING: dict[str, Any] = {
    "steps": 2000,
    "minutes": 15.0,
    "batch": 24,
    "scene_uses": 8,
    "layers": "late",
    "learning_rate": 2e-3,
    # Without it, other specimens lose more, and those that are trained on gain no more.
    "keep_weight": 4.0,
    # A fusion takes patterns and ill planes off before the network sees them: learning to bear
    # them as well costs what clean stacks could gain.
    "imperfections": 0.0,
    "validation_share": 0.2,
    "test_share": 0.15,
    "validate_every": 200,
}
"""Of `fine_tune`: minutes, late layers, parts held out for validation and for the comparison."""

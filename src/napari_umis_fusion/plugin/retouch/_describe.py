"""What is chosen by hand, for the provenance and as a sentence."""

from collections.abc import Generator
from typing import Any

from napari_umis_fusion.fusion import describe_overrides


def iter_describe(overrides: Any, refused: int) -> Generator[None, None, dict[str, Any]]:
    """Describe overrides in a thread: their hash takes as long as a frame of the window."""
    yield
    return describe_overrides(overrides, refused)


def said_of(described: dict[str, Any]) -> str:
    """Return how many pixels are chosen, as sentences."""
    said = f"{described['pixels']} pixels are chosen by hand."
    if described["refused"]:
        said += (
            f" {described['refused']} of them stay as decided: their plane shows nothing "
            "there, or was not fused."
        )
    return said

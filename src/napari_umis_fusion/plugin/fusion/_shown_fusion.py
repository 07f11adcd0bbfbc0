"""Fusions whose layers are in the viewer."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_umis_fusion.plugin.fusion._fusion_change import FusionChange

if TYPE_CHECKING:
    import weakref

    from numpy.typing import NDArray

    from napari_umis_fusion.layers import LayerFinished, OutputLayer


class ShownLayer(NamedTuple):
    """A layer in the viewer, with the data and the name that were assigned to it."""

    layer: "weakref.ref[Any]"
    data: "NDArray[Any]"
    name: str


@dataclass(eq=False)
class ShownFusion:
    """One fusion whose layers are in the viewer.

    Attributes
    ----------
    event : LayerFinished
        Config and maps; without the layers, which the viewer holds.
    sources : list of weak references
        Layers that were fused.
    layers : dict
        By kind and number: the layers, with the data and names assigned to them.
    """

    event: "LayerFinished"
    sources: list["weakref.ref[Any]"]
    layers: dict[tuple[str, int], ShownLayer] = field(default_factory=dict)

    @property
    def part(self) -> tuple[bool, Any]:
        """Whether a region was fused, and which planes."""
        plan = self.event.plan
        return plan.rows is not None or plan.columns is not None, plan.planes

    def origin(self, layer: Any) -> "OutputLayer":
        """Return the source map that applies to a layer."""
        origins = self.event.origins
        sources = [reference() for reference in self.sources]
        number = sources.index(layer) if layer in sources else 0
        for (_, place), one in self.layers.items():
            if one.layer() is layer:
                number = place
        return origins[min(number, len(origins) - 1)]


@dataclass(eq=False)
class LastFusion:
    """The last fusion, and the one whose layers it replaced."""

    change: FusionChange
    fused: ShownFusion | None
    before: ShownFusion | None

    def __post_init__(self) -> None:
        """Copy what is known of the layers before: it is forgotten as they are replaced."""
        if self.before is not None:
            self.before = replace(self.before, layers=dict(self.before.layers))

    def forget(self, there: list[Any]) -> bool:
        """Drop stacks that are gone from the viewer; return whether anything is left to undo.

        Parameters
        ----------
        there : list of Layer
            The layers of the viewer.
        """
        made = [] if self.fused is None else [one.layer() for one in self.fused.layers.values()]
        if made and not self.change.is_undone and not any(layer in there for layer in made):
            return False  # the user has removed all of it
        for name in ("fused", "before"):
            fused = getattr(self, name)
            # Its layers can still be had back, but not its stack.
            if fused is not None and any(one() not in there for one in fused.sources):
                setattr(self, name, None)
        return True

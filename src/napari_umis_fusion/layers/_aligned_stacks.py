"""The stacks of a layer with their planes on one another, and the window that all of them show."""

from collections.abc import Mapping
from dataclasses import replace

from napari_umis_fusion.alignment import AlignedStack, Alignment, Window, align_with
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.layers._stacks import LayerStacks, LoopPlace, SpecimenKey


class AlignedStacks(LayerStacks):
    """All stacks that other `LayerStacks` take, each plane put where it belongs.

    Parameters
    ----------
    recorded : LayerStacks
        As they are in the layers.
    alignments : mapping of SpecimenKey to Alignment
        Where the planes of each lie.
    config : FusionConfig
        What is done at the borders, and whether values are brought to one light.
    window : tuple of slice, optional
        Rows and columns, of those that are taken, that all stacks show; by default all. The
        span is narrowed to it, so that what is made lies where it belongs.

    Raises
    ------
    AlignmentError
        If an alignment is of other planes.
    """

    def __init__(
        self,
        recorded: LayerStacks,
        alignments: Mapping[SpecimenKey, Alignment],
        config: FusionConfig,
        window: Window | None,
    ) -> None:
        self._recorded, self._alignments = recorded, alignments
        self._config, self._window = config, window
        super().__init__(recorded.images, recorded.plan)
        if window is not None:
            rows, columns = self.span.rows.start, self.span.columns.start
            down, along = window
            self.span = replace(
                self.span,
                rows=slice(rows + down.start, rows + down.stop),
                columns=slice(columns + along.start, columns + along.stop),
            )

    def alignment_at(self, entries: Mapping[int, int]) -> Alignment:
        """Return where the planes of a stack lie, given its entries."""
        return self._alignments[self.specimen(entries)]

    def stack(self, place: LoopPlace) -> AlignedStack:
        """Return the stack at one of `places`."""
        recorded, alignment = self._recorded.stack(place), self.alignment_at(place[1])
        return align_with(recorded, alignment, self._config, self._window)

"""The aligned stacks of a layer, cropped to the window that all of them cover."""

from collections.abc import Mapping
from dataclasses import replace

from napari_umis_fusion.alignment import AlignedStack, Alignment, Window, align_with
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.layers._stacks import LayerStacks, LoopPlace, SpecimenKey


class AlignedStacks(LayerStacks):
    """The stacks of another `LayerStacks`, with aligned planes.

    Parameters
    ----------
    recorded : LayerStacks
        The stacks as recorded.
    alignments : mapping of SpecimenKey to Alignment
        Alignment of each specimen.
    config : FusionConfig
        How borders are treated, and whether the illumination is corrected.
    window : tuple of slice, optional
        Rows and columns, relative to the span, that all stacks cover; by default all. The span is
        narrowed to it, so that the results are placed correctly.

    Raises
    ------
    AlignmentError
        If an alignment is for another number or size of planes.
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
        """Return the alignment of a stack, given its entries."""
        return self._alignments[self.specimen(entries)]

    def stack(self, place: LoopPlace) -> AlignedStack:
        """Return the stack at one of `places`."""
        recorded, alignment = self._recorded.stack(place), self.alignment_at(place[1])
        return align_with(recorded, alignment, self._config, self._window)

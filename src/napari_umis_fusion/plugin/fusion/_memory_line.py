"""The memory that a fusion will take, told before it is started."""

from collections.abc import Callable

from qtpy.QtWidgets import QLabel

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.layers import expected_memory
from napari_umis_fusion.plugin.fusion._clicked_pixel import Described
from napari_umis_fusion.runtime import capitalised, sentence_of


class MemoryLine(QLabel):
    """Shows the memory of the fusion that is set up, or why it does not fit.

    Parameters
    ----------
    describe : callable
        Returns target, config and plan, or None if nothing can be fused. It may raise an error of
        the package, which other parts of the panel tell.
    """

    def __init__(self, describe: Callable[[], Described | None]) -> None:
        super().__init__()
        self._describe = describe
        self.setWordWrap(True)
        self.setToolTip(
            "Memory that the fusion takes at most, beside what napari uses already. The limit is "
            "set under Method, Advanced."
        )
        self.hide()

    def refresh(self) -> None:
        """Estimate again."""
        text = ""
        try:
            described = self._describe()
            if described is not None:
                target, config, plan = described
                text = f"{expected_memory(list(target.images), config, plan)}."
        except UmisFusionError as error:
            text = sentence_of(error)
        self.setText(capitalised(text))
        self.setVisible(bool(text))

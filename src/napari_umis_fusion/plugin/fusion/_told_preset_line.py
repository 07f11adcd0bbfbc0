"""The preset that the metadata of a stack tell, in a line below the presets."""

from typing import Any

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.layers import told_preset_of
from napari_umis_fusion.plugin.fusion._advice import key_of
from napari_umis_fusion.plugin.fusion._offer import Offer
from napari_umis_fusion.plugin.fusion._preset_choice import (
    DEFAULT_PRESET,
    ConfigWidget,
    PresetChoice,
)
from napari_umis_fusion.plugin.viewer import TargetStack
from napari_umis_fusion.presets import Preset, ToldPreset


class ToldPresetLine(Offer):
    """Takes the preset that metadata tell where the options are the default ones, and says so.

    One click undoes it; options that the user has changed are left alone, and the preset offered.
    With the stack, the preset that was taken for it goes.

    Parameters
    ----------
    owner : ConfigWidget
        The widget with the options.
    choice : PresetChoice
        Its presets.
    """

    def __init__(self, owner: ConfigWidget, choice: PresetChoice) -> None:
        super().__init__("Undo")
        self._owner, self._choice = owner, choice
        self._key: Any = None
        self._told: ToldPreset | None = None
        self._was_taken = False
        self.clicked.connect(self._on_clicked)
        owner.valueChanged.connect(self._show)
        self._show()

    def adapt_to(self, target: TargetStack | None) -> None:
        """Look at the metadata of a stack; of the same one, nothing is taken a second time."""
        key = key_of(target)
        if key == self._key:
            return
        self._key = key  # first, since presets change the options of the stack as well
        if self._is_taken():
            self._choose(DEFAULT_PRESET)
        self._told = told = None if target is None else told_preset_of(target.images)
        if told is not None and self._shows(DEFAULT_PRESET):
            self._choose(told.preset)
        self._show()

    def _is_taken(self) -> bool:
        """Whether the options are those of a preset that this line has taken."""
        return self._was_taken and self._told is not None and self._shows(self._told.preset)

    def _shows(self, preset: Preset) -> bool:
        try:
            return preset.is_of(self._owner.value())
        except ConfigError:  # a row holds no valid number yet
            return False

    def _choose(self, preset: Preset) -> None:
        self._was_taken = preset is not DEFAULT_PRESET
        self._choice.choose(preset)

    def _on_clicked(self) -> None:
        if self._told is not None:
            self._choose(DEFAULT_PRESET if self._is_taken() else self._told.preset)

    def _show(self) -> None:
        if self._told is None:
            self.show_offer("")
            return
        name, source = self._told.preset.name, self._told.source
        if self._is_taken():
            self.button.setText("Undo")
            self.show_offer(f"Preset \u2018{name}\u2019, from the metadata: {source}.")
        elif self._shows(self._told.preset):  # chosen by the user
            self.show_offer("")
        else:
            self.button.setText(f"Use \u2018{name}\u2019")
            self.show_offer(f"The metadata tell {source}.")

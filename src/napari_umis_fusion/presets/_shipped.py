"""The presets of this package, one for each kind of specimen."""

from napari_umis_fusion.presets._preset import Preset

_ALL = (
    Preset(
        "brightfield",
        "Stained or dark specimens in transmitted light: sections, insects, plankton.",
        "The default network and mean; planes are aligned where they give evidence of motion, "
        "since stages drift. For thin, transparent cells take 'thin transmitted'.",
        {"align": "auto"},
    ),
    Preset(
        "fluorescence",
        "Light on dark ground: widefield, light sheet, confocal.",
        "The mean of planes, since photons are few. Bleaching and flicker are corrected for the "
        "decision only, so that intensities stay those that were recorded. Contrast never "
        "inverts, so that islands stay as they are.",
        {"light": "measure", "islands": "keep"},
    ),
    Preset(
        "reflected light",
        "Metal, minerals, circuit boards, surfaces under an epi-illuminated objective.",
        "Planes are aligned, and uneven light is corrected for the decision, since glints move "
        "with focus. Opaque surfaces do not invert their contrast: islands stay as they are.",
        {"align": "auto", "light": "measure", "islands": "keep"},
    ),
    Preset(
        "macro",
        "Insects, coins and products under a macro lens, on a rail or by the focus ring.",
        "The image grows and shrinks with focus: magnification, rotation and translation are "
        "aligned. The lamp's changes are corrected in the image too.",
        {"align": "similarity", "light": "output", "islands": "keep"},
    ),
    Preset(
        "phase or DIC",
        "Phase contrast and differential interference contrast: living cells, unstained.",
        "Contrast inverts through focus and halos look like edges. A window that reaches from one "
        "outline to the next decides for the whole cell; of rendered cells that hardly absorb, the "
        "default network takes nearly all from planes out of focus, this window none.",
        {"focus_measure": "laplacian", "window_sigma_px": 16.0},
    ),
    Preset(
        "thin transmitted",
        "Thin, transparent cells in transmitted light: blood smears, cytology, monolayers.",
        "Inside of cells, planes far out of focus show crisp rings of the opposite contrast. A "
        "window as wide as half a cell lets the outline decide for the whole cell; the default "
        "network sees rings as detail.",
        {"focus_measure": "laplacian", "window_sigma_px": 12.0},
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}
"""Presets by name."""

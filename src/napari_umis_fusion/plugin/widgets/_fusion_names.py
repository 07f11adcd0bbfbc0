"""Plain names of the choices of a fusion and its layers; the first of each row is the usual one."""

import re
from dataclasses import fields

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.plugin.widgets._choice_names import ChoiceNames
from napari_umis_fusion.runtime import label_of

NAMES = {
    "focus_measure": {
        "learned": "Neural network",
        "laplacian": "Laplacian (fast)",
        "umis": "UMIS (published)",
        "spatial_frequency": "Spatial frequency",
        "tenengrad": "Tenengrad",
        "variance": "Variance",
        "sum_modified_laplacian": "Sum-modified Laplacian",
    },
    "blend": {
        "weighted": "Weighted mean",
        "select": "Recorded values",
    },
    "verification": {
        "seams": "Seams",
        "mode": "Mode filter (published)",
        "fuzzy": "Fuzzy filter (published)",
        "none": "None",
    },
    "align": {
        "none": "No",
        "auto": "Automatic",
        "translation": "Translation",
        "similarity": "Translation, rotation, scale",
        "affine": "Affine",
    },
    "align_border": {"crop": "Crop", "mask": "Mask"},
    "light": {
        "auto": "Automatic",
        "none": "No",
        "measure": "For measuring focus",
        "output": "For the image, too",
    },
    "moving": {"keep": "Keep", "reject": "Leave out"},
    "islands": {"mend": "Mend", "mark": "Mark", "keep": "Leave as they are"},
    "nowhere": {
        "decided": "As decided",
        "mean": "Mean of all planes",
        "plane": "One plane",
        "none": "No value",
    },
    "device": {
        "auto": "Automatic",
        "cpu": "CPU",
        "cuda": "Nvidia graphics card (CUDA)",
        "mps": "Apple graphics card (MPS)",
    },
    "nan_policy": {"raise": "Refuse", "ignore": "Leave out"},
    "mosaic": {"auto": "Automatic", "none": "No", "bayer": "Bayer"},
    "depth_fill": {
        "decided": "As decided",
        "around": "Interpolated from around",
        "none": "No value",
    },
    "again": {"replace": "Replace", "keep": "Keep"},
}
"""For each field, the name of each choice."""

FUSION_NAMES = ChoiceNames(NAMES)
_LABELS = {spec.name: label_of(spec) for spec in fields(FusionConfig)}
_OPTION = re.compile(r"""\b(\w+)=(["'])(\w+)\2""")
_COMMAND_LINE = re.compile(r" \((?:command line: )?--[^()]*\)")


def in_words_of_rows(text: str) -> str:
    """Return what a fusion says of options with the names of their rows, not those of Python."""

    def row(found: re.Match[str]) -> str:
        name, _, value = found.groups()
        return (
            f"“{_LABELS[name]}: {FUSION_NAMES.word(name, value)}”" if name in _LABELS else found[0]
        )

    return _OPTION.sub(row, _COMMAND_LINE.sub("", text))

"""Plain names for the choices of a training."""

from napari_umis_fusion.plugin.widgets import ChoiceNames

CHOICE_NAMES = ChoiceNames(
    {
        "objective": {"select": "Select planes", "reconstruct": "Reconstruct images (published)"},
        "specimen": {
            "any": "Any",
            "opaque": "Opaque surfaces",
            "fluorescence": "Fluorescence",
            "transmitted": "Transmitted light",
        },
        "layers": {"all": "All", "late": "Those that decide"},
        "schedule": {
            "one_cycle": "One cycle",
            "exponential": "Exponential decay",
            "constant": "Constant",
        },
        "spatial_frequency": {"differences": "Differences", "published": "Values (published)"},
        "device": {
            "auto": "Automatic",
            "cpu": "CPU",
            "cuda": "Nvidia graphics card (CUDA)",
            "mps": "Apple graphics card (MPS)",
        },
        "precision": {
            "auto": "Automatic",
            "float32": "32 bits (float32)",
            "bfloat16": "16 bits (bfloat16)",
        },
    }
)

"""Plain names for the choices of the widget at the microscope."""

from napari_umis_fusion.plugin.widgets import ChoiceNames

CHOICE_NAMES = ChoiceNames(
    {
        "measure": {
            "laplacian": "Laplacian energy",
            "laplacian_variance": "Laplacian variance",
            "sum_modified_laplacian": "Modified Laplacian",
            "tenengrad": "Tenengrad (Sobel gradient)",
            "brenner": "Brenner",
            "spatial_frequency": "Spatial frequency",
            "vollath": "Vollath (autocorrelation)",
            "normalised_variance": "Normalised variance",
            "entropy": "Entropy",
        },
        "search": {
            "ternary": "Ternary search",
            "brent": "Brent search",
            "parabola": "Parabola through the top",
            "sweep": "Whole range",
        },
        "range_by": {"around": "Around here", "top_bottom": "Top and bottom"},
        "direction": {"up": "Up", "down": "Down", "both": "Up, then down"},
        "format": {"ome-zarr": "OME-Zarr 0.5", "ome-tiff": "OME-TIFF"},
        "complete_by": {
            "pause": "A pause",
            "planes": "A number of planes",
            "marker": "A marker file",
        },
    }
)

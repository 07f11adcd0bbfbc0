"""Plain names for the choices of surfaces and of what is projected around them."""

from napari_umis_fusion.plugin.widgets import ChoiceNames

CHOICE_NAMES = ChoiceNames(
    {
        "top": {"first": "First plane", "last": "Last plane"},
        "form": {
            "none": "None",
            "plane": "Plane (tilt)",
            "polynomial 2": "Polynomial of degree 2",
            "polynomial 3": "Polynomial of degree 3",
            "polynomial 4": "Polynomial of degree 4",
            "sphere": "Sphere",
            "cylinder": "Cylinder",
        },
        "method": {
            "max": "Highest value",
            "mean": "Mean",
            "median": "Median",
            "edf": "In focus (fusion)",
        },
        "smoothing": {"gaussian": "Everywhere", "edges": "Between steps"},
    }
)

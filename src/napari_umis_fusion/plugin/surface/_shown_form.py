"""How a surface is shown: heights stretched, contours."""

from magicgui.widgets import FloatSpinBox

from napari_umis_fusion.plugin.widgets import Form


def shown_form() -> Form:
    """Return the rows for 3-D and contours."""
    return Form(
        [
            FloatSpinBox(
                name="exaggeration",
                label="exaggeration",
                tooltip="Factor by which heights are stretched in 3-D and in saved meshes.",
                min=0.01,
                max=1000,
                step=0.5,
                value=1.0,
            ),
            FloatSpinBox(
                name="spacing_um",
                label="contours every (µm)",
                tooltip="Height between neighbouring lines.",
                min=0.001,
                max=1e5,
                step=0.5,
                value=1.0,
            ),
        ]
    )

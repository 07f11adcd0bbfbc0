import numpy as np
import pytest
import tifffile

from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.stack import Calibration, length_um

PLANES = np.zeros((3, 4, 5), np.uint8)


@pytest.mark.parametrize(
    ("value", "unit", "um"),
    [
        (2.0, "µm", 2.0),  # micro sign
        (2.0, "μm", 2.0),  # Greek mu
        (2.0, "\\u00B5m", 2.0),
        ("2", "um", 2.0),
        (2.0, "Micron", 2.0),
        (250, "nm", 0.25),
        (0.5, "mm", 500.0),
        (1, "cm", 1e4),
        (1, "m", 1e6),
        (10, "Å", 1e-3),
        (2.0, "pixel", None),
        (2.0, "inch", None),
        (2.0, "", None),
        (2.0, None, None),
        ("0,5", "um", 0.5),
        ("1,000.5", "um", None),
        (0, "um", None),
        (-1, "um", None),
        (float("nan"), "um", None),
        (float("inf"), "um", None),
        ("two", "um", None),
        (None, "um", None),
    ],
)
def test_lengths(value, unit, um):
    assert length_um(value, unit) == (None if um is None else pytest.approx(um))


@pytest.mark.parametrize(
    ("metadata", "wanted"),
    [
        (
            {"PhysicalSizeX": 100, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.2},
            Calibration(None, 0.2, 0.1),
        ),
        ({"PhysicalSizeZ": 1.5, "PhysicalSizeZUnit": "µm"}, Calibration(1.5, None, None)),
        ({"PhysicalSizeZ": 0, "PhysicalSizeX": "nan"}, Calibration()),
        ({"PhysicalSizeX": 2, "PhysicalSizeXUnit": "pixel"}, Calibration()),
        ({}, Calibration()),
    ],
)
def test_ome_sizes(tmp_path, metadata, wanted):
    path = tmp_path / "s.ome.tif"
    tifffile.imwrite(path, PLANES, metadata={"axes": "ZYX", **metadata})
    assert _rounded(open_stack(path).calibration) == wanted


def test_ome_sizes_are_those_of_the_series(tmp_path):
    path = tmp_path / "s.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for size in (1.0, 2.0):
            tif.write(PLANES, metadata={"axes": "ZYX", "PhysicalSizeX": size})
    assert open_stack(path, index={"series": 1}).calibration.pixel_width_um == 2.0


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("um", Calibration(1.5, 0.5, 0.25)),
        ("micron", Calibration(1.5, 0.5, 0.25)),
        ("\\u00B5m", Calibration(1.5, 0.5, 0.25)),
        ("nm", Calibration(0.0015, 0.0005, 0.00025)),
        ("pixel", Calibration()),
        ("inch", Calibration()),
    ],
)
def test_imagej_sizes(tmp_path, unit, wanted):
    path = tmp_path / "s.tif"
    metadata = {"axes": "ZYX", "spacing": 1.5, "unit": unit}
    tifffile.imwrite(path, PLANES, imagej=True, resolution=(4, 2), metadata=metadata)
    assert _rounded(open_stack(path).calibration) == wanted


def test_units_of_imagej_may_differ_along_y_and_z(tmp_path):
    units = {"unit": "um", "yunit": "nm", "zunit": "mm"}
    metadata = {"axes": "ZYX", "spacing": 0.0015, **units}
    resolution = (4, 0.002)
    tifffile.imwrite(
        tmp_path / "s.tif", PLANES, imagej=True, resolution=resolution, metadata=metadata
    )
    assert _rounded(open_stack(tmp_path / "s.tif").calibration) == Calibration(1.5, 0.5, 0.25)


@pytest.mark.parametrize(("unit", "is_told"), [("yy", True), ("pixel", False), ("inch", False)])
def test_units_that_are_not_known_are_told(tmp_path, unit, is_told):
    metadata = {"axes": "ZYX", "spacing": 1.5, "unit": unit}
    tifffile.imwrite(tmp_path / "s.tif", PLANES, imagej=True, metadata=metadata)
    sizes = {"axes": "ZYX", "PhysicalSizeZ": 1.5, "PhysicalSizeZUnit": unit}
    tifffile.imwrite(tmp_path / "s.ome.tif", PLANES, metadata=sizes)
    wanted = ("sizes in 'yy', a unit that is not known, are left out",) if is_told else ()
    assert open_stack(tmp_path / "s.tif").source_notes == wanted
    assert open_stack(tmp_path / "s.ome.tif").source_notes == wanted


def test_imagej_without_unit(tmp_path):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, PLANES, imagej=True, resolution=(4, 2), metadata={"axes": "ZYX"})
    assert open_stack(path).calibration == Calibration()


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("CENTIMETER", Calibration(None, 0.5, 0.25)),
        ("INCH", Calibration()),
        ("NONE", Calibration()),
    ],
)
def test_resolution_tags(tmp_path, unit, wanted):
    path = tmp_path / "s.tif"
    options = {"resolution": (4e4, 2e4), "resolutionunit": unit, "photometric": "minisblack"}
    tifffile.imwrite(path, PLANES, metadata=None, **options)
    assert _rounded(open_stack(path).calibration) == wanted


def test_a_step_along_z_says_nothing_of_time(tmp_path):
    path = tmp_path / "s.ome.tif"
    metadata = {"axes": "TYX", "PhysicalSizeZ": 1.5, "PhysicalSizeX": 0.5}
    tifffile.imwrite(path, PLANES, metadata=metadata)
    assert open_stack(path, z_axis="T").calibration == Calibration(None, None, 0.5)


def _rounded(sizes: Calibration) -> Calibration:
    values = (sizes.z_step_um, sizes.pixel_height_um, sizes.pixel_width_um)
    return Calibration(*(None if value is None else round(value, 9) for value in values))

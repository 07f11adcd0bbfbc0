"""Sizes and positions in the headers of OME-TIFF and of microscope programs."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from napari_umis_fusion.files.read import open_stack, read_layers
from napari_umis_fusion.files.read._told_sizes import ToldSizes
from napari_umis_fusion.files.read._vendor_sizes import vendor_sizes
from napari_umis_fusion.stack import Calibration, spacing_of

PLAIN = {"photometric": "minisblack", "metadata": None}
PLANES = np.zeros((4, 6, 5), np.uint8)


def file_of(kind, **header):
    return SimpleNamespace(
        **{f"is_{kind}": True, f"{kind}_metadata": header, "is_mmstack": True},
        pages=SimpleNamespace(first=SimpleNamespace(tags=header.get("tags", tifffile.TiffTags()))),
    )


VENDORS = {
    "MetaMorph": (
        file_of(
            "stk",
            XCalibration=0.2,
            YCalibration=0.3,
            CalibrationUnits="um",
            ZDistance=np.array([0.5, 0.5, 0.5, 1.0]),
        ),
        Calibration(2 / 3, 0.3, 0.2, (0.0, 0.5, 1.0, 2.0)),
    ),
    "LSM": (
        file_of("lsm", VoxelSizeX=2e-7, VoxelSizeY=3e-7, VoxelSizeZ=5e-7),
        Calibration(0.5, 0.3, 0.2),
    ),
    "FluoView": (
        file_of(
            "fluoview",
            Dimensions=[
                ("X", 5, 0.0, 0.2, "um"),
                ("Y", 6, 0.0, 0.3, "um"),
                ("Z", 4, 0.0, -0.5, "um"),
            ],
        ),
        Calibration(0.5, 0.3, 0.2),
    ),
    "ScanImage": (
        file_of("scanimage", FrameData={"SI.hStackManager.zs": [0, 2, 4, 10]}),
        Calibration(10 / 3, None, None, (0.0, 2.0, 4.0, 10.0)),
    ),
    "ScanImage, step": (
        file_of("scanimage", FrameData={"SI.hStackManager.stackZStepSize": 2}),
        Calibration(2.0),
    ),
    "SIS": (
        file_of("sis", pixelsizex=2e-7, pixelsizey=3e-7, Z={"ZPos": np.array([1, 2, 3, 4.0])}),
        Calibration(1.0, 0.3, 0.2),
    ),
    "Zeiss, electrons": (
        file_of("sem", ap_image_pixel_size=("Image Pixel Size", 10.0, "nm")),
        Calibration(None, 0.01, 0.01),
    ),
    "FEI": (
        file_of("fei", Scan={"PixelWidth": 1e-8, "PixelHeight": 2e-8}),
        Calibration(None, 0.02, 0.01),
    ),
    "Micro-Manager": (
        file_of("micromanager", Summary={"PixelSize_um": 0.2, "z-step_um": 0.5}),
        Calibration(0.5, 0.2, 0.2),
    ),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_headers_of_microscope_programs(vendor):
    file, wanted = VENDORS[vendor]
    found = vendor_sizes(file).judged(4).sizes
    assert found.z_step_um == pytest.approx(wanted.z_step_um)
    assert found.pixel_height_um == pytest.approx(wanted.pixel_height_um)
    assert found.pixel_width_um == pytest.approx(wanted.pixel_width_um)
    assert (found.z_positions_um is None) == (wanted.z_positions_um is None)
    assert wanted.z_positions_um is None or found.z_positions_um == pytest.approx(
        wanted.z_positions_um
    )


@pytest.mark.parametrize(
    "kind", ["stk", "lsm", "fluoview", "scanimage", "sis", "micromanager", "sem", "fei"]
)
@pytest.mark.parametrize(
    "header",
    [
        {},
        {
            "FrameData": 3,
            "Dimensions": [1],
            "ZDistance": "x",
            "Z": None,
            "Summary": 5,
            "VoxelSizeX": "nan",
        },
    ],
)
def test_broken_headers_do_not_keep_a_file_from_being_read(kind, header):
    assert vendor_sizes(file_of(kind, **header)).judged(4).sizes == Calibration()


def ome(positions, unit=' PositionZUnit="µm"', sizes="", name="s.ome.tif"):
    planes = "".join(
        f'<Plane TheC="0" TheT="0" TheZ="{z}" PositionZ="{place}"{unit}/>'
        for z, place in enumerate(positions)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="5" SizeY="6" SizeZ="4" '
        f'SizeC="1" SizeT="1" {sizes}><Channel ID="Channel:0:0"/><TiffData IFD="0" '
        f'PlaneCount="4"/>{planes}</Pixels></Image></OME>'
    )


STEP = 'PhysicalSizeZ="1"'


@pytest.mark.parametrize(
    ("xml", "step", "positions", "note"),
    [
        (ome((100, 100.5, 101, 101.5)), 0.5, None, None),
        (ome((3, 2, 1, 0)), 1.0, None, "from high to low z"),
        (ome((0, 0.2, 0.6, 1.6), sizes=STEP), 1.6 / 3, (0, 0.2, 0.6, 1.6), "steps .* differ"),
        (ome((0, 2, 4, 6), sizes=STEP), 2.0, None, "2 µm apart by their positions, .* 1 µm by"),
        (ome((0, 1.001, 2, 3.001), sizes=STEP), 1.0, None, None),
        (ome((0, 2, 1, 3), sizes=STEP), 1.0, None, "neither rise nor fall"),
        (ome((0, 0, 0, 0), sizes=STEP), 1.0, None, None),
        (ome((0, 1, 2)), None, None, None),
        (ome((0, 2, 4, 6), unit=""), 2.0, None, "no unit; they are taken as µm"),
        (ome((0, 2, 4, 6), unit="", sizes=STEP), 1.0, None, None),
        (ome((0, 1, 1.5, 3), unit="", sizes=STEP), 1.0, (0, 1, 1.5, 3), "steps .* differ"),
        (ome((0, 2, 4, 6), unit=' PositionZUnit="reference frame"'), None, None, None),
        (ome((0, 1, 2, 3), unit=' PositionZUnit="mm"'), 1000.0, None, None),
        (ome((), sizes='PhysicalSizeZ="-0.5"'), 0.5, None, "z step is negative"),
        (ome(("x", "nan", "", "inf")), None, None, None),
    ],
)
def test_positions_in_ome_xml(tmp_path, xml, step, positions, note):
    path = tmp_path / "s.ome.tif"
    tifffile.imwrite(path, PLANES, description=xml.encode(), **PLAIN)
    stack = open_stack(path)
    sizes = stack.calibration
    assert sizes.z_step_um == (None if step is None else pytest.approx(step))
    assert sizes.z_positions_um == (None if positions is None else pytest.approx(positions))
    assert len(stack.source_notes) == (note is not None)
    assert note is None or re.search(note, stack.source_notes[0])


def test_positions_of_files_of_one_plane(tmp_path):
    """Each file tells its own position, or that of all files of the set."""
    for z, place in enumerate((5.0, 5.5, 7.0)):
        xml = ome((place,)).replace('TheZ="0"', f'TheZ="{z}"')
        tifffile.imwrite(tmp_path / f"z{z}.tif", PLANES[0], description=xml.encode(), **PLAIN)
    assert open_stack(tmp_path).calibration.z_positions_um == (0.0, 0.5, 2.0)


def test_layers_keep_uneven_positions(tmp_path):
    path = tmp_path / "s.ome.tif"
    rng = np.random.default_rng(4)
    data = rng.integers(0, 255, (4, 6, 5), np.uint8)
    tifffile.imwrite(path, data, description=ome((0, 1, 1.5, 5)).encode(), **PLAIN)
    with pytest.warns(UserWarning, match="steps between planes differ"):
        ((_, attributes, _),) = read_layers(path)
    assert attributes["scale"][0] == pytest.approx(5 / 3)
    assert attributes["metadata"]["umis_fusion_file"]["z_positions_um"] == [0, 1, 1.5, 5]


@pytest.mark.parametrize(
    ("places", "wanted"),
    [
        ((), (None, None)),
        ((1,), (None, None)),
        ((1, 2, 3), (1.0, None)),
        ((3, 2, 1), (1.0, None)),
        ((0, 1, 3), (1.5, (0, 1, 3))),
        ((3, 1, 0), (1.5, (0, 2, 3))),
        ((0, 0, 1), (None, None)),
        ((0, float("nan"), 1), (None, None)),
    ],
)
def test_spacing(places, wanted):
    found = spacing_of(places)
    assert (found.step_um, found.positions_um) == wanted


def test_parts_of_a_stack_keep_their_positions():
    sizes = Calibration(1.5, None, None, (0.0, 1.0, 3.0, 4.5))
    assert sizes.of_planes(range(1, 3)) == Calibration(2.0)
    assert sizes.of_planes(range(1, 4)).z_positions_um == (0.0, 2.0, 3.5)
    assert Calibration(0.5).of_planes(range(0, 6, 2)) == Calibration(1.0)


def test_what_nobody_told_stays_unknown():
    assert ToldSizes().judged(5) == ToldSizes()


def test_a_header_is_read_before_its_file_is_closed(tmp_path):
    text = b"0\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 10.00 nm\r\n"
    tifffile.imwrite(tmp_path / "s.tif", PLANES, extratags=[(34118, 2, 0, text, True)], **PLAIN)
    assert open_stack(tmp_path / "s.tif").calibration.pixel_width_um == pytest.approx(0.01)
    ((_, attributes, _),) = read_layers(tmp_path / "s.tif")
    assert attributes["scale"] == pytest.approx((1, 0.01, 0.01))


def test_slides_of_aperio_tell_their_pixel_size(tmp_path):
    text = "Aperio Image Library v11\r\n6x5 (16x16) J2K|AppMag = 20|MPP = 0.4990"
    tifffile.imwrite(tmp_path / "a.svs", PLANES, description=text, **PLAIN)
    assert open_stack(tmp_path / "a.svs").calibration.pixel_height_um == pytest.approx(0.499)


def test_files_of_several_pixel_sizes_are_told(tmp_path):
    for k, pixels_per_cm in enumerate((10000, 10000, 20000)):
        sizes = {"resolution": (pixels_per_cm,) * 2, "resolutionunit": 3}
        tifffile.imwrite(tmp_path / f"z{k}.tif", PLANES[k], **PLAIN, **sizes)
    stack = open_stack(tmp_path)
    assert stack.calibration.pixel_width_um == pytest.approx(1)
    assert re.search("pixel sizes, 0.5 to 1 µm, of which 1 µm is used", *stack.source_notes)

"""Folders of OME-TIFF with one plane per file: their description arranges them, not their names."""

import numpy as np
import pytest
import tifffile

from napari_umis_fusion.batch import find_stacks
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import open_stack, read_layers, survey_files

STEP = 'PhysicalSizeZ="0.5"'
PLANES = np.arange(4 * 30, dtype=np.uint8).reshape(4, 6, 5)
NOTE = "arranged as their OME description says"


def write_set(folder, names, places):
    """Write a file for each place (T, C, Z), whose only page is plane PLANES[number]."""
    blocks = "".join(
        f'<TiffData FirstT="{t}" FirstC="{c}" FirstZ="{z}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{number:032x}</UUID></TiffData>'
        for number, (name, (t, c, z)) in enumerate(zip(names, places, strict=True))
    )
    sizes = " ".join(
        f'Size{axis}="{1 + max(numbers)}"'
        for axis, numbers in zip("TCZ", zip(*places, strict=True), strict=True)
    )
    channels = "".join(f'<Channel ID="{c}"/>' for c in {c for _, c, _ in places})
    for number, name in enumerate(names):
        xml = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{number:032x}"><Image ID="Image:0"><Pixels ID="0" Type="uint8" '
            f'DimensionOrder="XYZCT" SizeX="5" SizeY="6" {STEP} {sizes}>{channels}{blocks}</Pixels>'
            "</Image></OME>"
        )
        tifffile.imwrite(folder / name, PLANES[number], description=xml, metadata=None)


@pytest.mark.parametrize("names", ["p{}.ome.tif", "{}.tif"])
def test_planes_come_in_the_order_of_their_description(tmp_path, names):
    files, order = [names.format(k) for k in range(4)], [2, 0, 3, 1]
    write_set(tmp_path, files, [(0, 0, z) for z in order])
    wanted = PLANES[np.argsort(order)]
    stack = open_stack(tmp_path)
    np.testing.assert_array_equal(np.stack(list(stack)), wanted)
    assert NOTE in stack.source_notes[0]
    with pytest.warns(UserWarning, match=NOTE):
        ((layer, _, _),) = read_layers(tmp_path)
    np.testing.assert_array_equal(np.asarray(layer), wanted)
    assert survey_files(tmp_path).is_clear
    (found,) = find_stacks(tmp_path).stacks
    np.testing.assert_array_equal(np.stack(list(found.open())), wanted)
    assert found.notes == stack.source_notes


def test_time_and_channels_that_names_do_not_tell_are_no_planes(tmp_path):
    files = [f"p{k}.tif" for k in range(4)]
    write_set(tmp_path, files, [(t, 0, 0) for t in range(4)])
    with pytest.raises(StackFileError, match=r"axes are T \(4: 0 is T0.*none is Z"):
        open_stack(tmp_path)
    assert open_stack(tmp_path, z_axis="T").shape == (4, 6, 5)
    write_set(tmp_path, files, [(0, c, z) for c in range(2) for z in range(2)])
    stack = open_stack(tmp_path)
    np.testing.assert_array_equal(stack.plane(1), np.moveaxis(PLANES[[1, 3]], 0, -1))


def test_names_count_where_the_description_is_of_other_files(tmp_path):
    files = [f"p{k}.tif" for k in range(4)]
    write_set(tmp_path, files, [(0, 0, z) for z in (2, 0, 3, 1)])
    for k in range(4):
        (tmp_path / f"p{k}.tif").rename(tmp_path / f"z{k}.tif")
    np.testing.assert_array_equal(np.stack(list(open_stack(tmp_path))), PLANES)


@pytest.mark.parametrize(
    ("lost", "positions"), [(1, (0, 1, 1.5)), (3, None)], ids=["amid the stack", "at its end"]
)
def test_files_of_a_set_that_are_absent_are_told_and_leave_a_gap(tmp_path, lost, positions):
    files = [f"{word}.ome.tif" for word in ("ant", "bee", "cat", "dog")]
    write_set(tmp_path, files, [(0, 0, z) for z in range(4)])
    (tmp_path / files[lost]).unlink()
    stack = open_stack(tmp_path)
    assert len(stack) == 3
    assert f"names files that are absent: z {lost};" in stack.source_notes[0]
    assert stack.calibration.z_positions_um == positions
    assert not survey_files(tmp_path).is_clear

import pytest

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._axis_roles import AxisRoles, axis_names, choose_axes

YX = {"Y": 4, "X": 5}


@pytest.mark.parametrize(
    ("sizes", "options", "roles"),
    [
        ({"Z": 3}, {}, AxisRoles("Z", None)),
        ({"I": 3}, {}, AxisRoles("I", None)),
        ({"Q": 3}, {}, AxisRoles("Q", None)),
        ({}, {}, AxisRoles(None, None)),
        ({"S": 3}, {}, AxisRoles(None, "S")),
        ({"Z": 3, "C": 2}, {}, AxisRoles("Z", "C")),
        ({"C": 2, "Z": 3}, {}, AxisRoles("Z", "C")),
        ({"Z": 3, "S": 3}, {}, AxisRoles("Z", "S")),
        ({"T": 3}, {"z_axis": "T"}, AxisRoles("T", None)),
        ({"T": 3}, {"z_axis": "t"}, AxisRoles("T", None)),
        ({"T": 3}, {"index": {"T": 2}}, AxisRoles(None, None, {"T": 2})),
        ({"T": 3, "Z": 2}, {"index": {"t": 2}}, AxisRoles("Z", None, {"T": 2})),
        ({"T": 3, "Z": 2}, {"z_axis": "T", "index": {"Z": 1}}, AxisRoles("T", None, {"Z": 1})),
        ({"C": 3}, {"z_axis": "C"}, AxisRoles("C", None)),
        ({"C": 3}, {"one_plane": True}, AxisRoles(None, "C")),
        ({"Z": 2, "C": 3}, {"index": {"C": 1}}, AxisRoles("Z", None, {"C": 1})),
        ({"Z": 2, "C": 3, "S": 3}, {"index": {"C": 1}}, AxisRoles("Z", "S", {"C": 1})),
        ({"Z": 2}, {"index": {"T": 0, "C": 0}}, AxisRoles("Z", None)),
        ({"Z": 2}, {"index": {"time": 0, "channels": 0}}, AxisRoles("Z", None)),
        ({"T": 3}, {"z_axis": "frames"}, AxisRoles("T", None)),
        ({"T": 3, "Z": 2}, {"index": {"Time": 2}}, AxisRoles("Z", None, {"T": 2})),
        ({"T": 3, "Z": 2}, {"index": {"T": 2}, "z_axis": "depth"}, AxisRoles("Z", None, {"T": 2})),
        ({"Z": 3, "E": 2}, {}, AxisRoles("Z", "E")),
        ({"I": 3, "Q": 2}, {"index": {"Q": 1}}, AxisRoles("I", None, {"Q": 1})),
    ],
)
def test_roles(sizes, options, roles):
    assert choose_axes(sizes | YX, **options) == roles


@pytest.mark.parametrize(
    ("sizes", "options", "text"),
    [
        ({"T": 9}, {}, r'T \(9\), Y \(4\), X \(5\).*z_axis="T" \(--z-axis T\).*--index T=0'),
        ({"C": 9}, {}, r'C \(9\).*z_axis="C" \(--z-axis C\).*index=\{"C": 0\}'),
        ({"T": 9, "R": 2}, {}, r'z_axis="T".*or z_axis="R".*--index T=0 --index R=0'),
        ({"Q1": 9, "Q2": 2}, {}, r'z_axis="Q1"'),
        ({"T": 9, "Z": 2}, {}, r'more than one stack.*index=\{"T": 0\} \(--index T=0\)'),
        ({"T": 9, "Z": 2}, {"z_axis": "T"}, r'index=\{"Z": 0\}'),
        ({"Z": 2, "C": 2, "S": 3}, {}, r"both channels.*--index C=0"),
        ({"Z": 2, "C": 2, "E": 3}, {}, r"more than one stack.*--index E=0"),
        ({"S": 3, "E": 2}, {}, r'z_axis="E"'),
        ({"I": 3, "Q": 2}, {}, r"more than one stack.*--index Q=0"),
        ({"P": 3, "M": 2}, {"z_axis": "position"}, "z axis cannot be 'position'"),
        ({"Z": 2}, {"index": {"": 0}}, "index names axis ''"),
        ({"Z": 2}, {"z_axis": "T"}, r"z axis cannot be 'T': the axes are Z \(2\)"),
        ({"Z": 2}, {"z_axis": "Y"}, "z axis cannot be 'Y'"),
        ({"Z": 2, "S": 3}, {"z_axis": "S"}, "z axis cannot be 'S'"),
        ({"Z": 2}, {"index": {"T": 1}}, r"index names axis 'T'; the axes are Z \(2\)"),
        ({"Z": 2}, {"index": {"X": 0}}, "index names axis 'X'"),
        ({"T": 2}, {"index": {"T": 2}}, "index T=2 is outside 0 to 1"),
        ({"T": 2, "Z": 3}, {"index": {"T": 0, "time": 1}}, "index names axis T twice, as 'time'"),
        ({"T": 2, "Z": 3}, {"index": {"Z": 0}}, "index takes one plane of Z, and no other is used"),
        ({"T": 2}, {"index": {"T": -1}}, "index T=-1 is outside 0 to 1"),
    ],
)
def test_doubt_is_asked_about(sizes, options, text):
    with pytest.raises(StackFileError, match=text):
        choose_axes(sizes | YX, **options)


@pytest.mark.parametrize(
    ("letters", "names"),
    [("TZYX", ("T", "Z", "Y", "X")), ("QQYX", ("Q1", "Q2", "Y", "X"))],
)
def test_names_are_unique(letters, names):
    assert axis_names(letters) == names

"""Tables in files of CSV."""

import pytest

from napari_umis_fusion.runtime import write_csv


@pytest.mark.parametrize(
    ("cell", "content"),
    [
        ("a, b", b'name\n"a, b"\n'),
        ("5 µm", b"\xef\xbb\xbfname\n5 \xc2\xb5m\n"),  # what Excel asks for
        ("\udcff.tif", b"\xef\xbb\xbfname\n\xff.tif\n"),  # a file whose name is no UTF-8
    ],
)
def test_any_text_is_written_as_spreadsheets_read_it(tmp_path, cell, content):
    write_csv(tmp_path / "t.csv", [["name"], [cell]])
    assert (tmp_path / "t.csv").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]

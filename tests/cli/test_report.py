from napari_umis_fusion.cli._report import print_written


def test_notes_come_first_and_all_begin_with_the_stack(capsys):
    print_written({"depth map": "d.tif"}, ["plane 3 is blank"], stack="well 1")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["well 1: note: plane 3 is blank", "well 1: depth map: d.tif"]


def test_one_stack_needs_no_name(capsys):
    print_written({"index map": "i.tif"}, [])
    assert capsys.readouterr().out == "index map: i.tif\n"

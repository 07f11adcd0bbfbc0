import pytest

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import failure_reason, sentence_of


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StackError("no planes; give some."), "no planes; give some."),
        (MemoryError(), "there is not enough memory"),
        (OSError(28, "No space left on device", "a.tif"), "a.tif: No space left on device"),
        (OSError("gone"), "gone"),
        (ZeroDivisionError("by zero"), "unexpected ZeroDivisionError: by zero"),
    ],
)
def test_reasons_are_sentences(error, told):
    assert failure_reason(error).startswith(told)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (StackError("no focus was found."), "No focus was found."),
        (StackError("found, but empty."), "Found, but empty."),
        (StackError("na=2.0 is too large."), "na=2.0 is too large."),
        (StackError("beads.tif is not there."), "beads.tif is not there."),
        (FileNotFoundError(2, "No such file or directory", "a.tif"), "a.tif: No such file"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "There is not enough memory"),
    ],
)
def test_panels_show_sentences_that_begin_with_a_capital_letter_or_a_name(error, shown):
    assert sentence_of(error).startswith(shown)

import pytest

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import failure_reason


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StackError("no planes; give some."), "no planes; give some."),
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device", "a.tif"), "a.tif: No space left on device"),
        (OSError("gone"), "a file: gone"),
        (ZeroDivisionError("by zero"), "unexpected ZeroDivisionError: by zero"),
    ],
)
def test_reasons_are_sentences(error, told):
    assert told in failure_reason(error)

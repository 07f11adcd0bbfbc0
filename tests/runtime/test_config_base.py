from dataclasses import dataclass, field

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import ConfigBase, number


@dataclass(frozen=True, slots=True)
class Paint(ConfigBase):
    coats: int = field(default=2, metadata=number("how often", "", 1, 4))
    width_px: float = field(default=1.5, metadata=number("of the brush", "px", 0.5, 8.0))


def test_fields_are_checked():
    with pytest.raises(ConfigError, match=r"^coats=9; accepted is a whole number from 1 to 4\.$"):
        Paint(coats=9)


def test_scalars_of_numpy_become_those_of_python():
    paint = Paint(coats=np.int64(3))
    assert paint.as_dict() == {"coats": 3, "width_px": 1.5}
    assert type(paint.coats) is int


def test_a_copy_is_of_the_same_class_and_checked():
    assert Paint(coats=3).replace(width_px=2.0) == Paint(3, 2.0)
    with pytest.raises(ConfigError, match=r"^coats=0; "):
        Paint().replace(coats=0)
    with pytest.raises(ConfigError, match=r"^unknown option colour; accepted are coats, width_px"):
        Paint().replace(colour="red")


def test_no_other_attribute_can_be_set():
    assert not hasattr(Paint(), "__dict__")

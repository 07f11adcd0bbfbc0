"""Data classes in files."""

from dataclasses import dataclass

import numpy as np
import pytest

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.runtime import load_data, save_data


@dataclass(frozen=True)
class Inner:
    values: object


@dataclass(frozen=True)
class Outer:
    name: str | None
    parts: tuple[Inner, ...]
    by_number: dict[int, Inner]
    size: float


def test_what_is_saved_is_loaded(tmp_path):
    first, second = np.arange(6.0).reshape(2, 3), np.array([True, False])
    value = Outer(None, (Inner(first), Inner((1, "a"))), {3: Inner(second)}, np.float32(0.5))
    save_data(value, tmp_path / "a.npz")
    found = load_data(tmp_path / "a.npz", (Inner, Outer))
    assert (found.name, found.size, found.parts[1]) == (None, 0.5, Inner((1, "a")))
    np.testing.assert_array_equal(found.parts[0].values, first)
    np.testing.assert_array_equal(found.by_number[3].values, second)


def test_nothing_else_is_loaded(tmp_path):
    save_data(Outer("a", (), {}, 1.0), tmp_path / "a.npz")
    with pytest.raises(StackFileError, match="cannot be read"):
        load_data(tmp_path / "a.npz", (Inner,))
    np.savez(tmp_path / "b.npz", tree=np.array([{}], dtype=object))
    with pytest.raises(StackFileError, match="cannot be read"):
        load_data(tmp_path / "b.npz", (Inner, Outer))

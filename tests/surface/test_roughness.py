"""Height parameters against `surfalize`, and against surfaces whose parameters are known."""

import json

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.surface import SurfaceConfig, roughness

NAMES = {"Sa": "sa_um", "Sq": "sq_um", "Sp": "sp_um", "Sv": "sv_um", "Sz": "sz_um"}
NAMES |= {"Ssk": "ssk", "Sku": "sku"}


@pytest.mark.parametrize("cutoffs", [(), (2.5, 15)])
def test_parameters_are_those_of_surfalize(surface_of, rough, grid, cutoffs):
    from surfalize import Surface

    heights = rough + 0.2 * grid[0] - 0.1 * grid[1]
    config = SurfaceConfig(**dict(zip(("s_cutoff_um", "l_cutoff_um"), cutoffs, strict=False)))
    ours = roughness(surface_of(heights, 0.5), config)
    theirs = Surface(heights, 0.5, 0.5).level()
    if cutoffs:
        theirs = theirs.filter("bandpass", *cutoffs)
    for name, attribute in NAMES.items():
        assert getattr(ours, attribute) == pytest.approx(getattr(theirs, name)(), rel=1e-6), name


def test_a_sine_has_the_parameters_of_a_sine(surface_of):
    wave = 3 * np.sin(2 * np.pi * np.arange(1000) / 100) * np.ones((50, 1))
    found = roughness(surface_of(wave), SurfaceConfig(form="none"))
    assert found.sa_um == pytest.approx(6 / np.pi, rel=1e-3)
    assert found.sq_um == pytest.approx(3 / np.sqrt(2), rel=1e-6)
    assert (found.sp_um, found.sv_um, found.sz_um) == pytest.approx((3, 3, 6), rel=1e-6)
    assert found.ssk == pytest.approx(0, abs=1e-9)
    assert found.sku == pytest.approx(1.5, rel=1e-6)


def test_turned_over_peaks_are_valleys(surface_of, rough):
    up, down = roughness(surface_of(rough)), roughness(surface_of(rough, top="last"))
    assert (up.sp_um, up.ssk) == pytest.approx((down.sv_um, -down.ssk))


def test_what_the_numbers_depend_on_stands_beside_them(surface_of, rough):
    mask = np.zeros(rough.shape, bool)
    mask[:, :8] = True
    config = SurfaceConfig(form="polynomial 2", l_cutoff_um=20)
    found = roughness(surface_of(rough, never_in_focus=mask), config)
    assert found.measured_share == pytest.approx(0.9)
    assert found.area_um2 == pytest.approx((~mask).sum() * 0.35)
    said = found.conditions()
    for phrase in ("polynomial 2 removed", "no S-filter", "L-filter 20 µm", "90.0% of the field"):
        assert phrase in said
    assert json.loads(json.dumps(found.as_dict()))["config"]["l_cutoff_um"] == 20


def test_a_flat_surface_has_no_skewness(surface_of):
    found = roughness(surface_of(np.zeros((20, 20))), SurfaceConfig(form="none"))
    assert found.sa_um == 0
    assert np.isnan([found.ssk, found.sku]).all()
    assert found.as_dict()["ssk"] is None


def test_options_out_of_bounds_are_refused():
    with pytest.raises(ConfigError, match="form='cone'"):
        SurfaceConfig(form="cone")
    with pytest.raises(ConfigError, match="l_cutoff_um"):
        SurfaceConfig(l_cutoff_um=-1.0)

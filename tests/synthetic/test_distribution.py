import dataclasses
import math
import re

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.synthetic import StackDistribution

FIELDS = [spec for spec in dataclasses.fields(StackDistribution) if "min" in spec.metadata]
RANGES = [spec for spec in FIELDS if isinstance(spec.default, tuple)]
NUMBERS = [spec for spec in FIELDS if spec not in RANGES]
SHARES = [spec for spec in NUMBERS if spec.metadata["max"] == 1]
WHOLE = {"size_px", "margin_px", "planes", "layers"}
KINDS = ("opaque", "fluorescence", "brightfield", "smears")


def bounds_text(spec):
    low, high, unit = (spec.metadata[key] for key in ("min", "max", "unit"))
    kind = "whole number" if spec.name in WHOLE else "number"
    kind = f"a range (low, high) of {kind}s" if spec in RANGES else f"a {kind}"
    unit = f" {unit}" if unit else ""
    bounds = f"{low:g}{unit} on" if high == math.inf else f"{low:g} to {high:g}{unit}"
    return f"accepted is {kind} from {bounds}."


def refused(spec, value):
    with pytest.raises(ConfigError) as caught:
        StackDistribution(**{spec.name: value})
    assert str(caught.value) == f"{spec.name} is {value!r}; {bounds_text(spec)}"


@pytest.mark.parametrize("spec", FIELDS, ids=lambda spec: spec.name)
def test_every_field_says_what_it_is(spec):
    assert set(spec.metadata) == {"help", "unit", "min", "max"}
    assert len(spec.metadata["help"]) > 10
    assert spec.metadata["help"].endswith(".")
    assert spec.metadata["min"] < spec.metadata["max"]
    assert spec.metadata["unit"] == "px" or not re.search("_px(_|$)", spec.name)


def test_what_must_be_whole_is_whole_by_default():
    """The texts and the checks tell whole numbers from others by the default."""
    first = {s.name: s.default[0] if s in RANGES else s.default for s in FIELDS}
    assert {name for name, value in first.items() if isinstance(value, int)} == WHOLE


@pytest.mark.parametrize("spec", FIELDS, ids=lambda spec: spec.name)
def test_bounds_are_accepted_and_what_is_beyond_is_refused(spec):
    low, high = spec.metadata["min"], min(spec.metadata["max"], 1e9)
    low, high = (int(n) if spec.name in WHOLE else float(n) for n in (low, high))
    step = 1 if spec.name in WHOLE else 1e-6
    pair = (low, high) if spec in RANGES else None
    for value in [pair] if pair else [low, high]:
        assert getattr(StackDistribution(**{spec.name: value}), spec.name) == value
    refused(spec, (low - step, high) if pair else low - step)
    if spec.metadata["max"] < math.inf:
        refused(spec, (low, high + step) if pair else high + step)


@pytest.mark.parametrize("spec", RANGES, ids=lambda spec: spec.name)
def test_what_is_no_range_is_refused(spec):
    for value in (3, (5, 3), (3,), (3, 4, 5), [3, 5], None, ("3", "5")):
        refused(spec, value)


@pytest.mark.parametrize("spec", FIELDS, ids=lambda spec: spec.name)
def test_what_is_no_number_is_refused(spec):
    for value in (math.nan, math.inf, -math.inf, True, "3", None, (0.5, 0.5)):
        refused(spec, (spec.default[0], value) if spec in RANGES else value)


@pytest.mark.parametrize("spec", [s for s in FIELDS if s.name in WHOLE], ids=lambda s: s.name)
def test_what_is_counted_has_no_fractions(spec):
    refused(spec, (2.5, 16) if spec in RANGES else 40.5)


@pytest.mark.parametrize("value", [1, np.float64(0.5), 0])
def test_numbers_of_other_types(value):
    assert StackDistribution(noise_share=value).noise_share == value


def test_there_must_be_some_kind_of_stack():
    with pytest.raises(ConfigError, match="brightfield and smears are all 0; raise"):
        StackDistribution(**dict.fromkeys(KINDS, 0))
    for kind in KINDS:
        StackDistribution(**{name: float(name == kind) for name in KINDS})


def test_shares_are_those_that_say_so():
    assert {s.name for s in SHARES} > {s.name for s in FIELDS if s.name.endswith("_share")}

"""What every config's fields are checked against; `test_config.py` has the texts in context."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import (
    check_choice,
    check_fields,
    choice,
    config_of,
    is_int,
    number,
)

Colour = Literal["red", "green"]


@dataclass(frozen=True)
class Paint:
    colour: Colour = field(default="red", metadata=choice(Colour, "what it looks like"))
    coats: int = field(default=2, metadata=number("how often", "", 1, 4))
    width_px: float = field(default=1.5, metadata=number("of the brush", "px", 0.5, 8.0))
    source: str | None = field(default=None, metadata={"help": "picture", "path": True})
    dry: bool = field(default=False, metadata={"help": "wait"})


def test_metadata():
    assert choice(Colour, "what it looks like") == {
        "help": "what it looks like",
        "choices": ("red", "green"),
    }
    assert number("of the brush", "px", 0.5, 8.0) == {
        "help": "of the brush",
        "unit": "px",
        "min": 0.5,
        "max": 8.0,
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"colour": "green", "coats": 1, "width_px": 8.0, "source": "a.png", "dry": True},
        {"coats": 4, "width_px": 0.5},
        {"width_px": 3},
        {"width_px": np.float64(3.5)},
    ],
)
def test_what_fits_passes(options):
    check_fields(Paint(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "blue"}, "colour='blue'; accepted are red, green."),
        ({"colour": None}, "colour=None; accepted are red, green."),
        ({"colour": ["red"]}, "colour=['red']; accepted are red, green."),
        ({"coats": 0}, "coats=0; accepted is a whole number from 1 to 4."),
        ({"coats": 5}, "coats=5; accepted is a whole number from 1 to 4."),
        ({"coats": 2.0}, "coats=2.0; accepted is a whole number from 1 to 4."),
        ({"coats": True}, "coats=True; accepted is a whole number from 1 to 4."),
        ({"coats": "2"}, "coats='2'; accepted is a whole number from 1 to 4."),
        ({"width_px": 0.49}, "width_px=0.49; accepted is a number from 0.5 to 8 px."),
        ({"width_px": float("nan")}, "width_px=nan; accepted is a number from 0.5 to 8 px."),
        ({"width_px": False}, "width_px=False; accepted is a number from 0.5 to 8 px."),
        ({"source": 3}, "source=3; accepted is a path as text, or None."),
        ({"dry": 1}, "dry=1; accepted are True and False."),
        ({"dry": None}, "dry=None; accepted are True and False."),
    ],
)
def test_what_does_not_fit_says_what_does(options, message):
    with pytest.raises(ConfigError) as caught:
        check_fields(Paint(**options))
    assert str(caught.value) == message


def test_a_choice_may_have_an_alternative():
    spec = Paint.__dataclass_fields__["colour"]
    with pytest.raises(ConfigError, match=r"accepted are red, green or a number\.$"):
        check_choice(spec, "blue", " or a number")


def test_a_config_may_be_left_out_and_is_no_other_thing():
    assert config_of(Paint, None, {"coats": 3}) == Paint(coats=3)
    assert config_of(Paint, Paint(coats=4)) == Paint(coats=4)
    with pytest.raises(ConfigError, match=r"got 'red' where options are; accepted is a Paint"):
        config_of(Paint, "red")


@pytest.mark.parametrize(
    ("value", "whole"), [(3, True), (-1, True), (True, False), (3.0, False), ("3", False)]
)
def test_whole_numbers(value, whole):
    assert is_int(value) is whole

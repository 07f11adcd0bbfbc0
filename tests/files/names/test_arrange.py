"""What the names of files are understood to count."""

import itertools
import re
import unicodedata
import uuid
from pathlib import Path

import numpy as np
import pytest
from natsort import natsorted, ns

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.names import arrange, counts, parts_of_name, says_thumbnail


def understood(names, **options):
    paths = [Path("/scan") / f"{name}.tif" for name in names]
    if not options.get("keeps_order"):
        paths = natsorted(paths, key=str, alg=ns.PATH | ns.IGNORECASE)
    return arrange(paths, **options)


def product(pattern, **values):
    """Fill a pattern with all combinations of values."""
    keys = list(values)
    return [
        pattern.format(**dict(zip(keys, one, strict=True)))
        for one in itertools.product(*values.values())
    ]


SEVERAL_AXES = {
    "Micro-Manager 2": (
        "img_channel{c:03}_position{p:03}_time{t:09}_z{z:03}",
        {"c": range(2), "p": range(2), "t": range(3), "z": range(4)},
        {"P": 2, "T": 3, "C": 2, "Z": 4},
    ),
    "time and z": ("e_t{t:03}_z{z:03}", {"t": range(3), "z": range(4)}, {"T": 3, "Z": 4}),
    "channel and z": ("e_ch{c:02}_z{z:02}", {"c": range(3), "z": range(4)}, {"C": 3, "Z": 4}),
    "z before channel": ("tile z{z}c{c}", {"z": range(12), "c": (1, 2)}, {"C": 2, "Z": 12}),
    "Leica": (
        "Project_Series003_z{z:02}_ch{c:02}",
        {"z": range(7), "c": range(2)},
        {"C": 2, "Z": 7},
    ),
    "MetaMorph": (
        "run_w{w}_s{s}_t{t}",
        {"w": (1, 2), "s": (1, 2, 3), "t": range(1, 5)},
        {"P": 3, "T": 4, "C": 2},
    ),
    "ImageXpress": (
        "ZStep_{z}/9987_E07_s{s}_w{w}",
        {"z": range(1, 5), "s": (1, 2), "w": (1, 2, 3)},
        {"P": 2, "C": 3, "Z": 4},
    ),
    "time folders": ("TimePoint_{t}/z{z}", {"t": (1, 2), "z": range(3)}, {"T": 2, "Z": 3}),
    "CellVoyager": (
        "Plate_{well}_T0001F{f:03}L01A02Z{z:02}C{c:02}",
        {"well": ("D08", "E03"), "f": range(1, 5), "z": range(1, 5), "c": (1, 2)},
        {"WELL": 2, "FIELD": 4, "C": 2, "Z": 4},
    ),
    "CellVoyager, letters only": (
        "F{f:03}L01A02Z{z:02}C{c:02}",
        {"f": range(1, 5), "z": range(1, 5), "c": (1, 2)},
        {"P": 4, "C": 2, "Z": 4},
    ),
    "Opera Phenix, where p is the plane": (
        "r02c{col:02}f01p{z:02}-ch{c}sk1fk1fl1",
        {"col": (3, 4), "z": range(1, 6), "c": (1, 2)},
        {"P": 2, "C": 2, "Z": 5},
    ),
    "Micro-Manager 1.4": (
        "img_000000000_{dye}_{z:03}",
        {"dye": ("DAPI", "Cy5 far red"), "z": range(4)},
        {"C": 2, "Z": 4},
    ),
    "IN Cell": (
        "A - 01(fld {f} wv {dye} - {dye} z {z})",
        {"f": (1, 2), "dye": ("DAPI", "FITC"), "z": range(1, 4)},
        {"P": 2, "C": 2, "Z": 3},
    ),
    "dyes of several forms": (
        "{dye}_z{z}",
        {"dye": ("DAPI", "Cy3", "Alexa488"), "z": range(3)},
        {"C": 3, "Z": 3},
    ),
    "dyes of two words": (
        "leaf {dye} z{z}",
        {"dye": ("DAPI", "Texas Red", "far_red", "Alexa Fluor 488"), "z": range(3)},
        {"C": 4, "Z": 3},
    ),
    "colour filters": ("m42_{dye}_{z:03}", {"dye": "RGB", "z": range(3)}, {"C": 3, "Z": 3}),
    "what is stained": (
        "{dye}_z{z}",
        {"dye": ("nuclei", "Actin"), "z": range(3)},
        {"C": 2, "Z": 3},
    ),
    "Squid": (
        "0_{f}_{z}_{dye}",
        {"f": (0, 1), "z": range(3), "dye": ("Fluorescence_488_nm_Ex", "BF_LED_matrix_full")},
        {"P": 2, "Z": 3, "C": 2},
    ),
    "wells": (
        "{well}_z{z}",
        {"well": ("A01", "A02", "B01", "B02"), "z": range(3)},
        {"P": 4, "Z": 3},
    ),
    "mosaic": (
        "tile_x{x:02}_y{y:02}_z{z}",
        {"x": (0, 1), "y": (0, 1, 2), "z": range(4)},
        {"GRIDX": 2, "GRIDY": 3, "Z": 4},
    ),
    "two numbers that nothing names": (
        "{a:03}_{b:03}",
        {"a": range(3), "b": range(4)},
        {"N1": 3, "N2": 4},
    ),
    "a number beside time": ("t{t}_{n:03}", {"t": (1, 2), "n": range(3)}, {"T": 2, "N": 3}),
    "words and a number": (
        "{word}_{n:03}",
        {"word": ("left", "right"), "n": range(3)},
        {"N": 2, "Z": 3},
    ),
    "Micro-Manager 1.4, folders": (
        "Pos{p}/img_{t:09}_Default_{z:03}",
        {"p": (0, 1), "t": (0, 1), "z": range(3)},
        {"P": 2, "T": 2, "Z": 3},
    ),
    "Zeiss": (
        "exp1_s{s}z{z:02}c{c}_ORG",
        {"s": (1, 2), "z": range(1, 6), "c": (1, 2)},
        {"P": 2, "C": 2, "Z": 5},
    ),
    "Olympus": ("s_C{c:03}Z{z:03}T001", {"c": (1, 2), "z": range(1, 6)}, {"C": 2, "Z": 5}),
    "Nikon": (
        "nd001xy{p}c{c}t01z{z}",
        {"p": (1, 2), "c": (1, 2), "z": range(1, 4)},
        {"P": 2, "C": 2, "Z": 3},
    ),
    "Keyence": (
        "Image_T0001_XY01_Z{z:03}_CH{c}",
        {"c": (1, 2, 4), "z": range(1, 6)},
        {"C": 3, "Z": 5},
    ),
    "scanR": (
        "scan--W{w:05}--P{p:05}--Z{z:05}--T00000--{dye}",
        {"w": (1, 2), "p": (1, 2), "z": range(3), "dye": ("DAPI", "GFP")},
        {"WELL": 2, "P2": 2, "C": 2, "Z": 3},
    ),
    "wavelength and dye": (
        "a_w{w}_z{z}",
        {"w": ("1DAPI", "2Cy3"), "z": range(3)},
        {"C": 2, "Z": 3},
    ),
    "wavelengths": ("a_{w}nm_z{z}", {"w": (405, 488, 561), "z": range(3)}, {"C": 3, "Z": 3}),
    "only wavelengths": ("a_{w}nm", {"w": (405, 488, 561)}, {"C": 3}),
    "hours": ("VID1_A1_00d{h:02}h00m_z{z}", {"h": (0, 2, 4), "z": range(3)}, {"T": 3, "Z": 3}),
    "days": ("2024-05-{d:02} scan z{z}", {"d": (1, 2), "z": range(3)}, {"T": 2, "Z": 3}),
    "light sheet": (
        "spim_TL{t:02}_Angle{a}_CH{c}_PL(ZS)",
        {"t": (0, 1), "a": (0, 1), "c": (0, 1)},
        {"V": 2, "T": 2, "C": 2},
    ),
    "runs": ("run{r}_{z:03}", {"r": (1, 2), "z": range(3)}, {"RUN": 2, "N2": 3}),
    "only channels": ("x_ch{c}", {"c": range(5)}, {"C": 5}),
    "only times": ("x_t{t:03}", {"t": range(5)}, {"T": 5}),
    "exposure times": ("{ms}ms", {"ms": (5, 10, 20)}, {"T": 3}),
}


@pytest.mark.parametrize("case", SEVERAL_AXES)
def test_names_that_count_along_several_axes(case):
    pattern, values, sizes = SEVERAL_AXES[case]
    names = product(pattern, **values)
    grid = understood(names)
    assert grid.sizes == sizes
    assert len(grid.files) == len(set(names)) == np.prod(list(sizes.values()))


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_words_and_any_padding_is_understood(seed):
    """Words that nobody gave, in any order, with any separator, in any case."""
    rng = np.random.default_rng(seed)
    words = {
        "Z": ("z", "Z", "zstep", "slice", "Plane", "depth", "focus", "ZPosition"),
        "C": ("c", "ch", "Channel", "w", "wavelength", "CH"),
        "T": ("t", "T", "time", "TimePoint", "tp"),
        "P": ("site", "field", "position", "well", "Scene", "fov"),
    }
    letters = [str(one) for one in rng.permutation(list(words))[: rng.integers(2, 5)]]
    if "Z" not in letters:
        letters.append("Z")
    between, after = rng.choice(["_", "-", " ", "."]), rng.choice(["", "_", " "])
    parts, values = ["Exp 7"], {}
    for letter in letters:
        first, count, width = rng.integers(0, 2), rng.integers(2, 13), rng.integers(1, 4)
        parts.append(f"{rng.choice(words[letter])}{after}{{{letter}:0{width}}}")
        values[letter] = range(first, first + count)
    names = product(between.join(parts), **values)
    grid = understood([names[k] for k in rng.permutation(len(names))])
    assert grid.sizes == {letter: len(values[letter]) for letter in "PTCZ" if letter in letters}
    place = {letter: int(rng.integers(len(numbers))) for letter, numbers in values.items()}
    wanted = between.join(parts).format(**{k: values[k][place[k]] for k in values})
    assert grid.files[tuple(place[letter] for letter in grid.sizes)].stem == wanted


IN_ORDER = {
    "signs": [f"b_z{k:+d}um" for k in (-15, -10, -5, 0, 5, 10, 15)],
    "signs without plus": [f"pos_{k}" for k in (-15, -10, -5, 0, 5, 10, 15)],
    "decimals": [f"leaf_z{k}um" for k in ("0", "0.5", "1", "1.25", "1.5", "1.75", "2")],
    "commas": [f"leaf {k} µm" for k in ("0,0", "0,25", "0,5", "1,0", "10,0")],
    "p as a point": [f"z{k}um" for k in ("0", "0p25", "0p5", "1p75", "2")],
    "several units": ["z-1500nm", "z-1um", "z0nm", "z500nm", "z0.001mm"],
    "a camera's counter that begins anew": [f"DSC0{k:04}" for k in (9998, 9999, 1, 2, 3)],
    "a counter that begins anew at 0": [f"IMG_{k:04}" for k in (9997, 9999, 0, 1)],
    "few planes of a counter": [f"IMG_{k:04}" for k in (1, 4000, 7000, 9999)],
    "signs in letters": [f"b_z_{k}um" for k in ("m10", "m2p5", "0", "p5", "p10")],
    "signs in words": [f"b z {k}" for k in ("minus 10", "minus 5", "0", "plus 5", "plus 10")],
    "units apart": [f"b_{k}_µm" for k in ("0", "0.5", "1", "1.5", "10")],
    "units in capitals": [f"B_{k}UM" for k in ("-1", "-0.5", "0", "2.25")],
    "units in full": [f"b {k} microns" for k in ("0", "0.5", "2", "10")],
    "units in brackets": [f"z={k} [µm]" for k in ("-0.5", "0", "1.25")],
    "thousands": [f"z{k}nm" for k in ("0", "500", "1,000", "1,500", "10,000")],
    "commas that are no thousands": [f"z{k}um" for k in ("1", "1,125", "1,250")],
    "bare points": [f"b_{k}um" for k in ("-.5", ".25", ".5", "1.0", "1.25")],
    "hyphens of other widths": [f"z{k}" for k in ("\u201110", "\uff0d5", "0", "5")],
    "concentrations are no heights": [f"{k}uM" for k in range(1, 12)],
    "controls are no signs": [f"pos_{k}" for k in range(12)],
    "nanoseconds of a clock": [f"{1704456000123456000 + k}" for k in range(0, 300, 100)],
    "minus sign": [f"z{k}nm" for k in ("−500", "−250", "0", "250")],
    "a hyphen that is no sign": [f"file-{k}" for k in range(1, 12)],
    "numbered parts": [f"1.{k}" for k in range(1, 12)],
    "fractions": ["1.0", "1.25", "1.5", "1.75"],
    "versions": [f"10x_v2_{k}" for k in range(1, 13)],
    "magnification before": [f"20x0.75NA_z{k}" for k in (-2, -1, 0, 1, 2)],
    "dates before": [f"2024-03-0{1 + k // 3}_{k}" for k in range(6)],
    "dates and times only": [f"IMG_20240101_1205{k:02}" for k in (1, 7, 13, 44)],
    "a number after the time": [f"IMG_20240101_1205{9 + k}_{k:03}" for k in range(12)],
    "a time of each plane": [f"z{k}_t{k}" for k in range(12)],
    "a clock that runs backwards": [f"z{k}_t{20 - k}" for k in range(7)],
    "words": ["bottom", "middle", "top"],
    "letters": ["a", "b", "c", "d"],
    "parentheses": [f"scan ({k})" for k in range(12)],
    "middle of the name": [f"beetle_{k}-left" for k in range(12)],
    "umlauts": [f"Präparat_Ebene {k}" for k in range(12)],
}


@pytest.mark.parametrize("case", IN_ORDER)
def test_order_along_z(case):
    names = IN_ORDER[case]
    grid = understood(sorted(names, reverse=True))
    assert list(grid.sizes) == ["Z"]
    assert [grid.files[place].stem for place in sorted(grid.files)] == names


@pytest.mark.parametrize(
    ("case", "positions"),
    [
        ("signs", (-15, -10, -5, 0, 5, 10, 15)),
        ("decimals", (0, 0.5, 1, 1.25, 1.5, 1.75, 2)),
        ("p as a point", (0, 0.25, 0.5, 1.75, 2)),
        ("minus sign", (-0.5, -0.25, 0, 0.25)),
        ("several units", (-1.5, -1, 0, 0.5, 1)),
        ("signs in letters", (-10, -2.5, 0, 5, 10)),
        ("units apart", (0, 0.5, 1, 1.5, 10)),
        ("units in capitals", (-1, -0.5, 0, 2.25)),
        ("units in full", (0, 0.5, 2, 10)),
        ("units in brackets", (-0.5, 0, 1.25)),
        ("thousands", (0, 0.5, 1, 1.5, 10)),
        ("commas that are no thousands", (1, 1.125, 1.25)),
        ("bare points", (-0.5, 0.25, 0.5, 1, 1.25)),
        ("signs without plus", None),
        ("concentrations are no heights", None),
        ("versions", None),
    ],
)
def test_units_make_positions(case, positions):
    found = understood(IN_ORDER[case]).axes[0].positions_um
    assert found == (None if positions is None else pytest.approx(positions))


@pytest.mark.parametrize(
    ("names", "note"),
    [
        ([f"z{k}" for k in range(5)], None),
        ([f"z{k}" for k in (0, 5, 10)], None),
        ([f"20x_{k}" for k in range(5)], None),
        ([f"5um_{k}" for k in range(5)], None),
        ([f"IMG_{k:04}" for k in range(5)], None),
        ([f"z{k}" for k in (0, 1, 2, 4, 5)], r"file names skip z 3; planes are taken as evenly"),
        ([f"IMG_{k}" for k in (*range(5), *range(60, 64))], r"jump from 4 to 60; planes are"),
        ([f"z{k}" for k in (0, 0.5, 1, 1.5)], "order of the numbers in their names, z0 to z1.5"),
        (
            [f"z{k:+}um" for k in (0, 5, -5)],
            r"order of the numbers in their names, z-5um to z5um",
        ),
        ([f"IMG_{k:04}" for k in (9998, 9999, 1)], r"anew after 9999; planes are 9998 to 0001"),
        ([f"scan_p{k:03}" for k in range(4)], r"p000 to p003 .* taken as z, which they do not say"),
        ([f"s{k}" for k in range(4)], "taken as z, which they do not say"),
        (["5_20", "1_21", "3_22"], "order of 1 to 5 .* another number there, 20 to 22, gives"),
        (["3_20", "2_21", "1_22"], None),
        (["bottom", "middle", "top"], "in the order of their names, bottom to top"),
        (["DAPI_0", "DAPI_1", "GFP_0", "GFP_1"], "taken as z, which they do not say"),
    ],
)
def test_what_is_assumed_is_noted(names, note):
    notes = understood(names).notes
    assert len(notes) == (note is not None)
    assert note is None or re.search(note, notes[0])


def test_uneven_numbers_are_noted_beside_their_order():
    order, uneven = understood([f"z{k}" for k in (0, 0.5, 2.25, 3)]).notes
    assert "z0 to z3" in order
    assert re.search(r"skip z 1, 1\.5, 2, 2\.5; planes|are uneven", uneven)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["fused", *(f"z{k}" for k in range(5))], r"named like z0\.tif, but not fused\.tif"),
        (["z_fused", *(f"z{k}" for k in range(5))], r"but not z_fused\.tif. Move what is no plane"),
        (
            [f"{dye} {z}" for dye in ("a", "b c", "d 7 e") for z in range(3)],
            r"no common scheme.*several of them, such as a 0\.tif and b c 0\.tif: they may be",
        ),
        (["z3", "z03", "z2"], r"z03\.tif: has the same numbers in its name as z3\.tif"),
    ],
)
def test_names_that_contradict_each_other_are_refused(names, text):
    with pytest.raises(StackFileError, match=text):
        understood(names)


def test_a_list_keeps_its_order_unless_its_names_say_channel_or_time():
    listed = understood(["z3", "z1", "z2"], keeps_order=True)
    assert [listed.files[k,].stem for k in range(3)] == ["z3", "z1", "z2"]
    assert listed.notes == ("planes are in the order given, which is not that of their names",)
    falls = understood(["z3", "z2", "z1"], keeps_order=True)
    assert [falls.files[k,].stem for k in range(3)] == ["z3", "z2", "z1"]
    assert falls.notes == ()
    assert understood(product("{a}_{b}", a=range(3), b=range(3)), keeps_order=True).sizes == {
        "Z": 9
    }
    assert understood(["fused", "z0", "z1"], keeps_order=True).sizes == {"Z": 3}
    both = understood(product("t{t}_z{z}", t=range(2), z=range(3)), keeps_order=True)
    assert both.sizes == {"T": 2, "Z": 3}


@pytest.mark.parametrize(
    "names",
    [["Cy5", "DAPI", "GFP"], ["leaf Cy3", "leaf Cy5"], ["a_Alexa488", "a_Alexa 594"], ["BF", "UV"]],
)
def test_dyes_alone_are_channels_and_no_planes(names):
    assert understood(names).sizes == {"C": len(names)}


def test_identifiers_in_names_do_not_matter():
    names = [
        f"9987_{well}_s{site}_w{w}{str(uuid.uuid4()).upper()}"
        for well, site, w in itertools.product(("A01", "B02"), (1, 2), (1, 2, 3))
    ]
    assert understood(names).sizes == {"WELL": 2, "SITE": 2, "C": 3}


def test_missing_files_leave_gaps():
    names = [name for name in product("t{t}_z{z}", t=range(3), z=range(4)) if name != "t1_z2"]
    grid = understood(names)
    assert grid.sizes == {"T": 3, "Z": 4}
    assert (1, 2) not in grid.files
    assert len(grid.files) == 11


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["ZStep_1", "ZStep_2"], True),
        (["TimePoint_1"], True),
        (["Pos0", "Pos1"], True),
        (["A01", "B01"], True),
        (["docs", "results"], False),
        (["results"], False),
        (["scan7"], False),
        ([], False),
    ],
)
def test_folders_that_count(names, wanted):
    assert counts(names) == wanted


@pytest.mark.parametrize(
    "copy",
    [
        *("z3 (1)", "z3 - Copy", "z3 - Kopie (2)", "z3_copy", "z3 copy 2", "Copie de z3", "z3 2"),
        *("z3 - 副本", "z3~1", "z3 (another copy)"),
    ],
)
def test_names_of_copies_hold_that_of_the_original(copy):
    assert "z3" in parts_of_name(copy)
    assert "z3" not in [*parts_of_name("z3"), *parts_of_name("z30"), *parts_of_name("xz3 (1)")]


@pytest.mark.parametrize(
    ("stem", "wanted"),
    [
        ("a_thumb", True),
        ("E07_w1_thumb8A", True),
        ("a_thumbB6D5", True),
        ("Thumbnail 3", True),
        ("thumbprint", False),
        ("z3", False),
    ],
)
def test_names_of_thumbnails(stem, wanted):
    assert says_thumbnail(stem) == wanted


PIECES = (
    *("z", "Z", "ch", "t", "_", "-", " ", ".", "/", "um", "µm", "nm", "A01", "w", "DAPI", "Cy3"),
    *("1", "02", "-3", "+4", "0.5", "1,25", "0p5um", "2024-01-02", "20240101_120501", "img", "p"),
    *("s", "(1)", "é", "\u0301", "٣", "²", "①", "½", "१", "thumb", "x\n"),
)


@pytest.mark.parametrize("seed", range(12))
def test_any_names_are_arranged_without_losing_a_file_or_refused(seed):
    rng = np.random.default_rng(seed)
    for _ in range(40):
        base = [str(one) for one in rng.choice(PIECES, rng.integers(1, 8))]
        names = set()
        for _ in range(rng.integers(1, 9)):
            changed = list(base)
            changed[rng.integers(len(base))] = str(rng.choice(PIECES))
            names.add("".join(changed).strip("/.") or "a")
        paths = [Path("/scan") / f"{name}.tif" for name in sorted(names)]
        for keeps_order in (False, True):
            try:
                grid = arrange(paths, keeps_order=keeps_order)
            except StackFileError:
                continue
            assert sorted(grid.files.values()) == sorted(set(paths))
            assert {len(place) for place in grid.files} == {len(grid.axes)}
            for place in grid.files:
                assert all(k < len(axis) for k, axis in zip(place, grid.axes, strict=True))


def test_accents_of_a_mac_are_those_of_others():
    names = [unicodedata.normalize("NFD" if z % 2 else "NFC", f"Käfer_z{z}.tif") for z in range(4)]
    paths = [Path(name) for name in names]
    grid = arrange(paths)
    assert [axis.letter for axis in grid.axes] == ["Z"]
    assert list(grid.files.values()) == paths


def test_times_that_only_tell_when_planes_were_recorded_are_no_axis():
    names = [f"p{p}_z{z}_t{3 * p + z}" for p in range(2) for z in range(3)]
    grid = understood(names)
    assert grid.sizes == {"P": 2, "Z": 3}
    assert "each plane has a time of its own, t0 to t5" in grid.notes[0]
    assert not grid.is_sure
    series = understood([f"z{z}_t{3 * t + z}" for t in range(2) for z in range(3)])
    assert series.sizes == {"T": 6, "Z": 3}, "each z was recorded twice: times tell them apart"

"""What was found of planes and done about it, in words: for notes and tables alike."""

from collections.abc import Iterable, Mapping

from napari_umis_fusion.preprocess.health._plane_health import PlaneHealth

MAX_NAMED = 12
"""Planes that a sentence lists."""

MUCH_MOVING = 0.1
"""Share of a plane above which what differs is rarely a thing that moves."""

MUCH_MOVES = (
    ". If nothing of that size moves, it is defocus, whose planes are missed: moving='keep', and "
    "retouch what moves"
)

PADDING_DONE = {
    True: "it is left out there",
    False: 'the option "empty" takes that value for not recorded',
}
"""By whether planes around tell that it is none of the picture."""

MOVED = "moved against the planes before and after"
LEAVE = "if it is not the specimen's, leave it out"
ALIGN = 'align="auto" puts planes in place'
SORT = "depths are wrong until planes are sorted: check the names of the files, or the axes"


def notes_on(healths: Iterable[PlaneHealth], *, copies: bool = False) -> list[str]:
    """Say what was found and done, a sentence for all planes of one kind.

    Parameters
    ----------
    healths : iterable of PlaneHealth
        Of the planes of a stack.
    copies : bool
        Whether values are copied as recorded, so that planes are scaled for the measure only.
    """
    said: dict[tuple[str, str], list[int]] = {}
    healths = list(healths)
    for health in healths:
        if health.findings:
            said.setdefault(_sentence(health, copies), []).append(health.z)
    shifts = {health.z: health.shift_px for health in healths if health.shift_px}
    notes = [_named(planes, *words, shifts) for words, planes in said.items()]
    speckled = [health for health in healths if health.specks]
    notes += [_speckled_note(speckled, copies)] if speckled else []
    moving = [health for health in healths if health.moving]
    return notes + ([_moving_note(moving)] if moving else [])


def _moving_note(healths: list[PlaneHealth]) -> str:
    most = max(health.moving for health in healths)
    listed = _listed([health.z for health in healths])
    said = f"{listed}: up to {most:.1%} is not what most planes show (moving), and does not count"
    return f"{said}{MUCH_MOVES}" if most > MUCH_MOVING else said


def _speckled_note(healths: list[PlaneHealth], copies: bool) -> str:
    count = sum(health.specks for health in healths)
    pixels = "pixel that its plane alone records" if count == 1 else "pixels that one plane records"
    listed = _listed([health.z for health in healths])
    return f"{listed}: {count} {pixels} (specks), {_speck_done(copies)}"


def _speck_done(copies: bool) -> str:
    return "taken from other planes" if copies else "filled from the planes before and after"


def _named(planes: list[int], is_so: str, done: str, shifts: Mapping[int, float]) -> str:
    far = max((shifts[z] for z in planes if z in shifts), default=0.0)
    is_so += f", by about {far:.0f} px" if far else ""
    return f"{_listed(planes)} {'is' if len(planes) == 1 else 'are'} {is_so}{done}"


def _listed(planes: list[int]) -> str:
    if len(planes) == 1:
        return f"plane {planes[0]}"
    named = ", ".join(map(str, planes[:MAX_NAMED]))
    more = f" and {len(planes) - MAX_NAMED} more" if len(planes) > MAX_NAMED else ""
    return f"planes {named}{more}"


def found_and_done(health: PlaneHealth, *, copies: bool = False) -> tuple[str, str]:
    """Return what was found of a plane, and what was done about it, for a table.

    Parameters
    ----------
    health : PlaneHealth
        Of the plane.
    copies : bool
        As for `notes_on`.
    """
    found, done = _sentence(health, copies) if health.findings else ("", "")
    parts = [(found, done.removeprefix(": "))]
    if health.specks:
        parts.append((f"{health.specks} specks", _speck_done(copies)))
    if health.moving:
        parts.append((f"{health.moving:.1%} moving", "does not count"))
    founds, dones = zip(*parts, strict=True)
    return "; ".join(filter(None, founds)), "; ".join(filter(None, dones))


def _sentence(health: PlaneHealth, copies: bool) -> tuple[str, str]:
    """Return what a plane is, and what was done."""
    found = health.findings
    if "blank" in found or "channel blank" in found:
        where = "" if "blank" in found else " in a channel"
        return f"blank{where}", ": left out" if health.is_left_out else ""
    if "elsewhere" in found:
        return "of another place", ": left out" if health.is_left_out else ""
    if "moved" in found and health.is_left_out:
        return MOVED, f": left out; {ALIGN}"
    if "unlike" in found:
        return "unlike the planes before and after", ": left out"
    if "noisy" in found:
        return "full of noise", ": left out"
    if "lines" in found:
        return "of lines that are shifted or lit each by itself", ": left out"
    if "squares" in found:
        return "of larger pixels than the planes before and after (binning)", ": left out"
    if "duplicate" in found:
        return "the same as the plane before", ": left out"
    parts, done = [], []
    if "exposure" in found:
        parts.append(_light_found(health))
        done.append(_light_done(health, copies))
    elif "clipped" in found:
        parts.append("too bright nearly everywhere")
        done.append("left out")
    if "torn" in found:
        parts.append("torn")
        done.append("left out" if health.is_left_out else "what was not written is left out")
    if "moved" in found:
        parts.append(MOVED)
        done.append(ALIGN)
    if "shifted" in found:
        parts.append("shifted in some of its lines")
        done.append("these are left out")
    if "part lit" in found:
        parts.append("lit otherwise in some of its lines")
        done.append("these are left out")
    if "own detail" in found:
        parts.append("of detail that focus does not explain, as of noise or a second exposure")
        done.append(LEAVE)
    if "uneven" in found:
        parts.append("brighter or darker in a part, as by glare")
        done.append(LEAVE)
    if "tint" in found:
        parts.append("of other colours than planes next to it")
        done.append("set the white balance of the camera once for all planes")
    if "jump" in found:
        parts.append("lit otherwise than all before")
        done.append('light="measure" brings planes to one light')
    if "flicker" in found:
        parts.append("lit otherwise than the plane before")
        done.append('light="measure" brings planes to one light')
    if "drift" in found:
        parts.append("lit otherwise than the first")
        done.append('light="measure" brings planes to one light')
    if "place" in found:
        parts.append("of another place than all before")
        done.append(ALIGN)
    if "adrift" in found:
        parts.append("shifted against the plane before")
        done.append(ALIGN)
    if "order" in found:
        parts.append("out of the order in which focus changes")
        done.append(SORT)
    if "padded" in found:
        parts.append("of one value along a border, where others are not")
        done.append(PADDING_DONE[bool(health.gaps)])
    return " and ".join(parts), f": {', '.join(dict.fromkeys(done))}" if done else ""


def _light_found(health: PlaneHealth) -> str:
    """Say how a plane is lit."""
    if health.gain == 1:
        change = "brighter" if health.offset > 0 else "darker"
        return f"{change} by {abs(health.offset):.4g} than those around"
    return f"{health.gain:.2f} times as bright as those around"


def _light_done(health: PlaneHealth, copies: bool) -> str:
    """Say what was done about a light of its own."""
    if health.is_left_out:
        return "left out"
    if copies:
        return (
            "scaled to measure focus, and values copied only where they come near the others' "
            '(light="output" scales them)'
        )
    return "scaled to them" + (", without its clipped pixels" if health.tops else "")

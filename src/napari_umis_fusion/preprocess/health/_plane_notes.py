"""What was found of planes and done about it, in words: for notes and tables alike."""

from collections.abc import Iterable, Mapping

from napari_umis_fusion.preprocess.health._plane_health import Finding, PlaneHealth

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
ONE_LIGHT = 'light="measure" brings planes to one light'
BALANCE = "set the white balance of the camera once for all planes"
OTHER_DETAIL = "of detail that focus does not explain, as of noise or a second exposure"
UNEVEN = "brighter or darker in a part than those around, as by glare"
PADDED = "of one value along a border, where others are not"
TORN_DONE = "what was not written is left out"

ALONE: dict[Finding, str] = {
    "blank": "blank",
    "channel blank": "blank in a channel",
    "elsewhere": "of another place",
    "unlike": "unlike the planes before and after",
    "noisy": "full of noise",
    "lines": "of lines that are shifted or lit each by itself",
    "squares": "of larger pixels than the planes before and after (binning)",
    "duplicate": "the same as the plane before",
}
"""What is said of planes of which nothing else is said."""

PARTS: tuple[tuple[Finding, str, str], ...] = (
    ("torn", "torn", TORN_DONE),
    ("moved", MOVED, ALIGN),
    ("shifted", "shifted in some of its lines", "these are left out"),
    ("channels", "of channels in another order (as blue, green, red)", "put in that of the others"),
    ("part lit", "lit otherwise in some of its lines", "these are left out"),
    ("own detail", OTHER_DETAIL, LEAVE),
    ("jump", "lit otherwise than all before", ONE_LIGHT),
    ("flicker", "lit otherwise than the plane before", ONE_LIGHT),
    ("drift", "lit otherwise than the first", ONE_LIGHT),
    ("place", "of another place than all before", ALIGN),
    ("adrift", "shifted against the plane before", ALIGN),
    ("order", "out of the order in which focus changes", SORT),
)
"""What is said of others, and done."""


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
    left_out = ": left out" if health.is_left_out else ""
    for finding, what in ALONE.items():
        if finding in found:
            return what, left_out
    if "own detail" in found and health.is_left_out:
        return OTHER_DETAIL, left_out
    if "moved" in found and health.is_left_out:
        return MOVED, f": left out; {ALIGN}"
    parts = [(what, done) for finding, what, done in PARTS if finding in found]
    if "uneven" in found:
        parts.append((UNEVEN, LEAVE if health.by_place is None else _light_done(health, copies)))
    if health.lights or "exposure" in found:
        parts.insert(0, (_light_found(health), _light_done(health, copies)))
    elif "tint" in found:
        parts.append(("of other colours than all before", BALANCE))
    elif "clipped" in found:
        parts.insert(0, ("too bright nearly everywhere", "left out"))
    if "padded" in found:
        parts.append((PADDED, PADDING_DONE[bool(health.gaps or health.strips)]))
    if left_out and "torn" in found:
        parts = [(what, done.replace(TORN_DONE, "left out")) for what, done in parts]
    done = dict.fromkeys(done for _, done in parts)
    return " and ".join(what for what, _ in parts), f": {', '.join(done)}" if done else ""


def _light_found(health: PlaneHealth) -> str:
    """Say how a plane is lit."""
    if health.lights:
        return "of other colours than those around"
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

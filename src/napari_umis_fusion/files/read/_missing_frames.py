"""Planes that were never recorded: which ones, and what is left."""

from collections.abc import Collection, Sequence

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._axis_roles import AxisRoles

_WHY = "the acquisition stopped early, or files of the set are absent"


def complete_planes(
    frames: Sequence[Sequence[int]], missing: Collection[int], roles: AxisRoles
) -> tuple[list[int], tuple[str, ...]]:
    """Return the planes of which all channels are there.

    Parameters
    ----------
    frames : sequence of sequence of int
        For each plane, the frame of each channel.
    missing : collection of int
        Frames that were never recorded.
    roles : AxisRoles
        Roles of the axes, to name what is missing.

    Returns
    -------
    planes : list of int
        The planes that are complete.
    notes : tuple of str
        Which planes are missing.

    Raises
    ------
    StackFileError
        If no plane is there, or channels miss different planes.
    """
    lost = [[number in missing for number in numbers] for numbers in frames]
    empty = [z for z, channels in enumerate(lost) if all(channels)]
    kept = [z for z, channels in enumerate(lost) if not any(channels)]
    if len(kept) + len(empty) < len(lost):
        raise StackFileError(_uneven(lost, roles))
    where = "".join(f" at {axis}={number}" for axis, number in roles.fixed.items())
    if not kept:
        msg = f"no plane{where} was recorded: {_WHY}. Select another entry with index (--index)."
        raise StackFileError(msg)
    if not empty:
        return kept, ()
    verb = "is" if len(empty) == 1 else "are"
    told = f"{roles.z or 'z'} {_ranges(empty)} {verb} missing{where} ({_WHY})"
    return kept, (f"{told}: {len(kept)} of {len(lost)} planes are used",)


def _uneven(lost: Sequence[Sequence[bool]], roles: AxisRoles) -> str:
    channel = roles.channel or "C"
    counts = {k: [z for z, one in enumerate(lost) if one[k]] for k in range(len(lost[0]))}
    told = "; ".join(
        f"{channel}={k} misses {roles.z or 'z'} {_ranges(gone)}"
        for k, gone in counts.items()
        if gone
    )
    best = min(counts, key=lambda k: len(counts[k]))
    return (
        f"channels miss different planes: {told} ({_WHY}). Select one channel: "
        f'index={{"{channel}": {best}}} (--index {channel}={best}).'
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Write 0, 1, 2, 5 as "0 to 2, 5"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)

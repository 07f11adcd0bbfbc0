"""Which planes a sub-stack shows: the plane in focus of each stack, followed over time."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

import numpy as np

from napari_umis_fusion.config import ChannelRule
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.focus_measure import laplacian
from napari_umis_fusion.layers._focus_track import FocusTrack, peak_of, track_focus
from napari_umis_fusion.layers._stacks import LayerStacks, SpecimenKey
from napari_umis_fusion.layers._substack_config import SubstackConfig
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import (
    BoolMap,
    Float64Array,
    Progress,
    Workers,
    count_noun,
    repeat_event,
)
from napari_umis_fusion.stack import Stack, fill_invalid, place_of, read_plane

Position = tuple[int, ...]
"""Entries on all looped axes but time and channel."""


def iter_planes_in_focus(
    stacks: LayerStacks, channel: ChannelRule | int
) -> Generator[Progress, None, dict[SpecimenKey, float]]:
    """Return the plane in focus of each stack, by its entries on all looped axes but the channel.

    Between planes; NaN where no plane shows detail.
    """
    entries = {stacks.specimen(place[1]): place for place in stacks.places()}
    planes = len(stacks.span.planes)
    found: dict[SpecimenKey, float] = {}
    with Workers() as workers:
        for number, (specimen, place) in enumerate(entries.items()):
            stack = stacks.stack(place)
            begun = Progress("measuring", number * planes, planes * len(entries))
            setting_up = workers.result(workers.submit(GreyConverter, stack, channel))
            to_grey = yield from repeat_event(setting_up, begun)
            curve = np.empty(planes)
            for z in range(planes):
                job = workers.submit(_detail, stack, to_grey, z)
                event = Progress("measuring", begun.done + z, begun.total)
                curve[z] = yield from repeat_event(workers.result(job), event)
            found[specimen] = peak_of(curve)
    return found


def _detail(stack: Stack, to_grey: GreyConverter, z: int) -> float:
    """Return how much detail a plane shows; NaN if it holds no values."""
    checked = read_plane(stack, z, "ignore")
    if checked.invalid is not None and checked.invalid.all():
        return np.nan
    grey = to_grey(checked.plane)
    if checked.invalid is not None:
        fill_invalid(grey, checked.invalid)
    measure = laplacian(1.0, 2.0)
    # Small planes are mirrored, which a window wider than they are needs.
    grey = np.pad(grey, measure.halo_px, "symmetric") if min(grey.shape) < 64 else grey
    # Squared, so that the sharp parts of a plane decide and noise, which is everywhere, hardly.
    return float(np.mean(np.square(measure(np.ascontiguousarray(grey)), dtype=np.float64)))


@dataclass(slots=True)
class PlaneChoice:
    """The planes that are taken at each time point and position.

    Attributes
    ----------
    tracks, first_planes : dict
        As in `Substacks`.
    firsts : dict of tuple to int
        The first plane of each stack, by its entries on all looped axes but the channel.
    notes : list of str
        Information for the user.
    """

    tracks: dict[Position, FocusTrack] = field(default_factory=dict)
    first_planes: dict[Position, list[int]] = field(default_factory=dict)
    firsts: dict[SpecimenKey, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, stacks: LayerStacks, measured: Mapping[SpecimenKey, float], config: SubstackConfig
    ) -> "PlaneChoice":
        """Choose by the plane in focus of each stack; raises `StackError` if no stack has one."""
        axes = [axis for axis in stacks.loops if axis != stacks.axes.channel]
        time = place_of(stacks.first.axis_labels, "time")
        along = axes.index(time) if time in axes else None
        positions: dict[Position, list[SpecimenKey]] = {}
        for specimen in measured:
            position = tuple(one for place, one in enumerate(specimen) if place != along)
            key = specimen if along is None else position
            positions.setdefault(key, []).append(specimen)
        known = [one for one in measured.values() if np.isfinite(one)]
        if not known:
            raise StackError(
                "no plane of any stack shows more detail than the others; accepted are stacks in "
                "which focus changes along z. Check which axis is z."
            )
        chosen, planes = cls(), len(stacks.span.planes)
        for position, specimens in positions.items():
            of_times = np.array([measured[one] for one in specimens])
            track = _follow(of_times, config, float(np.median(known)))
            firsts = track.first_planes(config.around, planes)
            chosen.tracks[position], chosen.first_planes[position] = track, firsts
            chosen.firsts |= dict(zip(specimens, firsts, strict=True))
        chosen._note(config, planes, has_time=along is not None, stacks=len(measured))
        return chosen

    def _note(self, config: SubstackConfig, planes: int, *, has_time: bool, stacks: int) -> None:
        if stacks > 1 and not has_time:
            self.notes.append("no axis is named time: each stack has planes of its own")
        outliers = sum(int(track.outliers.sum()) for track in self.tracks.values())
        if outliers and config.follow == "smooth":
            self.notes.append(
                f"{outliers} of {stacks} time points were left aside: their plane in focus is "
                "unknown, or lies far off those before and after"
            )
        cut_off = sum(track.cut_off(config.around, planes) for track in self.tracks.values())
        if cut_off:
            reach = count_noun(config.around, "plane")
            self.notes.append(
                f"at {cut_off} of {stacks} time points, the plane in focus is nearer to an end of "
                f"the stack than {reach}, and not in the middle of the sub-stack"
            )


def _follow(measured: Float64Array, config: SubstackConfig, elsewhere: float) -> FocusTrack:
    """Return the way through the planes in focus; `elsewhere` where this position shows nothing."""
    nowhere: BoolMap = ~np.isfinite(measured)
    if nowhere.all():
        return FocusTrack(measured, np.full(len(measured), elsewhere), nowhere)
    if config.follow == "median":
        return FocusTrack(measured, np.full(len(measured), np.nanmedian(measured)), nowhere)
    if config.follow == "each":
        times = np.arange(len(measured))
        filled = np.interp(times, times[~nowhere], measured[~nowhere])
        return FocusTrack(measured, filled, nowhere)
    return track_focus(measured, config.smooth_over)

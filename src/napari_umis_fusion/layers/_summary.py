"""Notes, alignments and provenance of all stacks of a layer."""

import math
from dataclasses import dataclass, replace
from typing import Any

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.fusion import FusionResult, copies_values
from napari_umis_fusion.layers._axes import axis_name
from napari_umis_fusion.layers._stacks import LayerStacks, LoopPlace
from napari_umis_fusion.preprocess.health import PlaneHealth, notes_on

MAX_COUNTED_PX = 1_000_000
"""Pixels of a stack that are looked at for a share in percent: all of them would take seconds."""

MAX_NAMED = 6
"""Stacks that a note lists."""


@dataclass(frozen=True, slots=True)
class CheckedStack:
    """What was found of the planes of one stack.

    Attributes
    ----------
    name : str
        Which of several stacks, such as ``t=3``; empty for a single one.
    planes : tuple of PlaneHealth
        Of all planes, counted as the layer counts them.
    copies : bool
        Whether values were copied as recorded.
    """

    name: str
    planes: tuple[PlaneHealth, ...]
    copies: bool


class FusionSummary:
    """Collects notes, alignments and provenance while stacks are fused.

    Parameters
    ----------
    stacks : LayerStacks
        The stacks that are fused.

    Attributes
    ----------
    alignments : tuple of Alignment
        One per specimen, or one for all; empty without alignment.
    """

    def __init__(self, stacks: LayerStacks) -> None:
        self._stacks = stacks
        places = list(stacks.places())
        self._count = len(places)
        self._specimens = {stacks.specimen(entries): entries for _, entries in places}
        found = [stacks.alignment_at(entries) for entries in self._specimens.values()]
        self.alignments = tuple(dict.fromkeys(one for one in found if one is not None))
        self._said: dict[str, list[LoopPlace]] = {}
        self._checked: list[CheckedStack] = []
        self._provenance: dict[str, Any] = {}
        self._shares: list[float] = []

    @property
    def checked(self) -> tuple[CheckedStack, ...]:
        """What was found of the planes of each stack."""
        return tuple(self._checked)

    @property
    def never_in_focus(self) -> float:
        """Mean share of the pixels of a stack that no plane shows in focus, 0 to 1."""
        return sum(self._shares) / max(1, len(self._shares))

    @property
    def notes(self) -> tuple[str, ...]:
        """Information for the user: each note once, with the stacks that it is about if not all."""
        moved = [alignment_note(self.alignments)] if self.alignments else []
        return (*moved, *(self._with_places(*said) for said in self._said.items()))

    def add(self, result: FusionResult, place: LoopPlace) -> None:
        """Add the result of the stack at a place."""
        summary = None if result.alignment is None else result.alignment.summary()
        planes, copies = self._healths_in_layer(result), copies_values(result.config)
        own = notes_on(result.health, copies=copies)
        others = [note for note in result.notes if note not in (summary, *own)]
        for note in dict.fromkeys([*others, *notes_on(planes, copies=copies)]):
            self._said.setdefault(note, []).append(place)
        name = self._name_of(place) if self._count > 1 else ""
        self._checked.append(CheckedStack(name, planes, copies))
        self._provenance = self._provenance or result.provenance
        step = math.ceil(math.sqrt(result.focus_map.size / MAX_COUNTED_PX)) or 1
        sparse = replace(result, focus_map=result.focus_map[::step, ::step])
        self._shares.append(float(sparse.never_in_focus().mean()))

    def provenance(self) -> dict[str, Any]:
        """Return the provenance of the first stack, with the notes and alignments of all."""
        every = {**self._provenance, "notes": list(self.notes), "stacks": self._count}
        if self._count > 1:
            every.pop("health", None)  # of the first stack; the notes are of all
        if len(self.alignments) > 1:
            window = every.pop("alignment")["window"]
            for light in ("illumination", "defects"):  # these describe the first stack only
                every.pop(light, None)
            every["alignments"] = [
                {
                    **alignment.describe(),
                    **alignment.light.describe(),
                    "window": window,
                    "place": self._named(entries),
                }
                for alignment, entries in zip(
                    self.alignments, self._specimens.values(), strict=True
                )
            ]
        return every

    def _healths_in_layer(self, result: FusionResult) -> tuple[PlaneHealth, ...]:
        """Return the healths of planes, counted as the layer counts them."""
        first = self._stacks.span.planes.start
        return tuple(replace(one, z=first + one.z) for one in result.health)

    def _with_places(self, note: str, places: list[LoopPlace]) -> str:
        if len(places) == self._count:
            return note
        named = [self._name_of(place) for place in places[:MAX_NAMED]]
        more = f" and {len(places) - MAX_NAMED} more" if len(places) > MAX_NAMED else ""
        return f"{'; '.join(named)}{more}: {note}"

    def _name_of(self, place: LoopPlace) -> str:
        """Return which stack this is, such as ``t=3, c=0``."""
        layer, entries = place
        stacks = self._stacks
        parts = [f"{axis_name(stacks.first, axis)}={entry}" for axis, entry in entries.items()]
        if stacks.plan.each_channel and len(stacks.images) > 1:
            parts.append(repr(stacks.images[layer].name))
        return ", ".join(parts)

    def _named(self, entries: dict[int, int]) -> dict[str, int]:
        """Return the entries that identify a specimen, by the names of the axes."""
        axes = [axis for axis in self._stacks.loops if axis != self._stacks.axes.channel]
        return {axis_name(self._stacks.first, axis): entries[axis] for axis in axes}


def alignment_note(alignments: tuple[Alignment, ...]) -> str:
    """Summarise the alignment of one stack or several in a sentence."""
    if len(alignments) == 1:
        return alignments[0].summary()
    moved = sum(one.is_needed for one in alignments)
    return f"{moved} of {len(alignments)} stacks {'was' if moved == 1 else 'were'} aligned"

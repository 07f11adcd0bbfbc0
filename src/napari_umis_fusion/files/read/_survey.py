"""What is understood of several image files before any is opened, and what the user may choose."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files._layer_attributes import LayerData
from napari_umis_fusion.files.names import FileGrid, arrange, arrange_stacks, oddly_named
from napari_umis_fusion.files.read._grid_layers import Selected, grid_layers, take_part
from napari_umis_fusion.files.read._grid_stack import UNREAD, grid_calibration
from napari_umis_fusion.files.read._image_files import Header, ImageFiles
from napari_umis_fusion.files.read._layers import name_of, origin_of, read_layers
from napari_umis_fusion.files.read._listing import (
    PathsLike,
    in_natural_order,
    list_source,
)
from napari_umis_fusion.files.read._not_planes import leave_out
from napari_umis_fusion.files.read._ome_order import in_told_order
from napari_umis_fusion.files.read._stack_files import header_or_stack, stack_layers
from napari_umis_fusion.stack import Calibration

_ALL = Selected()


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What is understood of several image files.

    Attributes
    ----------
    name : str
        Name of the folder, or of the first file.
    origin : str or list of str
        The folder, or the files, as layers record them.
    grid : FileGrid
        The files, arranged by what their names count.
    headers : mapping of pathlib.Path to Header
        Of each file; empty where each is a stack of its own, and for a single file.
    left_out : mapping of pathlib.Path to str
        Each file that is not read, with the reason.
    """

    name: str
    origin: str | list[str]
    grid: FileGrid
    headers: Mapping[Path, Header]
    left_out: Mapping[Path, str]

    @property
    def holds_stacks(self) -> bool:
        """Whether each file is a stack of its own, or the only one."""
        return not self.headers

    @property
    def is_clear(self) -> bool:
        """Whether there is nothing to ask: complete planes of one stack, or a single file."""
        if len(self.grid.files) == 1 and not self.left_out:
            return True
        letters = [axis.letter for axis in self.grid.axes]
        is_plain = letters in ([], ["Z"]) and self.grid.is_sure and not self.holds_stacks
        return is_plain and not (self.left_out or self.grid.missing or self.grid.skips)

    @property
    def calibration(self) -> Calibration:
        """Physical sizes that the files tell; unknown for stacks."""
        if self.holds_stacks:
            return Calibration()
        files = ImageFiles(list(self.grid.files.values()), headers=self.headers)
        return grid_calibration(self.grid, files)

    def part(self, selected: Selected) -> FileGrid:
        """Return the files that a selection names; raises `StackFileError` if there are none."""
        return take_part(self.grid, selected)

    def layers(self, selected: Selected = _ALL) -> list[LayerData]:
        """Read the files, or those that are selected, as `read_layers` does.

        Raises
        ------
        StackFileError
            If a file is broken, or the selection names none.
        """
        if not self.holds_stacks:
            return grid_layers(self.grid, self.name, self.origin, selected, self.headers)
        part = self.part(selected)
        if len(part.files) == 1:
            return read_layers(next(iter(part.files.values())))
        return stack_layers(part, self.name)


def survey_files(source: PathsLike) -> Survey:
    """Find out what several image files are; only names and headers are read.

    Files that would make `read_layers` refuse all of them are left out, with a reason: those of
    other sizes or names than most, and those that are broken.

    Parameters
    ----------
    source : path, glob, folder or sequence of these
        As for `read_layers`; the order of a list does not count.

    Raises
    ------
    StackFileError
        If no image is there, names contradict each other, or files are of two kinds in equal
        numbers.
    """
    listing = in_natural_order(list_source(source))
    paths = listing.paths
    name, origin = name_of(paths, source), origin_of(paths, source)
    if len(paths) == 1:
        return Survey(name, origin, arrange(paths), {}, {})
    kept = leave_out(paths)
    left_out = dict(kept.gone) | dict.fromkeys(listing.unread, UNREAD)
    odd = oddly_named(kept.paths)
    left_out |= dict.fromkeys(odd, "named otherwise than most files")
    named = [path for path in kept.paths if path not in odd]
    headers, unlike = _alike(named)
    left_out |= unlike
    if odd or unlike:  # the folder itself would be refused
        origin = [str(path.absolute()) for path in headers]
    known = {path: header for path, header in headers.items() if header is not None}
    grid = in_told_order(arrange(list(known))) if known else arrange_stacks(list(headers))
    return Survey(name, origin, grid, known, left_out)


def _alike(paths: Sequence[Path]) -> tuple[dict[Path, Header | None], dict[Path, str]]:
    """Return the headers of the files of the commonest kind, and why others are left out."""
    headers: dict[Path, Header | None] = {}
    unlike: dict[Path, str] = {}
    for path in paths:
        try:
            headers[path] = header_or_stack(path)
        except StackFileError as error:
            unlike[path] = str(error).removeprefix(f"{path}: ")
    if not headers:
        msg = f"{paths[0].parent}: none of the images can be read; the first {unlike[paths[0]]}"
        raise StackFileError(msg)
    counts = Counter(_kind(header) for header in headers.values())
    (kind, count), *others = counts.most_common()
    if others and others[0][1] == count:  # raises: neither kind is the odd one
        ImageFiles(list(headers), headers={p: h for p, h in headers.items() if h is not None})
    for path, header in headers.items():
        if _kind(header) != kind:
            unlike[path] = f"is {header or 'a stack'}, unlike most files"
    return {path: one for path, one in headers.items() if path not in unlike}, unlike


def _kind(header: Header | None) -> object:
    return None if header is None else header.kind

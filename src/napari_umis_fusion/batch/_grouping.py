"""What a search for stacks finds: stacks, and what belongs to none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_umis_fusion.batch._stacks_of_file import open_as
from napari_umis_fusion.stack import Stack


@dataclass(frozen=True, slots=True)
class BatchStack:
    """A stack that was found, not opened yet.

    Attributes
    ----------
    name : str
        Folder and name of its results, without extension, such as "plate/beetle"; unique in a
        batch.
    files : tuple of Path
        Its plane images in focal order, or one file that holds all planes.
    index : mapping of str to int
        What is selected of the other axes of that file.
    notes : tuple of str
        What was assumed.
    z_axis : str or None
        The axis that is z where nothing else says what is.
    """

    name: str
    files: tuple[Path, ...]
    index: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    z_axis: str | None = None

    def open(self) -> Stack:
        """Open the stack; raises `StackFileError` if a file is broken."""
        source = self.files[0] if len(self.files) == 1 else list(self.files)
        return open_as(source, self.z_axis, self.index or None)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that belongs to no stack.

    Attributes
    ----------
    path : Path
        Which.
    reason : str
        Why, for the user.
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Grouping:
    """All stacks of a batch, before any is opened.

    Attributes
    ----------
    stacks : tuple of BatchStack
        In natural order.
    left_out : tuple of LeftOut
        What belongs to none.
    """

    stacks: tuple[BatchStack, ...]
    left_out: tuple[LeftOut, ...]

"""Image files that hold one plane each, all alike."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._content import named_otherwise
from napari_umis_fusion.files.read._file_state import FileState
from napari_umis_fusion.files.read._listing import is_tiff
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._not_planes import named
from napari_umis_fusion.files.read._tiff import TiffStack, open_tiff
from napari_umis_fusion.presets import ChannelOptics
from napari_umis_fusion.stack import Calibration, Plane

_SAME_SIZE = 1.01
"""Pixel sizes that differ by less are rounded otherwise."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of an image file tells of its planes.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) or (Y, X, C), of one plane.
    dtype : numpy.dtype
        Of its values.
    rgb : bool
        Whether the last axis holds colour.
    calibration : Calibration
        Physical sizes.
    z_um : float or None
        Position of the only plane, in µm.
    planes : int
        Number of planes.
    is_mosaic : bool
        Whether the file says that it is a Bayer mosaic.
    optics : tuple of ChannelOptics
        How its channels were taken; empty if unknown.
    notes : tuple of str
        What is assumed about its pixels.
    orientation : int
        How EXIF says that pixels are turned, 1 (as stored) to 8; they come upright.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rgb: bool
    calibration: Calibration
    z_um: float | None = None
    planes: int = 1
    is_mosaic: bool = False
    optics: tuple[ChannelOptics, ...] = ()
    notes: tuple[str, ...] = ()
    orientation: int = 1

    @property
    def kind(self) -> tuple[bool, tuple[int, ...], np.dtype[Any]]:
        """What all files have in common that belong together."""
        return self.planes > 1, self.shape, self.dtype

    def __str__(self) -> str:
        return f"{' × '.join(map(str, self.shape))} {self.dtype}"


class ImageFiles:
    """Image files that hold one plane each: TIFF, PNG, JPEG, BMP or WebP.

    All headers are read and compared when it is created, pixels on demand.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        The files.
    index : mapping of str to int
        The index to select of further axes in TIFF files.
    headers : mapping of pathlib.Path to Header, optional
        Those of the files, if they have been read already.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) or (Y, X, C), of every plane.
    dtype : numpy.dtype
        Of every plane.
    rgb : bool
        Whether the last axis holds colour.
    is_mosaic : bool
        Whether all files say that they are a Bayer mosaic.
    calibration : Calibration
        Physical sizes that the files tell.
    z_um : dict
        Position of each file along z, in µm; None if unknown.
    notes : tuple of str
        What is assumed about the pixels of some.

    Raises
    ------
    StackFileError
        If a file is broken, holds several planes, or differs from most others in size or dtype.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        index: Mapping[str, int] | None = None,
        headers: Mapping[Path, Header] | None = None,
    ) -> None:
        self._index = dict(index or {})
        known = headers or {}
        # At once: an error in the last file should not end a long fusion.
        self._states = {path: _state_of(path) for path in paths}
        headers = {path: known.get(path) or image_header(path, self._index) for path in paths}
        for path, header in headers.items():
            if header.planes > 1:
                raise StackFileError(_several_planes(path, header.planes))
        usual = _usual(headers)
        self.shape, self.dtype, self.rgb = usual.shape, usual.dtype, usual.rgb
        self.is_mosaic = all(header.is_mosaic for header in headers.values())
        self.calibration, sizes_note = _usual_sizes([one.calibration for one in headers.values()])
        self._optics = {path: header.optics for path, header in headers.items()}
        self.z_um = {path: header.z_um for path, header in headers.items()}
        notes = (note for header in headers.values() for note in header.notes)
        self.notes = (*dict.fromkeys(notes), *sizes_note, *_turned(headers))

    def read(self, path: Path, rows: slice = slice(None), columns: slice = slice(None)) -> Plane:
        """Read a rectangle of a plane, and no more than that from uncompressed TIFF.

        Raises
        ------
        StackFileError
            If the file is broken, missing, or no longer the one whose header was read.
        """
        with naming_read_errors(path), self._states[path].kept(path):
            return self._read(path, rows, columns)

    def _read(self, path: Path, rows: slice, columns: slice) -> Plane:
        if is_tiff(path):
            with self._open(path) as stack:
                return stack.region(0, rows, columns)
        from napari_umis_fusion.files.read._images import read_image  # loads Pillow

        plane = read_image(path)
        if plane.shape != self.shape:
            raise StackFileError(_changed(path, plane.shape, self.shape))
        return plane[rows, columns]

    def optics_of(self, paths: Iterable[Path]) -> tuple[ChannelOptics, ...]:
        """Return how the channels of files were taken; empty if they tell nothing, or disagree."""
        known = {self._optics[path] for path in paths}
        return known.pop() if len(known) == 1 else ()

    def _open(self, path: Path) -> TiffStack:
        return open_tiff(path, index=self._index, one_plane=True)


def _state_of(path: Path) -> FileState:
    with naming_read_errors(path):
        return FileState.of(path)


def image_header(path: Path, index: Mapping[str, int] | None = None) -> Header:
    """Read the header of an image file; raises `StackFileError` if it is broken or ambiguous."""
    told = named_otherwise(path)
    notes = () if told is None else (told,)
    if not is_tiff(path):
        from napari_umis_fusion.files.read._images import read_image_header  # loads Pillow

        header = read_image_header(path)
        optics = (ChannelOptics(lens=header.lens),) if header.lens else ()
        return Header(
            header.shape,
            header.dtype,
            len(header.shape) == 3,
            Calibration(),
            optics=optics,
            notes=(*notes, *header.notes),
            orientation=header.orientation,
        )
    with open_tiff(path, index=index, one_plane=True) as stack:
        shape, sizes, count = stack.shape[1:], stack.calibration, len(stack)
        found = stack.dtype, stack.rgb, sizes, stack.z_um, count, stack.is_mosaic
        return Header(shape, *found, stack.optics, (*notes, *stack.source_notes))


def _several_planes(path: Path, count: int) -> str:
    return (
        f"{path}: holds {count} planes; accepted in a list of files is one plane per file. Open "
        "this file alone, leave it out, or, where each file is a stack, select one with index "
        "(--index), or fuse all with umis-fusion batch."
    )


def _usual(headers: Mapping[Path, Header]) -> Header:
    """Return the header of most files; the first that differs is to blame."""
    counts = Counter(header.kind for header in headers.values())
    (kind, count), *others = counts.most_common()
    usual = next(header for header in headers.values() if header.kind == kind)
    if not others:
        return usual
    odd = next(path for path, header in headers.items() if header.kind != kind)
    like = next(path for path, header in headers.items() if header.kind == kind)
    is_most = count > others[0][1]
    rest = (
        f", but {count} of the {len(headers)} files, such as {like.name}, are"
        if is_most
        else (f" but the first file, {like.name}, is")
    )
    msg = (
        f"{odd}: is {headers[odd]}{rest} {usual}; all planes must have the same size and dtype. "
        f"{_way(headers[odd].shape, usual.shape)}, or leave it out."
    )
    raise StackFileError(msg)


def _turned(headers: Mapping[Path, Header]) -> tuple[str, ...]:
    """Return a note on files that are turned unlike most, as cameras that look down do."""
    counts = Counter(header.orientation for header in headers.values())
    ((usual, _),) = counts.most_common(1)
    odd = [path for path, header in headers.items() if header.orientation != usual]
    if not odd:
        return ()
    return (f"turned otherwise than most, as EXIF says: {named(odd)}; check that they lie alike",)


def _usual_sizes(told: Sequence[Calibration]) -> tuple[Calibration, tuple[str, ...]]:
    """Return the sizes that most files tell, and a note where pixel sizes differ."""
    known = [one for one in told if one != Calibration()]
    if not known:
        return Calibration(), ()
    ((usual, _),) = Counter(known).most_common(1)
    widths = [one.pixel_width_um for one in known if one.pixel_width_um is not None]
    if not widths or max(widths) <= _SAME_SIZE * min(widths):
        return usual, ()
    note = (
        f"files tell different pixel sizes, {min(widths):.4g} to {max(widths):.4g} µm, of which "
        f"{usual.pixel_width_um or widths[0]:.4g} µm is used; check that all have one magnification"
    )
    return usual, (note,)


def _way(odd: tuple[int, ...], usual: tuple[int, ...]) -> str:
    if odd[:2] == usual[1::-1] and odd[2:] == usual[2:]:
        return "Rotate the file, which lies on its side, by its EXIF orientation perhaps"
    return "Crop or convert the file"


def _changed(path: Path, got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return (
        f"{path}: has shape {got} now and had {wanted} when the stack was opened: the file was "
        "changed. Open the stack again."
    )

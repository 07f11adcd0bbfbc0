"""Files of other programs, and how they become TIFFs."""

from pathlib import Path

_RAW = ".dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .orf .rw2 .pef .srw .x3f .3fr .iiq"
_MICROSCOPE = (
    ".czi .nd2 .lif .lof .xlef .oib .oif .oir .vsi .ims .zvi .lei .dv .r3d .mrxs .vms .bif .zarr "
    ".h5 .hdf5 .sld .nii .mrc .dcm .am .ics .ids"
)
_PICTURES = ".heic .heif .avif .jxl .jp2 .gif .psd .exr .fits .fit .mp4 .avi .mov"


def kind_of_file(path: Path) -> str:
    """Return what a file is that is not read, by its extension."""
    suffix = path.suffix.lower()
    if suffix in _RAW.split():
        return "is a raw file of a camera, which is not read"
    if suffix in _MICROSCOPE.split():
        return "is a format of microscope programs that is not read"
    return "is a kind of file that is not read"


def way_to_tiff(path: Path) -> str:
    """Return a sentence on how a file can be converted; empty if that is not known."""
    suffix = path.suffix.lower()
    if suffix in _RAW.split():
        return " Develop raw files to TIFF first, all planes of a stack with equal settings."
    if suffix in _MICROSCOPE.split():
        return f" Save {suffix} files as OME-TIFF first, in Fiji or with bfconvert (Bio-Formats)."
    if suffix in _PICTURES.split():
        return f" Convert {suffix} files to PNG or TIFF first."
    return ""

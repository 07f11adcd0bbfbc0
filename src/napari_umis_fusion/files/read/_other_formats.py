"""Files of other programs, and how they can be read, or become TIFFs."""

from pathlib import Path

from napari_umis_fusion.runtime import are_installed, install_command

_RAW = ".dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .orf .rw2 .pef .srw .x3f .3fr .iiq"
_MICROSCOPE = ".h5 .hdf5 .gel .lsc"
_ARRAYS = {".npy": "numpy.load", ".npz": "numpy.load", ".mat": "scipy.io.loadmat"}
_PACKED = (".zip", ".gz", ".7z", ".rar", ".tar", ".ozx")
_PICTURES = ".heic .heif .avif .jxl .jp2 .gif .psd .exr .fits .fit .mp4 .avi .mov"

EXTRA_PLUGINS = ("bioio-lif", "bioio-nd2")
"""Plugins of bioio that the extra installs: under BSD and MIT licences."""

_PLUGINS = {
    ".czi": "bioio-czi",
    ".dv": "bioio-dv",
    ".lif": "bioio-lif",
    ".nd2": "bioio-nd2",
    ".r3d": "bioio-dv",
    ".sldy": "bioio-sldy",
}
_BY_BIO_FORMATS = (
    ".am .bif .dcm .ics .ids .ims .lei .lof .mrc .mrxs .nii .oib .oif .oir .sld .vms .vsi .xlef "
    ".zvi"
)
_LICENCES = {"bioio-czi": "GPL 3", "bioio-bioformats": "of which Bio-Formats is under GPL 2"}

BIOIO_SUFFIXES = tuple(sorted((*_PLUGINS, *_BY_BIO_FORMATS.split())))
"""Extensions of the files of microscope programs that bioio reads, by a plugin for each."""


def is_for_bioio(path: Path) -> bool:
    """Whether bioio reads a file, by its extension."""
    return path.suffix.lower() in BIOIO_SUFFIXES


def bioio_is_installed() -> bool:
    """Whether bioio can be imported; imports nothing."""
    return are_installed(("bioio",))


def kind_of_file(path: Path) -> str:
    """Return what a file is that is not read, by its extension."""
    suffix = path.suffix.lower()
    if suffix in _RAW.split():
        return "is a raw file of a camera, which is not read"
    if is_for_bioio(path):
        return "is of a microscope program, whose files bioio reads, which is not installed"
    if suffix in _MICROSCOPE.split():
        return "is a format of microscope programs that is not read"
    return "is a kind of file that is not read"


def way_to_read(path: Path) -> str:
    """Return a sentence on how a file can be read or converted; empty if that is not known."""
    suffix = path.suffix.lower()
    if suffix in _RAW.split():
        return " Develop raw files to TIFF first, all planes of a stack with equal settings."
    if is_for_bioio(path):
        if bioio_is_installed():
            return f" Name one {suffix} file, or fuse all of them with umis-fusion batch."
        return f" {way_to_install(path)}{_or_convert(suffix)}"
    if suffix in _MICROSCOPE.split():
        return f" Save {suffix} files as OME-TIFF first, in Fiji or with bfconvert (Bio-Formats)."
    if suffix in _PACKED:
        return " Unpack it first."
    if suffix in _ARRAYS:
        how = _ARRAYS[suffix]
        return f" Load arrays in Python with {how}, and give them to napari_umis_fusion.fuse."
    if suffix in _PICTURES.split():
        return f" Convert {suffix} files to PNG or TIFF first."
    return ""


def has_plugin(path: Path) -> bool:
    """Whether the plugin of bioio that is recommended for a file is installed."""
    return are_installed((_plugin_for(path).replace("-", "_"),))


def _plugin_for(path: Path) -> str:
    return _PLUGINS.get(path.suffix.lower(), "bioio-bioformats")


def way_to_install(path: Path) -> str:
    """Return a sentence on what to install for a file, and its licence."""
    plugin = _plugin_for(path)
    command = install_command("bioio")
    if plugin in EXTRA_PLUGINS:
        return f"Install it with {command}, then restart."
    licence = f" ({_LICENCES[plugin]})" if plugin in _LICENCES else ""
    return f"Install it with {command} {plugin}{licence}, then restart."


def _or_convert(suffix: str) -> str:
    return f" Or save {suffix} files as OME-TIFF, in Fiji or with bfconvert (Bio-Formats)."

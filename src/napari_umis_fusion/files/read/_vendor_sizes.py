"""Physical sizes in the headers of microscope programs that tifffile parses, in µm."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tifffile import TiffFile
from tifffile.tifffile import svs_description_metadata

from napari_umis_fusion.files.read._told_sizes import ToldSizes, signed_um
from napari_umis_fusion.stack import Calibration

_MICRO_MANAGER_TAG = 51123


def vendor_sizes(tif: TiffFile) -> ToldSizes | None:
    """Return the sizes that the program of a microscope wrote; None if there are none.

    Parameters
    ----------
    tif : tifffile.TiffFile
        MetaMorph (STK, MetaSeries), LSM, FluoView, ScanImage, Olympus SIS, Micro-Manager, electron
        microscopes of Zeiss and FEI, or Aperio.

    Returns
    -------
    ToldSizes or None
    """
    for is_kind, read in _READERS.items():
        if getattr(tif, is_kind, False):
            return _read_or_note(read, tif, is_kind.removeprefix("is_"))
    return None


def _read_or_note(read: Callable[[TiffFile], ToldSizes], tif: TiffFile, kind: str) -> ToldSizes:
    """Read a header; where it is not as expected, the image can still be fused."""
    try:
        return read(tif)
    except Exception:  # these headers have no specification, and parsers raise anything
        return ToldSizes(notes=(f"the {kind} header cannot be read; sizes are unknown",))


def _told(
    step: Any, height: Any, width: Any, unit: Any, positions: Sequence[Any] = ()
) -> ToldSizes:
    sizes = [signed_um(size, unit) for size in (step, height, width)]
    places = {z: _position_um(place, unit) for z, place in enumerate(positions)}
    known = {z: place for z, place in places.items() if place is not None}
    return ToldSizes(Calibration(sizes[0], _positive(sizes[1]), _positive(sizes[2])), known)


def _positive(size: float | None) -> float | None:
    return None if size is None else abs(size)


def _position_um(value: Any, unit: Any) -> float | None:
    return 0.0 if value == 0 else signed_um(value, unit)


def _metamorph(tif: TiffFile) -> ToldSizes:
    header = tif.stk_metadata or {}
    unit = header.get("CalibrationUnits")
    # The distance of each plane from the one before it; that of the first is not used.
    steps = [float(step) for step in header.get("ZDistance", ())][1:]
    places = [0.0]
    for step in steps:
        places.append(places[-1] + step)
    positions = places if steps and all(steps) else ()
    height, width = header.get("YCalibration"), header.get("XCalibration")
    return _told(None, height, width, unit, positions)


def _metaseries(tif: TiffFile) -> ToldSizes:
    header = tif.metaseries_metadata or {}
    plane = header.get("PlaneInfo", {})
    unit = plane.get("spatial-calibration-units", "um")
    is_told = plane.get("spatial-calibration-state") is not False
    height, width = (plane.get(f"spatial-calibration-{axis}") if is_told else None for axis in "yx")
    # MetaMorph drives the stage in µm, whatever the unit of the pixels.
    place = plane.get("z-position")
    told = _told(None, height, width, unit)
    return ToldSizes(told.sizes, {} if place is None else {0: float(place)})


def _lsm(tif: TiffFile) -> ToldSizes:
    header = tif.lsm_metadata or {}
    step, height, width = (header.get(f"VoxelSize{axis}") for axis in "ZYX")
    return _told(step, height, width, "m")


def _fluoview(tif: TiffFile) -> ToldSizes:
    header = tif.fluoview_metadata or {}
    sizes: dict[str, float | None] = {}
    for name, _, _, resolution, unit in header.get("Dimensions", ()):
        sizes[str(name).upper()] = signed_um(resolution, str(unit).strip())
    height, width = _positive(sizes.get("Y")), _positive(sizes.get("X"))
    return ToldSizes(Calibration(sizes.get("Z"), height, width))


def _scanimage(tif: TiffFile) -> ToldSizes:
    header = (tif.scanimage_metadata or {}).get("FrameData") or {}
    manager = "SI.hStackManager"
    step = header.get(f"{manager}.actualStackZStepSize") or header.get(f"{manager}.stackZStepSize")
    places = header.get(f"{manager}.zs", ())
    positions = places if isinstance(places, list | tuple) else ()
    return _told(step, None, None, "um", positions)


def _sis(tif: TiffFile) -> ToldSizes:
    header = tif.sis_metadata or {}
    told = _told(None, header.get("pixelsizey"), header.get("pixelsizex"), "m")
    places = [float(place) for place in header.get("Z", {}).get("ZPos", ())]
    # The INI section counts in µm.
    return ToldSizes(told.sizes, _told(None, None, None, "um", places).positions_um)


def _micro_manager(tif: TiffFile) -> ToldSizes:
    summary: Mapping[str, Any] = {}
    if tif.is_mmstack:
        summary = (tif.micromanager_metadata or {}).get("Summary") or {}
    page = tif.pages.first.tags.valueof(_MICRO_MANAGER_TAG)
    page = page if isinstance(page, dict) else {}
    pixel = page.get("PixelSizeUm") or summary.get("PixelSize_um") or summary.get("PixelSizeUm")
    step = summary.get("z-step_um") or summary.get("zStep_um")
    place = page.get("ZPositionUm")
    told = _told(step, pixel, pixel, "um")
    return ToldSizes(told.sizes, {} if place is None else {0: float(place)})


def _zeiss_sem(tif: TiffFile) -> ToldSizes:
    header = tif.sem_metadata or {}
    _, size, unit = header.get("ap_image_pixel_size") or header["ap_pixel_size"]
    return _told(None, size, size, unit)


def _fei(tif: TiffFile) -> ToldSizes:
    header = tif.fei_metadata or {}
    scan = header.get("Scan") or header.get("EScan") or {}
    return _told(None, scan.get("PixelHeight"), scan.get("PixelWidth"), "m")


def _aperio(tif: TiffFile) -> ToldSizes:
    header = svs_description_metadata(tif.pages.first.description)
    return _told(None, header.get("MPP"), header.get("MPP"), "um")


_READERS: dict[str, Callable[[TiffFile], ToldSizes]] = {
    "is_stk": _metamorph,
    "is_metaseries": _metaseries,
    "is_lsm": _lsm,
    "is_fluoview": _fluoview,
    "is_scanimage": _scanimage,
    "is_sis": _sis,
    "is_micromanager": _micro_manager,
    "is_sem": _zeiss_sem,
    "is_fei": _fei,
    "is_svs": _aperio,
}

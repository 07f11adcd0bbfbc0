"""Whether the values of an input are still those that were fused, by the state of their files."""

from collections.abc import Iterable

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr import stored_values
from napari_umis_fusion.scale._markers import Markers, created_marker, read_marker, write_marker
from napari_umis_fusion.scale._run_plan import RunPlan

_SHOWN = 5


def check_values(plan: RunPlan, numbers: Iterable[int]) -> None:
    """Refuse fields of which values have changed since their fusion began.

    Parameters
    ----------
    plan : RunPlan
        The run.
    numbers : iterable of int
        Fields; those of which nothing is fused yet are passed over.

    Raises
    ------
    StackFileError
        It names the fields, and what to do.
    """
    changed = [number for number in sorted(numbers) if _has_changed(plan, number)]
    if not changed:
        return
    names = [plan.source.fields[number].name or "the input" for number in changed]
    folder = created_marker(plan, changed[0]).parent
    more = " ..." if len(names) > _SHOWN else ""
    raise StackFileError(
        f"{plan.output}: values of {', '.join(names[:_SHOWN])}{more} have changed since they were "
        f"fused, or while they were. Choose another output, or remove {folder}"
        f"{', and those of the others,' if len(names) > 1 else ''} to fuse it again."
    )


def _has_changed(plan: RunPlan, number: int) -> bool:
    marker = created_marker(plan, number)
    content = read_marker(marker) if marker.is_file() else {}
    known = content.get("values", "")
    now = known and stored_values(plan.source.fields[number].array)
    if now == known:
        return False
    cells = [cell for cell in plan.cells if cell.field == number]
    if any(Markers(plan, cell).holds_work for cell in cells):
        return True
    write_marker(marker, {**content, "values": now})  # such as a broken chunk that was replaced
    return False

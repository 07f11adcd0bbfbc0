"""The groups of a plate above its fields: plate, rows, wells."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_umis_fusion.files.ome_zarr import needs_scale
from napari_umis_fusion.runtime import read_json
from napari_umis_fusion.scale._run_plan import RunPlan
from napari_umis_fusion.scale._target import write_group


def write_plate(plan: RunPlan) -> None:
    """Write what the output says of its plate; nothing for an image.

    Names, acquisitions and numbers of wells are those of the input.
    """
    told = plan.source.plate
    if told is None:
        return
    _write_groups(plan.output, told, [one.name for one in plan.source.fields], plan.made_by)


def add_to_plate(output: Path, told: Mapping[str, Any], names: Sequence[str]) -> None:
    """Write the groups above fields of a plate, and keep those that are there already.

    Parameters
    ----------
    output : Path
        The plate.
    told : mapping
        What the plate of the input says of itself.
    names : sequence of str
        The fields, such as ``B/03/0``.
    """
    known = [one for one in _fields_in(output, told) if one not in names]
    every = [*known, *names]
    wells = {name.rpartition("/")[0] for name in every}
    chosen = [well for well in told["wells"] if well["path"] in wells]
    _write_groups(output, {**told, "wells": chosen}, every, None)


def _fields_in(output: Path, told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields of a plate that was written before."""
    for well in told["wells"]:
        group = output / well["path"] / "zarr.json"
        if group.is_file():
            images = read_json(group)["attributes"]["ome"]["well"]["images"]
            yield from (f"{well['path']}/{image['path']}" for image in images)


def _write_groups(
    output: Path, told: Mapping[str, Any], names: Sequence[str], made_by: Mapping[str, Any] | None
) -> None:
    """Write the groups of a plate, its rows and its wells."""
    with needs_scale():
        from yaozarrs import v05

    by_well: dict[str, list[str]] = {}
    for name in names:
        well, _, field = name.rpartition("/")
        by_well.setdefault(well, []).append(field)
    for well, fields in by_well.items():
        images = [v05.FieldOfView(path=field) for field in fields]
        write_group(output / well.split("/")[0])
        write_group(output / well, v05.Well(well=v05.WellDef(images=images)))
    known = {name: told[name] for name in v05.PlateDef.model_fields if name in told}
    plate: Any = v05.PlateDef.model_validate(known)
    write_group(output, v05.Plate(plate=plate), made_by)

"""The groups of a plate above its fields: plate, rows, wells."""

from typing import Any

from napari_umis_fusion.scale._extra import needs_scale
from napari_umis_fusion.scale._run_plan import RunPlan
from napari_umis_fusion.scale._target import write_group


def write_plate(plan: RunPlan) -> None:
    """Write what the output says of its plate; nothing for an image.

    Names, acquisitions and numbers of wells are those of the input.
    """
    told = plan.source.plate
    if told is None:
        return
    with needs_scale():
        from yaozarrs import v05

    by_well: dict[str, list[str]] = {}
    for one in plan.source.fields:
        well, _, field = one.name.rpartition("/")
        by_well.setdefault(well, []).append(field)
    for well, fields in by_well.items():
        images = [v05.FieldOfView(path=field) for field in fields]
        write_group(plan.output / well.split("/")[0])
        write_group(plan.output / well, v05.Well(well=v05.WellDef(images=images)))
    known = {name: told[name] for name in v05.PlateDef.model_fields if name in told}
    plate: Any = v05.PlateDef.model_validate(known)
    write_group(plan.output, v05.Plate(plate=plate), plan.made_by)

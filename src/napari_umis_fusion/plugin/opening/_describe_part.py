"""What is understood of files, and what of them a choice opens, in sentences."""

from napari_umis_fusion.files.read import Selected, Survey
from napari_umis_fusion.runtime import capitalised, count_noun
from napari_umis_fusion.stack import Calibration


def describe_files(survey: Survey) -> str:
    """Return how many files there are, what each holds, and what was assumed."""
    count = len(survey.grid.files)
    if survey.holds_stacks:
        kind = "each a stack of its own" if count > 1 else "a stack"
    else:
        header = next(iter(survey.headers.values()))
        of_one = "each one plane of" if count > 1 else "one plane of"
        kind = f"{of_one} {header}{_sizes(survey.calibration)}"
    lines = [f"{survey.name}: {count_noun(count, 'file')}, {kind}."]
    if survey.grid.missing:
        lines.append(f"Missing of the set: {count_noun(survey.grid.missing, 'file')}.")
    lines += [f"{capitalised(note)}." for note in survey.grid.notes]
    return "\n".join(lines)


def describe_part(survey: Survey, selected: Selected) -> str:
    """Return what is opened of the files.

    Raises
    ------
    StackFileError
        If the selection names no file.
    """
    part = survey.part(selected)
    if survey.holds_stacks:
        if len(part.files) == 1:
            return "Opens 1 stack, as it is."
        sliders = " and ".join(axis.letter for axis in part.axes)
        return (
            f"Opens {len(part.files)} stacks, with a slider for {sliders} if their sizes agree, "
            "else each in layers of its own."
        )
    sizes = {axis.letter: axis for axis in part.axes}
    z = sizes.pop("Z", None)
    channels = sizes.pop("C", None)
    layers = "one layer" if channels is None else f"{len(channels)} layers, one for each channel,"
    planes = "a single plane" if z is None else count_noun(len(z), "plane")
    sliders = ", ".join(f"{axis.letter} ({len(axis)})" for axis in sizes.values())
    moved = f", with sliders for {sliders}" if sliders else ""
    gaps = f" {count_noun(part.missing, 'missing plane')} will be blank." if part.missing else ""
    return f"Opens {layers} of {planes}{moved}.{gaps}"


def _sizes(known: Calibration) -> str:
    told = [
        f"z step {known.z_step_um:.4g} µm" if known.z_step_um else "",
        f"pixel {known.pixel_width_um:.4g} µm" if known.pixel_width_um else "",
        "uneven steps" if known.z_positions_um else "",
    ]
    shown = ", ".join(filter(None, told))
    return f"; {shown}" if shown else "; no sizes in µm"

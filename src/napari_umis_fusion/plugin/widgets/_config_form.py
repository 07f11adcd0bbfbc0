"""A form for any config: the metadata of its fields gives rows, bounds, help and conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields, replace
from typing import Any

from magicgui.widgets import CheckBox, FloatSpinBox, LineEdit, SpinBox

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.widgets._choice_names import NO_NAMES, ChoiceNames
from napari_umis_fusion.plugin.widgets._form import Form
from napari_umis_fusion.plugin.widgets._names_box import choice_box
from napari_umis_fusion.runtime import help_with_bounds, is_used, label_of


class ConfigForm(Form):
    """A row for each field of a config; rows without effect are greyed out, or hidden.

    Parameters
    ----------
    config : dataclass instance
        Initial values. Its fields describe themselves in their metadata, see
        `napari_umis_fusion.runtime`.
    names : sequence of str, optional
        Fields with a row in this order, by default all. The others keep their value in the config
        that was set last.
    rows : mapping of str to row, optional
        Custom rows, by the name of the field.
    more : sequence of rows
        Further rows below, without a field.
    hides_unused : bool
        Hide rows without effect instead of greying them out.
    choice_names : ChoiceNames
        Plain names of the choices.
    """

    def __init__(
        self,
        config: Any,
        names: Sequence[str] | None = None,
        *,
        rows: Mapping[str, Any] | None = None,
        more: Sequence[Any] = (),
        hides_unused: bool = False,
        choice_names: ChoiceNames = NO_NAMES,
    ) -> None:
        self._config, self._hides_unused = config, hides_unused
        every = {spec.name: spec for spec in fields(config)}
        self.specs = every if names is None else {name: every[name] for name in names}
        given = rows or {}
        described = self.specs.items()
        made = (given.get(name) or row_of(spec, choice_names) for name, spec in described)
        super().__init__([*made, *more])
        self.setValue(config)

    def value(self) -> Any:
        """Return the config of the rows.

        Raises
        ------
        ConfigError
            If a row holds no valid number, or rows contradict each other.
        """
        values = {name: self._field_value(spec) for name, spec in self.specs.items()}
        return replace(self._config, **values)

    def setValue(self, config: Any) -> None:  # noqa: N802
        """Show a config."""
        self._config = config
        self.set_row_values(
            {
                name: self._shown_value(spec, getattr(config, name))
                for name, spec in self.specs.items()
            }
        )

    def is_used(self, name: str) -> bool:
        """Return whether a field has an effect, given the other rows."""
        return is_used(self.specs[name], _RowValues(self))

    def _field_value(self, spec: Field[Any]) -> Any:
        value = self[spec.name].value
        if not isinstance(self[spec.name], NumberRow):
            return value
        if "any_number" in spec.metadata and not value.strip():
            return None
        try:
            return float(value)
        except ValueError:
            raise ConfigError(
                f"{label_of(spec)} is {value!r}; accepted is a number such as 0.001 or 1e-3."
            ) from None

    def _shown_value(self, spec: Field[Any], value: Any) -> Any:
        if not isinstance(self[spec.name], NumberRow):
            return value
        return "" if value is None else repr(value)

    def _update_rows(self) -> None:
        for name in self.specs:
            if self._hides_unused:
                self.show_row(name, self.is_used(name))
            else:
                self.enable_row(name, self.is_used(name))


class NumberRow(LineEdit):
    """A number to type: a spin box cannot show both 1e-8 and 1e6."""


class _RowValues:
    """The values of the rows as attributes, even if they form no valid config."""

    def __init__(self, form: ConfigForm) -> None:
        self._form = form

    def __getattr__(self, name: str) -> Any:
        is_shown = name in self._form.specs
        return self._form[name].value if is_shown else getattr(self._form._config, name)


def described_row(spec: Field[Any], choice_names: ChoiceNames = NO_NAMES) -> dict[str, str]:
    """Return name, label and tooltip of the row of a field."""
    label, unit = label_of(spec), spec.metadata.get("unit")
    return {
        "name": spec.name,
        "label": f"{label} ({unit})" if unit else label,
        "tooltip": choice_names.in_plain_words(spec, help_with_bounds(spec)),
    }


def row_of(spec: Field[Any], choice_names: ChoiceNames = NO_NAMES) -> Any:
    """Return the row of a field, from its metadata."""
    meta, common = spec.metadata, described_row(spec, choice_names)
    if "choices" in meta:
        return choice_box(**common, choices=choice_names.choices(spec), value=spec.default)
    if isinstance(spec.default, bool):
        return CheckBox(**common, text="", value=spec.default)
    if "text" in meta:
        return LineEdit(**common, value=spec.default)
    if "any_number" in meta:
        return NumberRow(**common, value="")
    if isinstance(spec.default, float) and "step" not in meta:  # no step fits the whole range
        return NumberRow(**common, value=repr(spec.default))
    limits = {"min": meta["min"], "max": meta["max"], "value": spec.default}
    if isinstance(spec.default, float):
        return FloatSpinBox(**common, **limits, step=meta["step"])
    return SpinBox(**common, **limits)

"""The initial config of the widget: defaults, and the values set in napari's preferences."""

import napari.settings

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError

PLUGIN = "napari-umis-fusion"
SET_IN_NAPARI = ("focus_measure", "blend", "device", "memory_mb")


def default_config() -> FusionConfig:
    """Return the config of napari's preferences; napari before 0.9 has no plugin preferences."""
    get_plugin_settings = getattr(napari.settings, "get_plugin_settings", None)
    if get_plugin_settings is None:
        return FusionConfig()
    try:
        settings = get_plugin_settings(PLUGIN).fusion
        return FusionConfig(**{name: getattr(settings, name) for name in SET_IN_NAPARI})
    except (AttributeError, KeyError, ConfigError):
        # The plugin is not registered, or a settings file was edited by hand.
        return FusionConfig()

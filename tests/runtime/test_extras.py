"""Extras: what is told where their packages are missing."""

import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import are_installed, needs_extra

WORK = ("surface", ("umis_absent", "umis_other"), "files are written by umis_absent", ConfigError)


def test_a_missing_package_is_told_with_the_command_that_installs_it():
    with pytest.raises(ConfigError) as told, needs_extra(*WORK):
        import umis_absent.inside  # noqa: F401
    assert str(told.value) == (
        "files are written by umis_absent, but umis_absent is not installed. Install it with "
        'pip install "napari-umis-fusion[surface]", then restart.'
    )


def test_other_errors_pass():
    with pytest.raises(ModuleNotFoundError, match="umis_third"), needs_extra(*WORK):
        import umis_third  # noqa: F401
    with pytest.raises(ZeroDivisionError), needs_extra(*WORK):
        _ = 1 / 0
    with needs_extra(*WORK):
        pass


def test_what_is_installed_is_known_without_an_import():
    assert are_installed(("numpy", "json"))
    assert not are_installed(("numpy", "umis_absent"))

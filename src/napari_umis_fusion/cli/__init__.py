"""The command line, `umis-fusion`."""

from napari_umis_fusion.cli.main import main

__all__ = ["main"]

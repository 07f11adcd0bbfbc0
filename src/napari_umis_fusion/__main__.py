"""Run the command line with ``python -m napari_umis_fusion``."""

import sys

from napari_umis_fusion.cli import main

sys.exit(main())

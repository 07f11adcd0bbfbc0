"""Widgets independent of fusion and training: forms, run controls, jobs, charts.

A widget with a value has ``value()``, ``setValue()`` and the signal ``valueChanged``.
"""

from napari_umis_fusion.plugin.widgets._chart import Chart
from napari_umis_fusion.plugin.widgets._chart_axis import GRID_ALPHA
from napari_umis_fusion.plugin.widgets._config_form import ConfigForm, described_row, row_of
from napari_umis_fusion.plugin.widgets._confirm import confirm
from napari_umis_fusion.plugin.widgets._form import Form, QtRow
from napari_umis_fusion.plugin.widgets._job import Job, Progress, format_duration
from napari_umis_fusion.plugin.widgets._latest_job import LatestJob
from napari_umis_fusion.plugin.widgets._plot_colours import ColouredPlot, distinct, ensure_contrast
from napari_umis_fusion.plugin.widgets._run_controls import RunControls
from napari_umis_fusion.plugin.widgets._saving import file_to_write
from napari_umis_fusion.plugin.widgets._section import section
from napari_umis_fusion.plugin.widgets._vertical_scroll import VerticalScroll
from napari_umis_fusion.plugin.widgets._worker import PATIENCE_S

__all__ = [
    "GRID_ALPHA",
    "PATIENCE_S",
    "Chart",
    "ColouredPlot",
    "ConfigForm",
    "Form",
    "Job",
    "LatestJob",
    "Progress",
    "QtRow",
    "RunControls",
    "VerticalScroll",
    "confirm",
    "described_row",
    "distinct",
    "ensure_contrast",
    "file_to_write",
    "format_duration",
    "row_of",
    "section",
]

"""The tasks of this package, from which fractal-task-tools writes the manifest that Fractal reads.

Run in the root of the repository::

    fractal-manifest create --package napari_umis_fusion --task-list-path scale._fractal_tasks
"""

from fractal_task_tools.task_models import CompoundTask

AUTHORS = "the napari-umis-fusion developers"
DOCS_LINK = "https://napari-umis-fusion.github.io/napari-umis-fusion/plates/"

TASK_LIST = [
    CompoundTask(
        name="Fuse z-stacks (extended depth of field)",
        executable_init="scale/init_fuse_z.py",
        executable="scale/fuse_z.py",
        meta_init={"cpus_per_task": 1, "mem": 1000},
        meta={"cpus_per_task": 2, "mem": 8000},
        input_types={"is_3D": True},
        output_types={"is_3D": False},
        category="Image Processing",
        tags=["Projection", "Extended depth of field", "Focus stacking", "3D"],
    )
]

"""Clusters of dask that a small file describes: started for a run, and closed after it."""

import os
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.ome_zarr import needs_scale
from napari_umis_fusion.runtime import needs_extra, read_text, reason_of, user_path

SYSTEMS = {
    "htcondor": "HTCondorCluster",
    "local": "LocalCluster",
    "lsf": "LSFCluster",
    "moab": "MoabCluster",
    "oar": "OARCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "slurm": "SLURMCluster",
}
"""Classes of dask-jobqueue, and that of dask for this machine."""

_KEYS = ("system", "workers", "options")
# A block holds its maps in memory, so that a worker fuses one at a time.
_DEFAULTS: dict[str, Any] = {"cores": 1, "processes": 1}
_LOCAL = {"threads_per_worker": 1, "dashboard_address": ":0"}


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """A cluster.

    Attributes
    ----------
    system : str
        One of `SYSTEMS`.
    workers : int
        How many processes fuse blocks, each one at a time.
    options : dict
        Arguments of the class, such as ``queue``, ``memory`` and ``walltime``.
    """

    system: str
    workers: int
    options: dict[str, Any] = field(default_factory=dict)


def read_cluster(path: str | os.PathLike[str]) -> ClusterPlan:
    """Read the description of a cluster; nothing is started.

    Parameters
    ----------
    path : path
        A file of TOML with ``system``, ``workers`` and a table ``options``.

    Raises
    ------
    ConfigError
        If it cannot be read, or a value is not accepted.
    """
    place = user_path(path)
    try:
        content = tomllib.loads(read_text(place))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{place}: cannot be read as the description of a cluster ({reason_of(error)}); "
            'accepted is TOML, such as system = "slurm", workers = 8 and a table [options].'
        ) from error
    unknown = [name for name in content if name not in _KEYS]
    if unknown:
        raise ConfigError(
            f"{place}: {', '.join(unknown)} is not known; accepted are {', '.join(_KEYS)}. "
            "Arguments of the cluster belong into the table [options]."
        )
    plan = ClusterPlan(
        content.get("system", ""), content.get("workers", 0), content.get("options", {})
    )
    if plan.system not in SYSTEMS:
        raise ConfigError(f"{place}: system={plan.system!r}; accepted are {', '.join(SYSTEMS)}.")
    if type(plan.workers) is not int or plan.workers < 1:
        raise ConfigError(f"{place}: workers={plan.workers!r}; accepted are numbers from 1.")
    if not isinstance(plan.options, dict):
        raise ConfigError(f"{place}: options={plan.options!r}; accepted is a table [options].")
    return plan


@contextmanager
def open_cluster(plan: ClusterPlan) -> Generator[Any]:
    """Start a cluster, and close it, with all its jobs, when the context is left.

    Parameters
    ----------
    plan : ClusterPlan
        What is started.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ConfigError
        If dask-jobqueue is missing, or the class does not accept its arguments.
    """
    with needs_scale():
        connect: Any = import_module("distributed").Client
    kind = _class_of(plan.system)
    try:
        cluster = kind(**_arguments(plan))
    except Exception as error:  # whatever a class checks of its arguments
        raise ConfigError(
            f"the cluster ({plan.system}) cannot be started with {plan.options}: "
            f"{reason_of(error)}. Change the table [options] of its file."
        ) from error
    with cluster:
        if plan.system != "local":
            cluster.scale(plan.workers)
        with connect(cluster, set_as_default=False) as client:
            yield client


def _class_of(system: str) -> Any:
    if system == "local":
        return import_module("distributed").LocalCluster
    purpose = f"jobs of {system} are submitted by dask-jobqueue"
    with needs_extra("cluster", ("dask_jobqueue",), purpose, ConfigError):
        return getattr(import_module("dask_jobqueue"), SYSTEMS[system])


def _arguments(plan: ClusterPlan) -> dict[str, Any]:
    if plan.system == "local":
        return {**_LOCAL, **plan.options, "n_workers": plan.workers}
    return {**_DEFAULTS, **plan.options}

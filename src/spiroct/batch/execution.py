"""Where a batch runs: processes of this machine, a Dask scheduler that is there, or a cluster that a file describes."""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.errors import InputError, MissingExtraError, UsageError

GIB_PER_SCAN = 3.0
TIME_LIMIT_S = 1800.0
RETRIES = 1
CONNECT_S = 20
CLUSTERS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
}


@dataclass(frozen=True)
class Execution:
    """How the scans of a batch are shared out.

    Parameters
    ----------
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``; its workers see the same files and have spiroct.
    cluster : Path, optional
        TOML file: ``kind`` ("local", or a queue that dask-jobqueue knows, such as "slurm"), ``jobs``, and a table
        ``options`` of what its class takes, such as ``queue``, ``cores``, ``memory``, ``walltime``.
    workers : int, optional
        Processes on this machine; by default as many as cores and memory allow.
    time_limit_s : float
        For one scan; its worker is stopped and the scan listed as failed.
    retries : int
        How often a scan is tried again whose worker died.
    """

    scheduler: str | None = None
    cluster: Path | None = None
    workers: int | None = None
    time_limit_s: float = TIME_LIMIT_S
    retries: int = RETRIES

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        given = [n for n, v in (("--scheduler", self.scheduler), ("--cluster", self.cluster)) if v is not None]
        if len(given) > 1 or (given and self.workers is not None):
            names = [*given, *(["--workers"] if self.workers is not None else [])]
            raise UsageError(" with ".join(names), "a batch runs in one place", "give one of them")
        if self.time_limit_s <= 0:
            raise UsageError(
                f"--time-limit {self.time_limit_s:g}", "a scan has more than 0 seconds", "use such as 1800"
            )
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers {self.workers}", "a batch needs 1 process at least", "use such as 2")


@contextmanager
def connected(execution: Execution) -> Iterator[Any]:
    """Open a Dask client on the place of execution and close what was opened.

    Raises
    ------
    MissingExtraError
        If Dask, or for a queue dask-jobqueue, is not installed.
    InputError
        If the scheduler does not answer or the file of the cluster is not usable.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("Dask is not installed", "--scheduler and --cluster need it", _HOW) from None
    if execution.scheduler is not None:
        try:
            client = Client(execution.scheduler, timeout=CONNECT_S)
        except (OSError, ValueError) as refused:
            raise InputError(
                f"--scheduler {execution.scheduler} does not answer ({refused})",
                "it is the address of a running Dask scheduler",
                "start one with 'dask scheduler' and give the address that it prints",
            ) from None
        with client:
            yield client
        return
    import dask

    with _own_environment():
        # One death of a worker is told at once: whether the scan is tried again is decided by whoever asked.
        with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
            cluster = _local(execution.workers) if execution.cluster is None else _described(execution.cluster)
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def _own_environment() -> Iterator[None]:
    """Put this process's environment back: to hand variables to its workers, Dask sets them here and leaves them."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def local_workers() -> int:
    """Count the processes that this machine can feed: one for each core, and 3 GiB for each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(_memory_gib() / GIB_PER_SCAN)))


def _memory_gib() -> float:
    from distributed.system import MEMORY_LIMIT  # that of the container where there is one

    return float(MEMORY_LIMIT) / 1024**3


def _local(workers: int | None) -> Any:
    import dask
    from distributed import LocalCluster

    count = workers or local_workers()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = str(max(1, cores // count))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    # In the place of Dask's own variables: its MALLOC_TRIM_THRESHOLD_ hands every freed array back to the system, which
    # takes a fifth of a scan's time.
    with dask.config.set({"distributed.nanny.pre-spawn-environ": dict.fromkeys(names, threads)}):
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=int(_memory_gib() * 1024**3 / count),
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # any free port, where 8787 is another batch's
            silence_logs=logging.CRITICAL,
        )


def _described(path: Path) -> Any:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputError(f"--cluster {path} cannot be read ({fault})", "it is a TOML file", _CLUSTER_FILE) from None
    kind, options, jobs = document.get("kind"), dict(document.get("options", {})), int(document.get("jobs", 1))
    if kind == "local":
        return _local(jobs)
    if kind not in CLUSTERS:
        raise InputError(f"--cluster {path}: kind {kind!r}", f"it is local, {', '.join(CLUSTERS)}", _CLUSTER_FILE)
    try:
        import dask_jobqueue
    except ImportError:
        raise MissingExtraError("dask-jobqueue is not installed", f"kind {kind} needs it", _HOW) from None
    try:
        cluster = getattr(dask_jobqueue, CLUSTERS[kind])(**options)
    except (TypeError, ValueError) as fault:
        raise InputError(f"--cluster {path} is refused ({fault})", f"options are those of {kind}", "mend it") from None
    cluster.scale(jobs=jobs)
    return cluster


_HOW = "run 'pip install spiroct[cluster]'"
_CLUSTER_FILE = 'write kind = "slurm", jobs = 10 and a table [options] with queue, cores, memory and walltime'

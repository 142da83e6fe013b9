"""Says what a machine with a GPU has and lacks, before its time is spent: `python benchmarks/gpu_check.py`.

Exit code 1: a package that benchsuite needs, or that one of these needs, is missing or too old, or benchsuite would not see
the GPUs that torch sees.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

TOOLS = {"git": "the gate", "g++": "compiled steps", "nvidia-smi": "a look at the GPU"}
"""Programs by what wants them."""
PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def missing(texts: list[str]) -> list[str]:
    """Return those of these requirements, and of all that the installed ones want, that are not met.

    Wheels that are brought along are installed without looking at what they want.
    """
    found, seen = [], set()
    waiting = [("", text) for text in texts]
    while waiting:
        wanted_by, text = waiting.pop(0)
        requirement = Requirement(text)
        if text in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(text)
        wanted = f"{requirement}{wanted_by and f' ({wanted_by} wants it)'}"
        try:
            there = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{wanted}: not installed")
            continue
        if not requirement.specifier.contains(there.version, prereleases=True):
            found.append(f"{wanted}: {there.version} is installed")
        waiting += [(requirement.name, text) for text in there.requires or ()]
    return found


def unseen_gpus() -> str:
    """Return why benchsuite would skip every CUDA variant though torch sees a GPU; empty: it would not."""
    import torch

    from benchsuite.environment import unmet
    from benchsuite.scenario import CUDA

    reason = unmet(CUDA) if torch.cuda.is_available() else None
    return f"torch sees a GPU, benchsuite does not: {reason}" if reason else ""


def describe_gpus() -> list[str]:
    """Return a line for torch and one for each GPU that it sees."""
    import torch

    lines = [f"torch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"]
    if not torch.cuda.is_available():
        return [*lines, "no CUDA device"]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        lines.append(
            f"GPU {index}: {properties.name}, {properties.total_memory / 2**30:.0f} GiB, "
            f"{properties.multi_processor_count} multiprocessors, {torch.cuda.get_arch_list()}"
        )
    return lines


def main() -> int:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    print(f"Python {platform.python_version()} at {sys.executable}, {platform.platform()}")
    print(f"{len(os.sched_getaffinity(0))} cores may be used")
    lacking = missing(project["dependencies"])
    for line in lacking:
        print(f"MISSING {line}")
    for extra in ("nvidia", "test"):
        for line in missing(project["optional-dependencies"][extra]):
            print(f"missing, of the extra {extra}: {line}")
    for tool, wanted_by in TOOLS.items():
        if shutil.which(tool) is None:
            print(f"missing, {wanted_by} wants it: {tool}")
    for line in describe_gpus():
        print(line)
    unseen = "" if lacking else unseen_gpus()
    if unseen:
        print(f"MISSING {unseen}")
    return 1 if lacking or unseen else 0


if __name__ == "__main__":
    sys.exit(main())

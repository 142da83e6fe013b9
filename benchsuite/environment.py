"""What machine and software this is, and what a variant needs of it.

Gathered in the parent process: torch is never imported and CUDA never initialised. Nothing here
holds the host's name, a user's name or a clock reading, so facts may be kept and compared.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite import cgroup, nvml, procfs
from benchsuite.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.scenario import Requirement

NOT_COMPARED = frozenset({"machine.os", "machine.kernel", "machine.memory_bytes"})
"""Facts that are shown but leave two measurements comparable: images are patched, and the memory a
virtual machine sees changes by some pages from boot to boot (a limit set on it is compared)."""
COMPILER_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a measurement's machine is; empty strings stand for what could not be read."""

    cpu_model: str
    num_cores: int
    """Cores that a run can keep busy: the affinity mask, lowered to the CPU quota."""
    num_cores_online: int
    cpu_quota: float | None
    """Cores' worth of time that the control groups allow; None: no limit."""
    threads_per_core: int
    memory_bytes: int
    """Memory that processes here can have: the machine's, lowered to the control groups' limit."""
    memory_limit_bytes: int | None
    os: str
    kernel: str
    python: str
    gpus: tuple[str, ...]
    hypervisor: str
    """What the virtual machine runs on, "unknown" where that is hidden; empty: no sign of one."""
    container: str
    governor: str

    def describe(self) -> str:
        """Say what this machine is, in one line for the terminal."""
        cores = f"{self.num_cores} core{'s' if self.num_cores > 1 else ''}"
        if self.num_cores < self.num_cores_online:
            cores += f" of {self.num_cores_online}"
        if self.cpu_quota is not None:
            cores += f" (quota {self.cpu_quota:g})"
        limit = " (limit)" if self.memory_limit_bytes == self.memory_bytes else ""
        virtual = "virtual machine" + (f" ({self.hypervisor})" if self.hypervisor != "unknown" else "")
        parts = [
            self.cpu_model,
            cores,
            f"{self.memory_bytes / 2**30:.1f} GiB{limit}",
            _counted(self.gpus) or "no GPU",
            self.os,
            f"Python {self.python}",
            self.container,
            virtual if self.hypervisor else "",
        ]
        return ", ".join(part for part in parts if part)


def read_machine(root: Path = procfs.ROOT) -> Machine:
    """Gather the facts of this machine; `root` is where /proc, /sys and /etc are looked for."""
    import platform

    cpus = procfs.usable_cpus(root)
    limit = cgroup.memory_limit_bytes(root)
    memory = procfs.memory_bytes(root)
    return Machine(
        cpu_model=procfs.cpu_model(root),
        num_cores=len(usable_cores(root)),
        num_cores_online=max(len(cpus), os.cpu_count() or 1) if root == procfs.ROOT else len(cpus),
        cpu_quota=cgroup.cpu_quota(root),
        threads_per_core=procfs.threads_per_core(root),
        memory_bytes=memory if limit is None else min(memory, limit),
        memory_limit_bytes=limit,
        os=procfs.os_name(root),
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        gpus=nvml.visible_gpus().names,
        hypervisor=procfs.hypervisor(root),
        container=procfs.container(root),
        governor=procfs.governor(root),
    )


def usable_cores(root: Path = procfs.ROOT) -> tuple[int, ...]:
    """Return the numbers of the cores to pin workers to: the affinity mask, as many as the CPU quota feeds."""
    cpus = sorted(procfs.usable_cpus(root))
    quota = cgroup.cpu_quota(root)
    return tuple(cpus if quota is None else cpus[: max(1, int(quota))])


def comparable_facts(
    machine: Mapping[str, Any], environment: Mapping[str, Any], data: Mapping[str, Any]
) -> dict[str, str]:
    """Return what must agree for two measurements to be comparable, as flat `name: value` strings.

    Args:
        machine: a `Machine` as `dataclasses.asdict` gives it, or as `run.json` holds it.
        environment: what the worker saw: torch, BLAS, threads, allocator, variables.
        data: which data were used, with their checksums.
    """
    facts: dict[str, str] = {}
    for name, values in (("machine", machine), ("environment", environment), ("data", data)):
        _flatten(name, values, facts)
    return {name: value for name, value in sorted(facts.items()) if name not in NOT_COMPARED}


def fingerprint(machine: Mapping[str, Any], environment: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return twelve hexadecimal digits that are equal where all comparable facts are."""
    import hashlib

    facts = comparable_facts(machine, environment, data)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def differences(base: Mapping[str, str], head: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Return the facts in which two measurements differ, as `name: (base, head)`; None: not there."""
    names = sorted({*base, *head})
    return {name: (base.get(name), head.get(name)) for name in names if base.get(name) != head.get(name)}


@functools.cache
def unmet(requirement: Requirement) -> str | None:
    """Return why a requirement is not met on this machine, with the remedy; None: it is met.

    The answer is looked for once in a process.

    Raises:
        UsageError: the requirement's argument makes no sense.
    """
    match requirement.kind:
        case "cuda":
            return _unmet_cuda(requirement.argument or "1")
        case "cxx_compiler":
            return _unmet_compiler()
        case "module":
            return _unmet_module(requirement.argument)
        case "never":
            return requirement.argument
    raise UsageError(f"requirement {requirement.kind!r}: the kinds are cuda, cxx_compiler, module and never")


def _unmet_cuda(argument: str) -> str | None:
    if not re.fullmatch("[1-9][0-9]{0,3}", argument):
        raise UsageError(f"requirement cuda: {argument!r} is no number of GPUs")
    needed = int(argument)
    installed, visible = nvml.installed_gpus(), len(nvml.visible_gpus().names)
    if installed.problem:
        return installed.problem
    if visible < needed <= len(installed.names):
        return f"CUDA_VISIBLE_DEVICES leaves {visible} of {len(installed.names)} GPUs: unset it"
    if visible == 0:
        return "no NVIDIA GPU is visible"
    if visible < needed:
        return f"{needed} NVIDIA GPUs are needed, {visible} can be seen"
    return _torch_without_cuda()


def _torch_without_cuda() -> str | None:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return "torch is not installed: pip install torch torchvision"
    text = procfs.read_text(Path(spec.origin).parent / "version.py") or ""
    if re.search(r"^cuda\b[^=\n]*=\s*['\"]\d", text, re.MULTILINE):
        return None
    version = re.search(r"^__version__\b[^=\n]*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    name = f"torch {version[1]}" if version else "torch"
    return f"{name} was built without CUDA: install a CUDA build of torch"


def _unmet_compiler() -> str | None:
    """Look for what TorchInductor calls: $CXX or else the platform's usual name, nothing more."""
    import shlex
    import shutil
    import subprocess
    import sysconfig

    usual = "clang++" if sys.platform == "darwin" else "g++"
    compiler = os.environ.get("CXX", usual)
    try:
        subprocess.run(
            [*shlex.split(compiler), "--version"],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=COMPILER_SECONDS,
        )
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        if compiler != usual:
            return f"the C++ compiler {compiler!r} that CXX names does not run: set CXX to one that does"
        other = next((name for name in ("clang++", "c++") if name != usual and shutil.which(name)), None)
        return f"no C++ compiler was found: install {usual} or set CXX" + (f"={other}" if other else "")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "Python.h was not found, which compiled code includes: install Python's headers (python3-dev)"
    return None


def _unmet_module(name: str) -> str | None:
    """Look for a module without importing the packages around it, as `find_spec` of a dotted name would."""
    top, *inner = name.split(".")
    spec = importlib.util.find_spec(top) if top else None
    for part in inner:
        within = spec.submodule_search_locations if spec else None
        top = f"{top}.{part}"
        spec = importlib.machinery.PathFinder.find_spec(top, within) if within else None
    return None if spec else f"the Python module {name!r} is not installed"


def _flatten(name: str, value: Any, into: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, into)
    else:
        into[name] = value if isinstance(value, str) else json.dumps(value, default=str)


def _counted(names: tuple[str, ...]) -> str:
    counts = {name: names.count(name) for name in names}
    return " + ".join(f"{count} x {name}" if count > 1 else name for name, count in counts.items())

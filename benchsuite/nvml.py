"""Which NVIDIA GPUs are there, asked of the driver's management library: CUDA is never initialised."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARY = "libnvidia-ml.so.1"
DRIVER_NOT_LOADED = 9
LIBRARY_OF_ANOTHER_VERSION = 18
NAME_BYTES = 96


@dataclass(frozen=True, slots=True)
class Gpus:
    """The GPUs that the driver knows, by name, or why it could not be asked."""

    names: tuple[str, ...] = ()
    problem: str = ""
    """Empty where there is simply no driver, or where all went well."""


def visible_gpus(environ: Mapping[str, str] = os.environ) -> Gpus:
    """Return the GPUs that a CUDA program started here would see."""
    gpus = installed_gpus()
    if gpus.names and "CUDA_VISIBLE_DEVICES" in environ:
        return Gpus(visible_names(gpus.names, environ["CUDA_VISIBLE_DEVICES"]))
    return gpus


def visible_names(names: tuple[str, ...], visible: str) -> tuple[str, ...]:
    """Return what CUDA_VISIBLE_DEVICES leaves of the GPUs: its entries up to the first that is not one.

    An entry that names a GPU by UUID counts without being looked up, and is called "GPU".
    """
    left: list[str] = []
    taken: set[str] = set()
    for entry in (word.strip() for word in visible.split(",")):
        if entry in taken:
            return ()
        taken.add(entry)
        if entry.startswith(("GPU-", "MIG-")):
            left.append(names[0] if len(set(names)) == 1 else "GPU")
        elif re.fullmatch("[0-9]{1,4}", entry) and int(entry) < len(names):
            left.append(names[int(entry)])
        else:
            break
    return tuple(left)


@functools.cache
def installed_gpus(library: str = LIBRARY) -> Gpus:
    """Ask the driver for its GPUs; a machine without a driver has none."""
    import ctypes

    try:
        nvml = ctypes.CDLL(library)
    except OSError:
        return Gpus()
    code = nvml.nvmlInit_v2()
    if code == LIBRARY_OF_ANOTHER_VERSION:
        return Gpus(
            problem="the NVIDIA driver and its library are of different versions: restart the machine"
        )
    if code == DRIVER_NOT_LOADED:
        return Gpus(problem="the NVIDIA driver is installed but not loaded: load it or restart the machine")
    if code:
        return Gpus(problem=f"the NVIDIA driver answers with error {code}: see what nvidia-smi says")
    try:
        return Gpus(tuple(_name(nvml, index) for index in range(_count(nvml))))
    finally:
        nvml.nvmlShutdown()


def _count(nvml: Any) -> int:
    import ctypes

    count = ctypes.c_uint(0)
    return count.value if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0 else 0


def _name(nvml: Any, index: int) -> str:
    import ctypes

    device = ctypes.c_void_p()
    name = ctypes.create_string_buffer(NAME_BYTES)
    failed = nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device))
    failed = failed or nvml.nvmlDeviceGetName(device, name, ctypes.c_uint(NAME_BYTES))
    return "GPU" if failed else name.value.decode(errors="replace")

"""CUDA in a worker: synchronisation, peaks and what the device is doing."""

from __future__ import annotations

import contextlib
from typing import Any

import torch


class _Use:
    """Which devices this process's workload uses; a fresh process for each trial makes one answer enough."""

    devices: tuple[int, ...] = ()
    """Kept, as the allocator takes a tenth of a millisecond to answer: that would be part of every turn."""


def note_use() -> None:
    """Find out on which GPUs the workload holds memory: its steps then run asynchronously.

    Asked after the set-up and after the first step, so that no scenario can forget to declare it. Others are left
    alone: asking them would make a context on each. That CUDA is initialised would not do: on a machine with a GPU,
    compiling for the CPU does that too.
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    _Use.devices = tuple(index for index in devices if torch.cuda.memory_reserved(index) > 0)


def cuda_in_use() -> bool:
    """Whether the workload's steps run on CUDA and are timed as such."""
    return bool(_Use.devices)


def synchronize() -> None:
    """Wait for all work on all streams of every device that holds memory of this process."""
    for index in _Use.devices:
        torch.cuda.synchronize(index)


def reset_peaks() -> None:
    """Start the allocator's peaks anew, so that set-up and warm-up do not count into them."""
    for index in _Use.devices:
        torch.cuda.reset_peak_memory_stats(index)


def peaks() -> dict[str, float]:
    """Return the allocator's peaks since the last reset in bytes, summed over devices; empty without CUDA."""
    if not cuda_in_use():
        return {}
    return {
        "cuda_peak_allocated": float(sum(map(torch.cuda.max_memory_allocated, _Use.devices))),
        "cuda_peak_reserved": float(sum(map(torch.cuda.max_memory_reserved, _Use.devices))),
    }


def allocated_bytes() -> int:
    """Return what tensors hold at the moment, summed over devices; 0 without CUDA."""
    return sum(map(torch.cuda.memory_allocated, _Use.devices))


def nvml() -> tuple[Any, list[Any]]:
    """Return NVML's bindings, and its handle for each device that holds memory of this process.

    Raises:
        Exception: of any kind: the bindings are optional, and refuse in many containers.
    """
    import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]

    pynvml.nvmlInit()
    uuids = [torch.cuda.get_device_properties(index).uuid for index in _Use.devices]
    return pynvml, [pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}") for uuid in uuids]


def clocks() -> dict[str, float]:
    """Return the first GPU's clock, temperature and whether it holds its clocks back; empty without CUDA or NVML."""
    if not cuda_in_use():
        return {}
    found: dict[str, float] = {}
    with contextlib.suppress(Exception):
        pynvml, (handle, *_) = nvml()
        found["gpu_clock_mhz"] = float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM))
        found["gpu_temperature_c"] = float(
            pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
        )
        reasons = pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
        harmless = (
            pynvml.nvmlClocksThrottleReasonGpuIdle | pynvml.nvmlClocksThrottleReasonApplicationsClocksSetting
        )
        found["gpu_throttled"] = float(bool(reasons & ~harmless))
    return found


def describe() -> dict[str, Any]:
    """Return what identifies the devices that this process uses."""
    if not cuda_in_use():
        return {}
    return {
        "gpus": [torch.cuda.get_device_name(index) for index in _Use.devices],
        "allow_tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "allow_tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
    }

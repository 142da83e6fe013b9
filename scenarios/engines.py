"""What a trained model can be served by: eager torch, or what has been made of it for one device and one batch size."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import Skip
from scenarios.loop import LoopSettings
from scenarios.steps import inference_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from benchsuite import Device
    from scenarios.loop import CompileMode

EngineName: TypeAlias = Literal["eager", "compiled", "aotinductor", "int8"]

CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
PACKAGE = "engine.pt2"
OPTIONS = {"aot_inductor.precompile_headers": False}
"""A precompiled header would outlive the run, 440 MB in the folder for temporary files, for 3 s of 10."""
QUANTISED = "torch.ao.nn.quantized.dynamic"
CUDA_HEADER = "cuda_runtime_api.h"


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Engine:
    """A model ready to be asked."""

    infer: Callable[[Tensor], Tensor]
    """Takes inputs of the one batch size, on the device, and returns the output there."""
    compile_ns: int | None = None
    """What was spent on compiling ahead of the first call; None: nothing was."""
    close: Callable[[], None] = _nothing
    """Releases what it holds on disk; it cannot be asked any more."""


def make_engine(name: EngineName, model: nn.Module, inputs: Tensor, device: Device) -> Engine:
    """Make an engine of a model.

    Args:
        name: which one.
        model: in evaluation mode, on the device.
        inputs: an example batch on the device; batches of other sizes may not be asked for.
        device: where model and inputs lie.

    Raises:
        Skip: this torch, this machine or this model has nothing for this engine.
    """
    if name == "aotinductor":
        return _ahead_of_time(model, inputs, device)
    if name == "int8":
        return Engine(inference_call(quantised(model), LoopSettings(phase="infer")))
    mode: CompileMode = "default" if name == "compiled" else "eager"
    settings = LoopSettings(phase="infer", device=device, batch_size=len(inputs), compile_mode=mode)
    return Engine(inference_call(model, settings))


def quantised(model: nn.Module) -> nn.Module:
    """Return a copy of a model whose linear and recurrent layers keep int8 weights and quantise their inputs on the fly.

    Raises:
        Skip: this torch has no dynamic quantisation, or the model has no such layers.
    """
    import torch

    try:
        from torch.ao.quantization import quantize_dynamic
    except ImportError as error:
        raise Skip("this torch no longer has torch.ao.quantization.quantize_dynamic") from error
    if torch.backends.quantized.engine == "none":
        raise Skip("torch has no quantised kernels for this processor")
    with warnings.catch_warnings():
        # It announces its removal; until then it is what torch itself offers.
        warnings.simplefilter("ignore")
        made: nn.Module = quantize_dynamic(model, dtype=torch.qint8)
    if not num_quantised(made):
        raise Skip("the model has no linear or recurrent layer, the only ones that quantize_dynamic knows")
    return made


def num_quantised(model: nn.Module) -> int:
    """Return how many layers of a model are dynamically quantised ones."""
    return sum(type(module).__module__.startswith(QUANTISED) for module in model.modules())


def _ahead_of_time(model: nn.Module, inputs: Tensor, device: Device) -> Engine:
    """Load the package that AOTInductor has made of the model; compile it where the variant's own cache has none yet."""
    import torch
    import torch._inductor

    if device == "cuda":
        _demand_cuda_headers()
    folder = os.environ.get(CACHE_VARIABLE) or tempfile.mkdtemp(prefix="benchsuite-aoti-")
    package, compile_ns = Path(folder) / PACKAGE, None
    if not package.is_file():
        began = time.perf_counter_ns()
        # Compiled beside it and renamed: a worker may be killed halfway.
        part = package.with_name(f"{os.getpid()}-{PACKAGE}")
        with torch.no_grad():
            exported = torch.export.export(model, (inputs,))
            torch._inductor.aoti_compile_and_package(  # noqa: SLF001 - where torch documents it
                exported, package_path=str(part), inductor_configs=dict(OPTIONS)
            )
        part.replace(package)
        compile_ns = time.perf_counter_ns() - began
    loaded = torch._inductor.aoti_load_package(str(package))  # noqa: SLF001 - where torch documents it

    def close() -> None:
        # It unpacks the package below the folder for temporary files and tidies up when its loader goes.
        loaded.loader = None  # type: ignore[assignment]

    return Engine(loaded, compile_ns, close)


def _demand_cuda_headers() -> None:
    """Skip where there is no CUDA toolkit: AOTInductor's host code is compiled against it, Triton's kernels are not."""
    from torch.utils.cpp_extension import include_paths

    try:
        folders = [*include_paths("cuda"), "/usr/include"]
    except OSError:
        folders = ["/usr/include"]
    if not any((Path(folder) / CUDA_HEADER).is_file() for folder in folders):
        raise Skip(
            f"AOTInductor compiles against the CUDA toolkit, and {CUDA_HEADER} was not found: set CUDA_HOME"
        )

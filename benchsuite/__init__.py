"""Performance and memory profiling for PyTorch: what an author of scenarios and tasks needs.

Importing this package does not import torch.
"""

from benchsuite.definition import scenario
from benchsuite.scenario import (
    CUDA,
    CXX_COMPILER,
    Check,
    Device,
    Phase,
    ProcessSpec,
    Requirement,
    Scenario,
    Skip,
    Workload,
    does_not_apply,
    grid,
)
from benchsuite.task import Split, Task, demand

__version__ = "0.1.0"

__all__ = [
    "CUDA",
    "CXX_COMPILER",
    "Check",
    "Device",
    "Phase",
    "ProcessSpec",
    "Requirement",
    "Scenario",
    "Skip",
    "Split",
    "Task",
    "Workload",
    "__version__",
    "demand",
    "does_not_apply",
    "grid",
    "scenario",
]

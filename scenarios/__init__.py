"""What is measured: one module for each question, and the default task, the MNIST CNN."""

BUILT_IN = (
    "training",
    "batch_size",
    "compile",
    "device",
    "precision",
    "loader",
    "transfer",
    "layout",
    "optimizer",
    "memory_saving",
    "sync",
    "threads",
    "parallel",
    "cuda_graphs",
    "grad_mode",
    "serving",
    "stack",
)
"""The modules of this package that hold a scenario of the same name, in the order of a report."""

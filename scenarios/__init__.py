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
    "allocator",
    "sync",
    "threads",
    "parallel",
    "cuda_graphs",
    "grad_mode",
    "serving",
    "stack",
)
"""The modules of this package that hold a scenario of the same name, in the order of a report."""

GATED = (
    "device[device=cpu]",
    "device[device=cpu,phase=infer]",
    "compile[mode=default,phase=infer]",
    "precision[precision=bf16-autocast]",
    "loader[pipeline=images]",
    "optimizer[optimizer=adam]",
    "memory_saving[technique=checkpointing]",
    "serving[engine=eager]",
    "device[device=cuda]",
    "device[device=cuda,phase=infer]",
    "transfer[data=host,device=cuda]",
    "cuda_graphs[launch=graph]",
)
"""The variants that a gate takes where none are named: together they run what all others are made of."""

"""The scenarios of the sample run: what its header lists, and how long a step of each variant takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PHASES = ("train", "infer")
BATCH_SIZES = (1, 8, 32, 100, 512, 2048)
MODES = ("eager", "default", "reduce-overhead", "max-autotune")
MODE_FACTORS = {
    "train": {"eager": 1.0, "default": 0.86, "reduce-overhead": 0.858, "max-autotune": 0.76},
    "infer": {"eager": 1.0, "default": 0.995, "reduce-overhead": 1.004, "max-autotune": 1.22},
}
FIRST_STEP_S = {"eager": 0.03, "default": 14.2, "reduce-overhead": 15.1, "max-autotune": 41.8}
PIPELINES: dict[str, dict[str, Any]] = {
    "pipeline=images": {},
    "pipeline=images,workers=2": {"workers": 2},
    "pipeline=images,workers=2,persistent_workers=true": {"workers": 2, "persistent_workers": True},
    "pipeline=batched": {"pipeline": "batched"},
    "pipeline=memory": {"pipeline": "memory"},
}
PIPELINE_FACTORS = (2.9, 2.6, 1.7, 1.4, 1.08)
PRECISIONS = ("fp32", "bf16-autocast", "fp16-autocast")
PRECISION_FACTORS = (1.0, 0.83, 4.9)
FORMS = ("loop", "foreach", "fused")
FORM_FACTORS = (1.0, 0.87, 0.41)
STACKED: tuple[dict[str, Any], ...] = (
    {},
    {"data": "memory"},
    {"data": "memory", "precision": "bf16-autocast"},
    {"data": "memory", "precision": "bf16-autocast", "set_to_none": False},
)
STACKED_FACTORS = (2.9, 1.08, 0.9, 0.91)


def entry(
    name: str, question: str, answer: str, variants: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    head = {
        "name": name,
        "question": question,
        "compare": None,
        "within": [],
        "metric": "step_time",
        "once": False,
    }
    return {**head, "answer": answer, "variants": variants, **more}


def variant(id_: str, *, baseline: bool, context: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "settings": {**settings, **context},
        "context": dict(context),
        "baseline": baseline,
        "available": True,
        "reason": "",
    }


def variant_id(scenario: str, shown: str, phase: str) -> str:
    return f"{scenario}[{shown}{',phase=infer' if phase == 'infer' else ''}]"


def scenarios() -> list[dict[str, Any]]:
    return [*_plain_scenarios(), *_changing_scenarios(), _stack()]


def _plain_scenarios() -> list[dict[str, Any]]:
    training = [variant("training", baseline=True, context={}, epochs=20, device="cpu")]
    batch = [
        variant(
            variant_id("batch_size", f"batch_size={size}", phase),
            baseline=size == 100,
            context={"phase": phase, "device": "cpu"},
            batch_size=size,
        )
        for phase in PHASES
        for size in BATCH_SIZES
    ]
    compiled = [
        variant(
            variant_id("compile", f"mode={mode}", phase),
            baseline=mode == "eager",
            context={"phase": phase, "device": "cpu"},
            mode=mode,
        )
        for phase in PHASES
        for mode in MODES
    ]
    for item in compiled:
        item["changes"] = {"compile_mode": item["settings"]["mode"]}
    devices = [
        variant(
            variant_id("device", f"device={device}", phase),
            baseline=device == "cpu",
            context={"phase": phase},
            device=device,
        )
        for phase in PHASES
        for device in ("cpu", "cuda")
    ]
    for item in devices:
        if item["settings"]["device"] == "cuda":
            item.update(available=False, reason="no CUDA device: torch was built without CUDA")
    within = ["phase", "device"]
    return [
        entry(
            "training",
            "Does the reference training reach 90 %?",
            "reached",
            training,
            once=True,
            step="epoch",
        ),
        entry(
            "batch_size",
            "How large a batch is worth its memory?",
            "knee",
            batch,
            compare="batch_size",
            within=within,
            metric="throughput",
        ),
        entry("compile", "Does torch.compile pay?", "break_even", compiled, compare="mode", within=within),
        entry("device", "How much faster is the GPU?", "best", devices, compare="device", within=["phase"]),
    ]


def _changing_scenarios() -> list[dict[str, Any]]:
    """Return scenarios of which every variant stands for changes of the shared loop."""
    plain = {"pipeline": "images", "workers": 0, "persistent_workers": False}
    pipelines = [
        variant(
            f"loader[{shown}]",
            baseline=not changed,
            context={"device": "cpu"},
            **{**plain, **changed},
        )
        for shown, changed in PIPELINES.items()
    ]
    precisions = [
        variant(f"precision[precision={name}]", baseline=name == "fp32", context={"phase": "train", "device": "cpu"},
                precision=name)
        for name in PRECISIONS
    ]  # fmt: skip
    forms = [
        variant(f"optimizer[form={form}]", baseline=form == "loop", context={"device": "cpu"}, form=form)
        for form in FORMS
    ]
    for item in (*pipelines, *precisions, *forms):
        item["changes"] = {k: v for k, v in item["settings"].items() if k not in {"phase", "device"}}
    return [
        entry("loader", "What does the input pipeline cost?", "best", pipelines, compare="pipeline",
              within=["device"]),
        entry("precision", "Does a narrower number format pay?", "trade_off", precisions, compare="precision",
              within=["phase", "device"]),
        entry("optimizer", "What does the optimizer cost?", "best", forms, compare="form", within=["device"],
              step="update"),
    ]  # fmt: skip


def _stack() -> dict[str, Any]:
    plain = {"data": "images", "precision": "fp32", "set_to_none": True, "phase": "train", "batch_size": 100}
    variants = [
        variant(variant_id("stack", ",".join(f"{k}={v}" for k, v in {"data": "images", **changed}.items()), "train"),
                baseline=not changed, context={"device": "cpu"}, **{**plain, **changed})
        for changed in STACKED
    ]  # fmt: skip
    absent = variant("stack[data=images,device=cuda]", baseline=True, context={"device": "cuda"}, **plain) | {
        "available": False,
        "reason": "no CUDA device: torch was built without CUDA",
    }
    return entry(
        "stack",
        "What do the settings that pay bring together?",
        "stack",
        [*variants, absent],
        compare="data",
        within=["device"],
        metric="throughput",
        combines=True,
    )


def own_metrics(scenario: str, settings: Mapping[str, Any]) -> dict[str, float]:
    """Return what the scenario itself reports."""
    if scenario == "loader":
        workers, loads = settings["workers"], settings["pipeline"] != "memory"
        return {
            "setup_time": 0.02e9 if loads else 2.4e9,
            "data_wait_share": 0.62 / (1 + workers) if loads else 0.02,
            "epoch_start_time": 1.1e8 * workers / (8 if settings["persistent_workers"] else 1) + 3.1e5,
            "worker_memory": 61e6 * workers,
        }
    if scenario == "precision":
        place = PRECISIONS.index(settings["precision"])
        return {"accuracy": (0.962, 0.9581, 0.9617)[place], "skipped_steps": (0.0, 0.0, 2.0)[place]}
    if scenario == "stack" and settings["data"] == "memory":
        return {"setup_time": 2.4e9, "accuracy": 0.9581}
    return {"accuracy": 0.962} if scenario == "stack" else {}


def step_time_ns(scenario: str, phase: str, settings: Mapping[str, Any]) -> tuple[float, int]:
    """Return how long a step takes, in ns, and how many items it works through."""
    base_ns = 8.9e6 if phase == "train" else 2.6e6
    if scenario == "batch_size":
        size = settings["batch_size"]
        fixed_ns = 1.1e6 if phase == "train" else 0.2e6
        cache_misses = 1.12 if size > 1000 else 1.0
        return (fixed_ns + (base_ns - fixed_ns) * size / 100 * cache_misses), size
    if scenario == "optimizer":
        return 58e3 * FORM_FACTORS[FORMS.index(settings["form"])], 1
    return base_ns * _factor(scenario, phase, settings), 100


def _factor(scenario: str, phase: str, settings: Mapping[str, Any]) -> float:
    if scenario == "compile":
        return MODE_FACTORS[phase][settings["mode"]]
    if scenario == "precision":
        return PRECISION_FACTORS[PRECISIONS.index(settings["precision"])]
    steps = {
        "loader": (tuple(PIPELINES.values()), PIPELINE_FACTORS),
        "stack": (STACKED, STACKED_FACTORS),
    }
    if scenario not in steps:
        return 1.0
    changes, factors = steps[scenario]
    return factors[max(n for n, changed in enumerate(changes) if changed.items() <= settings.items())]

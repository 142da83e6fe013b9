"""Builds a gate's verdict with one finding of every kind, and hostile and huge ones."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchsuite.gate.verdict import Finding, SideInfo, Verdict

LONG = "long" * 2500
HOSTILE = (
    """<script>document.title="taken"</script>{{7*7}}"'>]]>"""
    f"<img src=x onerror=alert(1)>|`a`|``b``\\|@octocat #1 https://example.org www.example.org\u202egnirts\u200f$x^2$"
    f"\x1b[31m\x00\ufffe\ud800\r\n| not | a | row |\n```\n{LONG}"
)
ENVIRONMENT = {
    "torch": "2.15.0",
    "threads": 1,
    "blas": "MKL 2026.0",
    "env": {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
}
MACHINE = {
    "cpu_model": "Intel(R) Xeon(R) Platinum 8481C",
    "num_cores": 2,
    "memory_bytes": 8 * 2**30,
    "os": "Linux 6.1",
    "python": "3.11.9",
}
EXACT = {
    "operators": 187.0,
    "allocations": 412.0,
    "peak_heap": 9.31 * 2**20,
    "graph_breaks": 0.0,
    "leak": 0.0,
}
VARIANTS = (
    "training[device=cpu,phase=train]",
    "device[device=cpu,phase=train]",
    "device[device=cpu,phase=infer]",
    "compile[mode=max-autotune,phase=infer]",
    "precision[phase=train,precision=bf16-autocast]",
    "batch_size[batch_size=512]",
    "optimizer[optimizer=adam]",
    "loader[num_workers=2]",
)


SCREENED = (1.031, 0.994, 1.018, 1.009)
SLOWER = (1.048, 1.055, 1.043, 1.051, 1.062, 1.049, 1.047, 1.058, 1.052, 1.044, 1.06, 1.046)
ALIKE = (0.998, 1.004, 0.989, 1.012, 0.996, 1.0, 0.993, 1.003, 0.987, 1.008, 0.999, 0.995)


def again(variant: str) -> str:
    """Return a command as the gate would write it."""
    return f"python -m benchsuite gate --against main -k '{variant}'"


def time_finding(variant: str, **changes: Any) -> Finding:
    """Make a finding about a step time, cleared by the screening unless told otherwise."""
    values = {
        "scenario": variant.partition("[")[0],
        "variant": variant,
        "metric": "step_time",
        "verdict": "unchanged",
        "base": 9.02e6,
        "head": 9.05e6,
        "ratio": 1.003,
        "interval": (0.991, 1.014),
        "p": 0.41,
        "pairs": 4,
        "smallest_detectable": 0.041,
        "limit": 0.01,
        "disturbed_pairs": 1,
        "seconds": 11.2,
        "reproduce": again(variant),
    }
    return Finding(**(values | changes))


def exact_finding(variant: str, metric: str, base: float, head: float, **changes: Any) -> Finding:
    """Make a finding about a count or a peak."""
    verdict = "unchanged" if head == base else "regression" if head > base else "improvement"
    values = {
        "scenario": variant.partition("[")[0],
        "variant": variant,
        "metric": metric,
        "verdict": verdict,
        "base": base,
        "head": head,
        "ratio": head / base if base else None,
        "limit": 0.0,
        "exact": True,
        "seconds": 11.2,
        "reproduce": again(variant),
    }
    return Finding(**(values | changes))


def sides() -> tuple[SideInfo, SideInfo]:
    """Make two sides that differ in their torch and in one variable."""
    other = ENVIRONMENT | {"torch": "2.16.0", "env": {**ENVIRONMENT["env"], "TORCH_LOGS": "+dynamo"}}
    base = SideInfo(name="origin/main", commit="4f1c2ab90d", python="python 3.11.9", environment=ENVIRONMENT)
    head = SideInfo(
        name="working tree", commit="9be0771c3e", dirty=True, python="python 3.11.9", environment=other
    )
    return base, head


def make_findings() -> tuple[Finding, ...]:
    """Make one finding of every kind, and the unchanged ones beside them."""
    train, device, infer, compiled, precision, batch, optimizer, loader = VARIANTS
    told = [
        time_finding(train),
        time_finding(
            device,
            verdict="regression",
            base=9.02e6,
            head=9.49e6,
            ratio=1.051,
            interval=(1.042, 1.063),
            p=0.00024,
            pairs=12,
            smallest_detectable=0.018,
            screening_ratios=(1.049, 1.057, 1.044, 1.053),
            confirmation_ratios=SLOWER,
            seconds=52.0,
            cause="aten::clamp_min_ is called 4 times a step instead of 3, from forward (model.py:31), which explains 0.41 ms of 0.47 ms.",
        ),
        exact_finding(device, "operators", 187, 188, cause="aten::clamp_min_ is called 4 times a step instead of 3."),
        time_finding(infer, verdict="improvement", ratio=0.913, interval=(0.894, 0.935), base=2.1e6, head=1.92e6, pairs=12),
        time_finding(
            compiled,
            verdict="inconclusive",
            ratio=1.021,
            interval=(0.974, 1.082),
            pairs=12,
            smallest_detectable=0.09,
            disturbed_pairs=7,
            reason="12 pairs of this noise could have shown 9 %, and 5 % is asked: free the core, or allow more time",
        ),
        exact_finding(precision, "peak_heap", 9.31 * 2**20, 10.31 * 2**20, limit=16384.0, quarantine="until 1 March: new padding"),
        time_finding(
            precision,
            ratio=0.998,
            interval=(0.984, 1.012),
            pairs=12,
            smallest_detectable=0.019,
            screening_ratios=SCREENED,
            confirmation_ratios=ALIKE,
        ),
        Finding(
            scenario="batch_size",
            variant=batch,
            metric="",
            verdict="failed",
            reason="the worker of the head was killed by signal 9 (out of memory?)",
            reproduce=again(batch),
        ),
        Finding(
            scenario="optimizer",
            variant=optimizer,
            metric="",
            verdict="not comparable",
            reason="the head's step does 100 items, the base's 64",
            reproduce=again(optimizer),
        ),
        Finding(scenario="loader", variant=loader, metric="", verdict="missing", reason="the base has it", reproduce=again(loader)),
        Finding(scenario="feed", variant="feed[pinned=True]", metric="", verdict="new", reason="the base has no such variant"),
    ]  # fmt: skip
    quiet = [
        exact_finding(variant, metric, value, value)
        for variant in (train, device, infer, compiled)
        for metric, value in EXACT.items()
        if (variant, metric) != (device, "operators")
    ]
    return (*told, *quiet)


def make_verdict(findings: tuple[Finding, ...] | None = None, **changes: Any) -> Verdict:
    """Make a gate's verdict, of all kinds of findings unless told otherwise."""
    base, head = sides()
    values = {
        "base": base,
        "head": head,
        "findings": make_findings() if findings is None else findings,
        "started": "2026-03-02T09:14:07Z",
        "seconds": 318.4,
        "machine": MACHINE,
        "warnings": ("2 of 60 pairs were disturbed by other work on the core.",),
        "run": "runs/20260302T091407Z-4fd210",
    }
    return Verdict(**(values | changes))


def quiet_verdict() -> Verdict:
    """Make the verdict of a gate that found nothing."""
    return make_verdict(
        (
            *(time_finding(variant, ratio=1 + n / 1000) for n, variant in enumerate(VARIANTS)),
            *(exact_finding(variant, m, value, value) for variant in VARIANTS for m, value in EXACT.items()),
        ),
        warnings=(),
    )


def hostile_verdict() -> Verdict:
    """Make a verdict in which every text is hostile."""

    def spoil(finding: Finding) -> Finding:
        texts = {
            name: f"{getattr(finding, name)}{HOSTILE}"
            for name in ("scenario", "variant", "reason", "cause", "reproduce")
        }
        metric = f"{finding.metric}{HOSTILE}" if finding.metric == "graph_breaks" else finding.metric
        quarantine = HOSTILE if finding.quarantine else ""
        return dataclasses.replace(finding, **texts, metric=metric, quarantine=quarantine)

    side = SideInfo(
        name=HOSTILE,
        commit=HOSTILE,
        python=HOSTILE,
        environment={HOSTILE: {HOSTILE: HOSTILE}, "env": HOSTILE},
    )
    return make_verdict(
        tuple(map(spoil, make_findings())),
        base=side,
        head=dataclasses.replace(side, environment={"torch": HOSTILE}),
        started=HOSTILE,
        machine={HOSTILE: HOSTILE, "cpu_model": HOSTILE},
        warnings=(HOSTILE,),
        run=HOSTILE,
    )


def huge_verdict(number: int = 5000) -> Verdict:
    """Make a verdict of many findings with very long names, each with a cause, a reason and a command."""
    return make_verdict(
        tuple(
            time_finding(
                f"s{index % 7}[{'x`|@<&' * 1666}n={index}]",
                verdict=("regression", "inconclusive", "failed", "unchanged", "missing")[index % 5],
                ratio=1.05,
                cause="|" * 5000,
                reason="`<@" * 2000,
            )
            for index in range(number)
        )
    )  # fmt: skip

"""The decision rules of other benchmark tools, applied to the step times of a gate's two sides.

Each rule is that of the tool's published code with its defaults, on as many processes as the tool starts by default
where there are so many: pytest-benchmark 5.3 and criterion 0.5 one, asv 0.6 two, pyperf 2.10 twenty. The step
times come from a gate's duets and not from the tools' own loops, so the sides share the machine's moods more evenly than they
would there. All times are in nanoseconds, all steps of one process in one list.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from benchsuite.statistics import t_quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Call: TypeAlias = Literal["slower", "faster", "same"]
Side: TypeAlias = "Sequence[Sequence[float]]"

RESAMPLES = 10_000
"""Bootstrap resamples; criterion takes ten times as many, which moves its p values by less than 0.01."""
_SEED = 20261123


def call_all(base_ns: Side, head_ns: Side) -> dict[str, Call]:
    """Return what each tool would say of the head.

    Args:
        base_ns: step times of the base, one list of at least two steps for each process, at least one process.
        head_ns: those of the head.

    Returns:
        The verdict under the name of each rule.
    """
    return {name: rule(base_ns, head_ns) for name, rule in RULES.items()}


def pytest_benchmark(base_ns: Side, head_ns: Side) -> Call:
    """Apply `--benchmark-compare-fail=mean:5%`: the mean of one process is more than 5 % above the other's.

    Source: pytest_benchmark/utils.py, `PercentageRegressionCheck`: `current / compared * 100 - 100 > threshold`.
    It has no verdict for "faster".
    """
    change = statistics.fmean(head_ns[0]) / statistics.fmean(base_ns[0]) * 100 - 100
    return "slower" if change > 5 else "same"  # noqa: PLR2004 - per cent, the option's value


def asv_continuous(base_ns: Side, head_ns: Side) -> Call:
    """Apply `asv continuous`: medians that differ by a factor of 1.1, and Mann and Whitney's test at 0.002.

    Source: asv/commands/compare.py, `_is_result_better`, and asv/_stats.py, `is_different`: the test is two-sided,
    exact up to 20 samples, else normal without a correction for continuity. With so few samples that 0.002 is
    out of reach, medians whose 99 % intervals overlap do not differ (asv_runner/statistics.py,
    `quantile_ci`; below 8 samples such an interval is infinite here, where asv takes that of a
    Laplace posterior). Two processes, five samples each.
    """
    from scipy.stats import mannwhitneyu

    base, head = ([value for steps in side[:2] for value in _means(steps, 5)] for side in (base_ns, head_ns))
    if 1 / math.comb(len(base) + len(head), min(len(base), len(head))) < _ASV_P:
        method = "exact" if max(len(base), len(head)) <= _ASV_EXACT_UP_TO else "asymptotic"
        different = mannwhitneyu(base, head, method=method, use_continuity=False).pvalue < _ASV_P
    else:
        (base_low, base_high), (head_low, head_high) = _median_interval(base), _median_interval(head)
        different = base_high < head_low or base_low > head_high
    before, after = statistics.median(base), statistics.median(head)
    if not different:
        return "same"
    return "faster" if after < before / _ASV_FACTOR else "slower" if before < after / _ASV_FACTOR else "same"


def pyperf_compare_to(base_ns: Side, head_ns: Side) -> Call:
    """Apply `pyperf compare_to`: Student's t test with pooled variance, two-sided at 5 %, over all values.

    Source: pyperf/_utils.py, `is_significant`, `tscore` and `tdist95conf_level`; pyperf/_compare.py. Up to twenty
    processes, three values each: the values of one process count as independent. Sides with different numbers
    of values, which its test refuses, count as different.
    """
    base, head = ([value for steps in side[:20] for value in _means(steps, 3)] for side in (base_ns, head_ns))
    difference = statistics.fmean(head) - statistics.fmean(base)
    if len(base) == len(head):
        variance = (statistics.variance(base) + statistics.variance(head)) / 2
        critical = _pyperf_critical(2 * len(base) - 2)
        if abs(difference) < critical * math.sqrt(2 * variance / len(base)):
            return "same"
    return "slower" if difference > 0 else "faster" if difference < 0 else "same"


def criterion(base_ns: Side, head_ns: Side) -> Call:
    """Apply criterion's comparison: a bootstrapped t test at 5 %, and an interval beyond the noise threshold of 1 %.

    Source: criterion's src/analysis/compare.rs, src/stats/univariate/mixed.rs (the t statistic of both samples drawn
    from the pooled ones), src/stats/univariate/bootstrap.rs, src/report.rs (the 95 % percentile
    interval of the relative change of the mean). One process.
    """
    import numpy as np

    rng = np.random.default_rng(_SEED)
    base, head = np.asarray(base_ns[0], dtype=float), np.asarray(head_ns[0], dtype=float)
    pooled = np.concatenate([head, base])
    drawn = rng.choice(pooled, (RESAMPLES, len(pooled)))
    below = int((_welch_t(drawn[:, : len(head)], drawn[:, len(head) :]) < _welch_t(head, base)).sum())
    if 2 * min(below, RESAMPLES - below) / RESAMPLES >= 0.05:  # noqa: PLR2004 - criterion's significance level
        return "same"
    heads, bases = (rng.choice(side, (RESAMPLES, len(side))).mean(axis=1) for side in (head, base))
    low, high = np.quantile(heads / bases - 1, [0.025, 0.975])
    noise = 0.01
    return "slower" if low > noise else "faster" if high < -noise else "same"


RULES: dict[str, Callable[[Side, Side], Call]] = {
    "pytest-benchmark mean:5%": pytest_benchmark,
    "asv continuous": asv_continuous,
    "pyperf compare_to": pyperf_compare_to,
    "criterion": criterion,
}

_ASV_P = 0.002
_ASV_FACTOR = 1.1
_ASV_EXACT_UP_TO = 20


def _means(steps_ns: Sequence[float], parts: int) -> list[float]:
    """Return the means of so many equal stretches of consecutive steps; of fewer steps, the steps."""
    size = len(steps_ns) // parts
    if size == 0:
        return list(steps_ns)
    return [statistics.fmean(steps_ns[i * size : (i + 1) * size]) for i in range(parts)]


def _median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return asv's 99 % interval of the median, from order statistics."""
    from scipy.special import bdtr

    ordered, tail = sorted(values), 0.005
    shares = [(value, float(bdtr(i, len(ordered), 0.5))) for i, value in enumerate(ordered)]
    low = max((value for value, share in shares if share <= tail), default=-math.inf)
    high = min((value for value, share in shares if share >= 1 - tail), default=math.inf)
    return low, high


def _pyperf_critical(freedom: int) -> float:
    """Return pyperf's tabled 97.5 % quantile of Student's t distribution."""
    table = ((200, 1.960), (100, 1.984), (80, 1.990), (60, 2.000), (50, 2.009), (40, 2.021), (30, 2.042))
    return next((value for least, value in table if freedom >= least), t_quantile(0.95, freedom))


def _welch_t(head: Any, base: Any) -> Any:
    """Return Welch's t statistic along the last axis of two arrays."""
    import numpy as np

    spread = head.var(axis=-1, ddof=1) / head.shape[-1] + base.var(axis=-1, ddof=1) / base.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return (head.mean(axis=-1) - base.mean(axis=-1)) / spread**0.5

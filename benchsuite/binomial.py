"""The exact interval of a share: a pure function.

Source: Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial (1934).
"""

from __future__ import annotations


def binomial_interval(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of the probability of a hit; the whole of [0, 1] without trials.

    Args:
        hits: how often it happened, between 0 and `trials`.
        trials: how often it could have.
        confidence: the interval's level, between 0 and 1.

    Raises:
        ValueError: the hits are fewer than 0 or more than the trials.
    """
    from scipy.special import betaincinv

    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits of {trials} trials")
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1 - tail))
    return low, high

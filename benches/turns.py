"""Measures two programs alternately, so that other load on the machine affects both."""

import statistics
import time

ROUNDS = 5


def in_turns(ours, theirs):
    """Medians of the milliseconds that both functions return, and the median of their ratios."""
    rounds = [(ours(), theirs()) for _ in range(ROUNDS)]
    return {
        "ours_ms": statistics.median(a for a, _ in rounds),
        "other_ms": statistics.median(b for _, b in rounds),
        "times": statistics.median(b / a for a, b in rounds),
    }


def fastest(call, seconds):
    """Milliseconds of the fastest call in this time: what else the machine does only adds to them."""
    return min(calls(call, seconds))


def milliseconds(call, seconds):
    """Median of one call."""
    return statistics.median(calls(call, seconds))


def calls(call, seconds):
    """Milliseconds of each call, repeated for this long and at least three times."""
    took, end = [], time.perf_counter() + seconds
    while len(took) < 3 or time.perf_counter() < end:
        begun = time.perf_counter()
        call()
        took.append((time.perf_counter() - begun) * 1e3)
    return took

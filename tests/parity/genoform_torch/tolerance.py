"""How near results in f32 must be to those in double precision.  The standard library only."""

import math

LOSS_TOLERANCE = 1e-5             # of the loss
TENSOR_TOLERANCE = 2e-4           # of the largest absolute value of a tensor
MODEL_TOLERANCE = 2e-7            # of the largest gradient of the model: no gradient must be better than this


class Mismatch(Exception):
    """A program that failed, or results that cannot be compared number by number."""


def largest(numbers):
    return max(map(abs, numbers), default=0.0)


def worst_ratio(expected, actual):
    """(largest error / tolerance, its tensor) over all results."""
    if expected.keys() != actual.keys():
        missing, further = sorted(expected.keys() - actual.keys()), sorted(actual.keys() - expected.keys())
        raise Mismatch(f"missing results: {missing}, further results: {further}")
    floor = MODEL_TOLERANCE * max(largest(numbers) for name, (_, numbers) in expected.items() if name.startswith("grad."))
    worst = (0.0, "none")
    for name, (shape, numbers) in expected.items():
        found_shape, found = actual[name]
        if tuple(shape) != tuple(found_shape):
            raise Mismatch(f"{name} has shape {found_shape}, expected {shape}")
        if not all(map(math.isfinite, found)):
            raise Mismatch(f"{name} is not finite")
        error = largest(a - b for a, b in zip(numbers, found))
        if name in ("loss", "aux_loss"):
            tolerance = LOSS_TOLERANCE * largest(numbers)
        else:
            tolerance = max(TENSOR_TOLERANCE * largest(numbers), floor if name.startswith("grad.") else 0.0)
        ratio = 0.0 if error == 0 else error / tolerance if tolerance > 0 else math.inf
        worst = max(worst, (ratio, name))
    return worst

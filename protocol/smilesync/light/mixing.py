"""One light on its way to another: straight lines in linear light, and the pace along them.

All integers, rounded down. Source: SPEC section Rendering, the fades of 17.1.
"""

from smilesync.light.palette import Linear

ONE = 65536


def mix(first: Linear, second: Linear, weight: int, *, of: int) -> Linear:
    """Return `first` with `weight` / `of` parts of `second`, rounded down."""
    rest = of - weight
    return (
        (first[0] * rest + second[0] * weight) // of,
        (first[1] * rest + second[1] * weight) // of,
        (first[2] * rest + second[2] * weight) // of,
    )


def smooth(elapsed_us: int, duration_us: int) -> int:
    """Return 3 p^2 - 2 p^3 of the elapsed share p, of 65536; 0 before and 65536 after."""
    share = min(ONE, max(0, elapsed_us * ONE // duration_us))
    return share * share * (3 * ONE - 2 * share) >> 32


def straight(elapsed_us: int, duration_us: int) -> int:
    """Return the elapsed share, of 65536; 0 before and 65536 after."""
    return min(ONE, max(0, elapsed_us * ONE // duration_us))

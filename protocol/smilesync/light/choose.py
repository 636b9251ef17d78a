"""Which pattern a leader proposes: the wearer's wish, or what the crowd feels.

The crowd's feeling is used only when at least five people contribute, so that no pattern tells on
one of them. Source: SPEC section Patterns, PAT-014 and PAT-015.
"""

from smilesync.light.conditions import check, period_min_ds, swing
from smilesync.light.palette import STATE_CODE, STATE_PERIOD_DS
from smilesync.light.pattern import Kind, Pattern, encode

CONTRIBUTORS_MIN = 5
NEUTRAL = 2

Counts = tuple[int, int, int, int, int]


def collective(counts: Counts | None, preferred: bytes | None) -> bytes:
    """Return the encoded pattern to propose: `preferred` if it is safe, else the crowd's mood."""
    if preferred is not None and check(preferred) is None:
        return preferred
    return MOOD_PATTERNS[NEUTRAL if counts is None else mood(counts)]


def mood(counts: Counts) -> int:
    """Return the state most people share; ties go to the lower number, too few are neutral."""
    if sum(counts) < CONTRIBUTORS_MIN:
        return NEUTRAL
    return counts.index(max(counts))


def _breathing(state: int) -> bytes:
    pattern = Pattern(
        kind=Kind.BREATHE,
        weight=255,
        ceiling_percent=60,
        colours=(STATE_CODE[state],),
        period_ds=STATE_PERIOD_DS[state],
        depth=204,
        sharpness=1,
    )
    assert pattern.period_ds >= period_min_ds(pattern.degree, swing(pattern))
    return encode(pattern)


MOOD_PATTERNS: tuple[bytes, ...] = tuple(_breathing(state) for state in range(len(STATE_CODE)))
"""One colour, one slow breath: what a circle shows when nobody wishes anything else."""

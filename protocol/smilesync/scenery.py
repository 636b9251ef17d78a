"""The scene that a rung stands for: what a lamp has to know to draw it, and nothing more."""

from smilesync.circle.lease import Lease
from smilesync.commands import EmotionState
from smilesync.effects import Rung, Scene
from smilesync.timeline import Timeline

NOBODY = (0, 0, 0, 0, 0)


def scene_alone(
    rung: Rung, own_state: EmotionState, company: tuple[int, int, int, int, int], fall_count: int
) -> Scene:
    """Return a scene without certified light; `company`, in HARMONY, is how many feel what."""
    return Scene(rung, int(own_state), harmony_counts=company, fall_count=fall_count)


def scene_certified(
    rung: Rung,
    own_state: EmotionState,
    lease: Lease | None,
    timeline: Timeline | None,
    fall_count: int,
) -> Scene | None:
    """Return the scene of the value that is selected or held, None if none is."""
    shown = (lease.selected or lease.held) if lease is not None else None
    if lease is None or shown is None or rung > Rung.HOLD:
        return None
    value = shown.value
    return Scene(
        rung=rung,
        own_state=int(own_state),
        is_selected=lease.selected is not None,
        slot=value.slot,
        value_hash=shown.hash,
        pattern=value.pattern,
        start_us=value.start_us,
        until_us=lease.ends_us(shown),
        previous=value.previous,
        previous_start_us=value.previous_start_us,
        fade_from_us=value.not_before_us,
        fade_us=value.fade_us,
        timeline=timeline,
        fall_count=fall_count,
    )

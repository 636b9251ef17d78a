"""How a design looks: the governed light of each state over time, and of the way between states.

A strip is time from left to right. Nothing in it moves, so nothing in it can flash; what it shows
went through the same lamp and governor as the light on a sleeve.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.light.design import Design, Expression
from smilesync.light.lamp import Lamp
from smilesync.light.sink import Codes, Transfer, new_sink
from smilesyncd.design import colour
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.lamp import CSI, RAMP
from smilesyncd.vocabulary import STATES

FRAMES_PER_SECOND = 30
FRAME_NS = NS_PER_SECOND // FRAMES_PER_SECOND
SETTLE_SECONDS = 12
STRIP_SECONDS = 12
STRIP_COLUMNS = 48
LEG_SECONDS = 8
JOURNEY_COLUMNS = 72
SHADES = RAMP[1:]


@dataclass(frozen=True, slots=True)
class Strip:
    """Governed light at an even pace: codes as for a screen."""

    seconds: int
    codes: tuple[Codes, ...]


def strip(design: Design, state: int) -> Strip:
    """Return what one state shows, once it has come up."""
    return _film(design, [state], STRIP_SECONDS, STRIP_COLUMNS)


def journey(design: Design) -> Strip:
    """Return the way through all states and back to the first."""
    return _film(design, [*range(len(STATES)), 0], LEG_SECONDS, JOURNEY_COLUMNS)


def frames(design: Design, states: Sequence[int], seconds: int) -> Iterator[Codes]:
    """Yield governed frames: the first state comes up, then each lasts `seconds`."""
    lamp = Lamp(LightConfig(), ((0, 0),), sink=new_sink(Transfer.SRGB), now_ns=0)
    lamp.wear(design)
    now_ns = 0
    for place, state in enumerate(states):
        scene = Scene(Rung.SOLO, own_state=state)
        settle = SETTLE_SECONDS if place == 0 else 0
        for number in range((settle + seconds) * FRAMES_PER_SECOND):
            (codes,) = lamp.frame(scene, now_ns).codes
            now_ns += FRAME_NS
            if number >= settle * FRAMES_PER_SECOND:
                yield codes


def as_fields(design: Design) -> Fields:
    """Return everything the preview shows, for programs."""
    states: dict[str, Json] = {}
    for name, state in STATES.items():
        one = design.expressions[state.value]
        states[name] = {
            "colour": colour.written(one.colour),
            "linear": list(one.colour),
            "period_s": one.period_ds / 10,
            "depth": round(one.depth / 255, 3),
            **_as_fields(strip(design, state.value)),
        }
    return {
        "name": design.name,
        "ceiling_percent": design.ceiling_percent,
        "collective": round(design.share / 255, 3),
        "states": states,
        "journey": {"states": [*STATES, "calm"], **_as_fields(journey(design))},
        "design": design.text(),
    }


def as_text(design: Design, *, has_colour: bool) -> str:
    """Return the preview for people; shades of characters stand in for colour."""
    name = f'"{design.name}"' if design.name else "standard design"
    lines = [
        name,
        f"at most {design.ceiling_percent} % of what is safe; "
        f"a circle may have {design.share * 100 // 255} % of the light",
        "",
    ]
    for state, number in STATES.items():
        one = design.expressions[number.value]
        drawn = _drawn(strip(design, number.value), has_colour=has_colour)
        lines += [f"  {state:<9}{drawn}", f"  {'':<9}{_rhythm(one)}", ""]
    way = journey(design)
    legs = [*STATES, next(iter(STATES))]
    width = JOURNEY_COLUMNS / len(legs)
    labels = "".join(f"{leg:<{round(width)}}" for leg in legs)
    lines += [
        f"  from one to the next, {way.seconds} s",
        f"  {_drawn(way, has_colour=has_colour)}",
        f"  {labels.rstrip()}",
    ]
    return "\n".join(lines)


def _film(design: Design, states: Sequence[int], seconds: int, columns: int) -> Strip:
    shown = tuple(frames(design, states, seconds))
    picked = tuple(shown[column * len(shown) // columns] for column in range(columns))
    return Strip(len(states) * seconds, picked)


def _as_fields(made: Strip) -> dict[str, Json]:
    return {"seconds": made.seconds, "codes": [list(codes) for codes in made.codes]}


def _rhythm(one: Expression) -> str:
    written = colour.written(one.colour)
    if one.period_ds == 0:
        return f"{written}, steady"
    depth = one.depth * 100 // 255
    return f"{written}, a breath every {one.period_ds / 10:.1f} s, {depth} % deep"


def _drawn(made: Strip, *, has_colour: bool) -> str:
    if not has_colour:
        return "".join(_shade(codes) for codes in made.codes)
    parts = [_cell(None, made.codes[0])]
    parts += [_cell(before, codes) for before, codes in pairwise(made.codes)]
    return "".join(parts) + f"{CSI}0m"


def _cell(before: Codes | None, codes: Codes) -> str:
    red, green, blue = codes
    return "█" if codes == before else f"{CSI}38;2;{red};{green};{blue}m█"


def _shade(codes: Codes) -> str:
    red, green, blue = codes
    # On the scale of codes, which is nearly that of the eye; the darkest light is still a mark.
    return SHADES[(2 * red + 7 * green + blue) * (len(SHADES) - 1) // 2550]

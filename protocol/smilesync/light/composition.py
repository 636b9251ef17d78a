"""From a scene to what each pixel is asked to show: the ladder's rungs, drawn.

COMMITTED and HOLD show the certified pattern with the wearer's personal share of own light; HARMONY
the average of the own and the neighbours' states; SOLO the own state in its own rhythm; GLOW a
steady dim light that says nothing; OFF nothing. Source: SPEC section Rendering, RND-008 to RND-010.
"""

from dataclasses import dataclass, field, replace

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.errors import Malformed
from smilesync.light.blend import Blend
from smilesync.light.conditions import period_min_ds
from smilesync.light.design import Design, Expression, standard
from smilesync.light.improvisation import Improvisation
from smilesync.light.palette import STATE_LINEAR, Linear
from smilesync.light.pattern import Pattern, decode
from smilesync.light.prepare import offset_at, prepare
from smilesync.light.render import US_PER_DS, Gamut, Motif, fit

NEUTRAL = 2
HOLD_US_MAX = 1_000_000
US_PER_S = 1_000_000

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """What decides the requested light; two scenes with equal sources look the same.

    `pattern` is None for all but a certified pattern. `counts` are of the harmony only. `end_us`
    is when the pattern must be left, circle time: its life or its lease is over. It decides how
    long a source holds, not how it looks. `design` is the wearer's, None for the standard one;
    `played` is the wearer's improvisation, which is all that is shown while it lasts.
    """

    rung: Rung
    own_state: int = NEUTRAL
    pattern: Pattern | None = None
    encoded: bytes = b""
    start_us: int = 0
    counts: tuple[int, ...] = ()
    end_us: int | None = field(default=None, compare=False)
    design: Design | None = None
    played: Improvisation | None = None


def source_of(scene: Scene, circle_us: int | None) -> Source:
    """Return what to show for `scene` at circle time `circle_us`, None without a circle clock.

    A pattern whose life is over, or whose lease ended more than a second ago without word, is
    left for the own light: a pattern is never stuck on.
    """
    if scene.rung is Rung.OFF or scene.rung is Rung.GLOW:
        return Source(scene.rung)
    if scene.rung is Rung.HARMONY:
        return Source(Rung.HARMONY, scene.own_state, counts=scene.harmony_counts)
    solo = Source(Rung.SOLO, scene.own_state)
    if scene.rung is Rung.SOLO or scene.pattern is None or circle_us is None:
        return solo
    source = pattern_source(scene.pattern, scene.start_us, scene.own_state)
    if source is None or source.pattern is None:
        return solo
    end_us = scene.until_us + HOLD_US_MAX
    if source.pattern.life_s is not None:
        end_us = min(end_us, scene.start_us + source.pattern.life_s * US_PER_S)
    return replace(source, end_us=end_us) if circle_us < end_us else solo


def pattern_source(encoded: bytes, start_us: int, own_state: int) -> Source | None:
    """Return the source for an encoded pattern, None if it cannot be read."""
    try:
        pattern = decode(encoded)
    except Malformed:
        return None
    return Source(Rung.COMMITTED, own_state, pattern, encoded, start_us)


def compose(
    source: Source, positions_cm: tuple[Position | None, ...], *, config: LightConfig, gamut: Gamut
) -> tuple[Blend, ...]:
    """Return the blend of every pixel for `source`."""
    if source.pattern is not None:
        return tuple(
            _collective(source, source.pattern, position_cm, config=config, gamut=gamut)
            for position_cm in positions_cm
        )
    blend = Blend(source.played or _alone(source, config, gamut))
    return (blend,) * len(positions_cm)


def _collective(
    source: Source,
    pattern: Pattern,
    position_cm: Position | None,
    *,
    config: LightConfig,
    gamut: Gamut,
) -> Blend:
    design = source.design or standard(config)
    worn = design.expressions[source.own_state]
    own = _breathing(
        replace(worn, period_ds=pattern.period_ds),
        ceiling_percent=design.ceiling_percent,
        gamut=gamut,
    )
    if source.design is not None:
        # The wearer's ceiling holds for whatever this device shows, the circle's light too.
        gamut = gamut.lowered(design.ceiling_percent)
    motif = prepare(pattern, source.start_us, position_cm=position_cm, own=worn.colour, gamut=gamut)
    own = replace(own, start_us=source.start_us, offset=offset_at(pattern, position_cm))
    return Blend(own, motif, min(pattern.weight, design.share))


def _alone(source: Source, config: LightConfig, gamut: Gamut) -> Motif:
    if source.rung is Rung.OFF:
        return Motif(((0, 0, 0),))
    if source.rung is Rung.GLOW:
        return Motif(fit(STATE_LINEAR[NEUTRAL : NEUTRAL + 1], gamut, config.glow_percent))
    design = source.design or standard(config)
    worn = design.expressions[source.own_state]
    if source.rung is Rung.HARMONY:
        colour = harmony(source.own_state, source.counts, design.colours)
        worn = replace(worn, colour=colour, period_ds=config.harmony_period_ds)
    return _breathing(worn, ceiling_percent=design.ceiling_percent, gamut=gamut)


def harmony(
    own_state: int, counts: tuple[int, ...], colours: tuple[Linear, ...] = STATE_LINEAR
) -> Linear:
    """Return the average light of the own state and the neighbours', rounded down."""
    weights = [count + (state == own_state) for state, count in enumerate(counts)]
    total = sum(weights)
    red, green, blue = (
        sum(w * colour[channel] for w, colour in zip(weights, colours, strict=True)) // total
        for channel in range(3)
    )
    return red, green, blue


def _breathing(worn: Expression, *, ceiling_percent: int, gamut: Gamut) -> Motif:
    """Return the own light breathing once per period; steady where that would be too steep."""
    colours = fit((worn.colour,), gamut, ceiling_percent)
    swing = -(-worn.depth * max(colours[0]) // 255)
    if worn.period_ds < period_min_ds(1, swing) or worn.period_ds == 0:
        return Motif(colours)
    return Motif(colours, period_us=worn.period_ds * US_PER_DS, depth=worn.depth)

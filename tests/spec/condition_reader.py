"""A second reading of SPEC.md's conditions of patterns (16.1), apart from the product."""

import math

from spec.light_reader import Fields, Triple, colour, fitted, mood


def ready(fields: Fields) -> list[Triple]:
    """RND-006 on the brightest device."""
    if fields[1] == 6:
        colours = [mood(*fields[16]), mood(*fields[17])]
    else:
        colours = [colour(code) for code in fields.get(7, [])]
    return fitted(colours, 39321, 65535, fields[6])


def move(first: Triple, second: Triple) -> int:
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def broken(fields: Fields, extent: int | None) -> list[str]:
    """Return the conditions that a pattern breaks, in the order of the text."""
    kind, colours = fields[1], ready(fields)
    found = []
    if kind in (1, 2, 3, 4):
        degree = fields[5] + (1 if len(colours) > 1 else 0)
        brightest = max((max(one) for one in colours), default=65535)
        swing = brightest if len(colours) > 1 else math.ceil(fields[4] * brightest / 255)
        found += ["PAT-010"] if degree > 3 else []
        found += ["PAT-011"] if fields[3] < 21 * degree else []
        found += ["PAT-012"] if fields[3] < math.ceil(62832 * degree * swing / 65535000) else []
    if kind == 6:
        ramp, swing = fields[18], math.ceil(fields[4] * max(max(one) for one in colours) / 255)
        room = 65535 * ramp - 2 * move(*colours)
        found += ["PAT-018"] if fields[3] < 40 else []
        found += ["PAT-019"] if fields[3] < math.ceil(62832 * swing * ramp / (1000 * room)) else []
        found += ["PAT-020"] if (20 * ramp) % fields[3] else []
    if kind == 5:
        lights = [colours[step[0]] for step in fields[15]]
        pairs = zip(lights, lights[1:] + lights[:1], strict=True)
        needed = [math.ceil(30 * move(*pair) / 65535) for pair in pairs]
        short = [step[2] < least for step, least in zip(fields[15], needed, strict=True)]
        found += ["PAT-021"] if any(short) else []
    if extent is not None and kind == 2:
        square = (fields[8] ** 2 + fields[9] ** 2) * extent**2
        found += ["PAT-013"] if square > 50000**2 else []
    if extent is not None and kind == 3:
        found += ["PAT-022"] if extent > 5 * fields[12] else []
    return found

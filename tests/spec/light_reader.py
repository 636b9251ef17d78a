"""A second reading of SPEC.md's light sections, for the vectors to be held against.

Written from the text alone; it imports nothing of the product. Where the two readings differ, the
text is not exact enough.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Triple = tuple[int, int, int]
Light = tuple[float, float, float]
Fields = Mapping[int, Any]

H = [math.floor(32768 * (1 + math.cos(2 * math.pi * i / 4096)) + 0.5) for i in range(4096)]


# Palette: PAL-002, PAL-003.

CONES = ((25974, 14143), (-6918, -4185), (-5864, -84639))
ROWS = ((267173, -216774, 15137), (-83128, 171033, -22369), (-275, -46099, 111910))


def raw_colour(code: int, k: int) -> list[int]:
    h, light = code >> 10, code & 63
    x = (1311 * k * (2 * H[64 * h] - 65536)) >> 16
    y = (1311 * k * (2 * H[(64 * h - 1024) % 4096] - 65536)) >> 16
    b = (2**20 * light) // 63
    cones = []
    for p, q in CONES:
        root = b + ((p * x + q * y) >> 16)
        cones.append((((root * root) >> 20) * root) >> 20)
    return [
        (((s * cones[0] + t * cones[1] + u * cones[2]) >> 16) * 65535 + 2**19) >> 20
        for s, t, u in ROWS
    ]


def colour(code: int) -> Triple:
    low, high = 0, 16 * (code >> 6 & 15)
    while low < high:
        mid = (low + high + 1) // 2
        if all(-64 <= channel <= 65599 for channel in raw_colour(code, mid)):
            low = mid
        else:
            high = mid - 1
    red, green, blue = (min(65535, max(0, channel)) for channel in raw_colour(code, low))
    return red, green, blue


# Rendering: RND-002 to RND-006.


def fitted(colours: list[Triple], m: int, v: int, ceiling: int) -> list[Triple]:
    covered = []
    for red, green, blue in colours:
        missing = red - 3 * (green + blue)
        grow = math.ceil(missing / 6) if missing > 0 else 0
        covered.append((red, green + grow, blue + grow))
    m = m * ceiling // 100
    f = 65536
    for red, green, blue in covered:
        y = 2126 * red + 7152 * green + 722 * blue
        if y > 10000 * m:
            f = min(f, m * 10000 * 65536 // y)
        if max(red, green, blue) > v:
            f = min(f, v * 65536 // max(red, green, blue))
    scaled = [((r * f) >> 16, (g * f) >> 16, (b * f) >> 16) for r, g, b in covered]
    return [(min(r, 3 * (g + b)), g, b) for r, g, b in scaled]


STATES = {
    "calm": (367, 44534, 48359),
    "excited": (59287, 56032, 10022),
    "neutral": (19121, 18837, 18001),
    "low": (1330, 1212, 15623),
    "high": (21177, 4014, 22721),
}
"""PAL-001."""


def mood(v: int, a: int) -> Triple:
    """RND-020."""
    m = max(abs(v), abs(a))
    if abs(v) == m:
        p, q, s = ("excited", "calm", a) if v >= 0 else ("high", "low", a)
    else:
        p, q, s = ("excited", "high", v) if a >= 0 else ("calm", "low", v)
    red, green, blue = (
        (2 * (8 - m) * n + (m + s) * x + (m - s) * y) // 16
        for n, x, y in zip(STATES["neutral"], STATES[p], STATES[q], strict=True)
    )
    return red, green, blue


def lag(fields: Fields, place: tuple[int, int] | None) -> int:
    """RND-003, RND-017."""
    if place is None:
        return 0
    x, y = place
    if fields[1] == 2:
        return ((fields[8] * x + fields[9] * y) * 2**32 // 10000) % 2**32
    if fields[1] == 3:
        square = (x - fields[10]) ** 2 + (y - fields[11]) ** 2
        return (math.isqrt(square * 2**20) * 2**22 // fields[12]) % 2**32
    return 0


def between(first: Triple, second: Triple, share: int) -> Triple:
    red, green, blue = (
        (a * (65536 - share) + b * share) // 65536 for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def told(story: Sequence[Sequence[int]], colours: list[Triple], elapsed: int) -> Triple:
    """RND-018: the light of a story, `elapsed` us after its start."""
    elapsed %= 100_000 * sum(hold + fade for _, hold, fade in story)
    place = 0
    while elapsed >= 100_000 * (story[place][1] + story[place][2]):
        elapsed -= 100_000 * (story[place][1] + story[place][2])
        place += 1
    colour, hold, fade = story[place]
    after = story[(place + 1) % len(story)][0]
    p = min(65536, max(0, (elapsed - 100_000 * hold) * 65536 // (100_000 * fade)))
    return between(colours[colour], colours[after], (p * p * (3 * 65536 - 2 * p)) >> 32)


def rendered(
    fields: Fields, colours: list[Triple], start_us: int, place: tuple[int, int] | None, t: int
) -> Triple:
    """Return the light at `t`; `colours` are fitted, `fields` the pattern's by key."""
    whole = 255 * 65536
    if fields[1] == 0:
        return colours[0]
    if fields[1] == 5:
        return told(fields[15], colours, t - start_us)
    if fields[1] == 6:
        share = min(65536, max(0, (t - start_us) * 65536 // (fields[18] * 1_000_000)))
        colours = [between(colours[0], colours[1], share)]
    period = fields[3] * 100_000
    phase = ((t - start_us) % period) * 2**32 // period
    theta = (phase - lag(fields, place)) % 2**32
    h = H[theta >> 20]
    p = {1: h, 2: (h * h) >> 16, 3: (((h * h) >> 16) * h) >> 16}[fields.get(5, 1)]
    gain = whole - fields[4] * (65536 - p)
    n = len(colours)
    weights = [H[((theta - i * 2**32 // n) % 2**32) >> 20] for i in range(n)] if n > 1 else [1]
    red, green, blue = (
        sum(w * one[c] for w, one in zip(weights, colours, strict=True))
        // sum(weights)
        * gain
        // whole
        for c in range(3)
    )
    return red, green, blue


# Governor.

STEP, UP, DOWN, FLOOR = 0.0999, 18.01 / 16.01, 16.01 / 18.01, 0.002
SECOND, JIT = 10**9, 50_000_000


def table_of(transfer: str) -> list[float]:
    def f(x: float) -> float:
        if transfer == "srgb":
            return x / 12.92 if x <= 0.04045 else float(((x + 0.055) / 1.055) ** 2.4)
        return float(x**2.8) if transfer == "gamma-2.8" else x

    return [math.floor(f(c / 255) * 2**40 + 0.5) / 2**40 for c in range(256)]


def luma(light: Light) -> float:
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


@dataclass(slots=True)
class Watch:
    """GOV-008, GOV-009, GOV-011."""

    rising: bool = False
    extremum: float = 0.0
    times: list[int] = field(default_factory=lambda: [0] * 6)

    def confirms(self, y: float) -> bool:
        e = self.extremum
        if not self.rising:
            return y >= min(e + STEP, max(FLOOR, e * UP))
        return y <= (e - STEP if e < FLOOR else max(e - STEP, e * DOWN))

    def refuses(self, y: float, now: int) -> bool:
        if not self.confirms(y):
            return False
        may_begin = self.times[4] < now - JIT - SECOND and self.times[0] < now - JIT - 5 * SECOND
        return not may_begin

    def take(self, y: float, now: int) -> None:
        if self.confirms(y):
            self.rising = not self.rising
            self.times = [*self.times[1:], now]
        elif y > self.extremum if self.rising else y < self.extremum:
            self.times[5] = now
        else:
            return
        self.extremum = y


class Reader:
    """One output with its zones, as the text of the section Governor says."""

    def __init__(self, zones: int, transfer: str, low_pass: bool) -> None:
        kinds = ["linear", "gamma-2.8"] if transfer == "unknown" else [transfer]
        self.tables = [table_of(kind) for kind in kinds]
        self.low_pass = low_pass
        self.a: list[Light] = [(0.0, 0.0, 0.0)] * zones
        self.codes: list[Triple] = [(0, 0, 0)] * zones
        self.watches = [[Watch() for _ in kinds] for _ in range(zones)]
        self.mean_watches = [Watch() for _ in kinds] if zones > 1 else []
        self.now = 0
        self.caps = {"night": [0.6, 0.6], "heat": [0.6, 0.6], "battery": [0.6, 0.6]}
        self.falling: tuple[list[Light], float] | None = None
        self.progress = 0.0
        self.is_off = self.is_locking = False
        self.dark_until = 0
        self.over_since: int | None = None

    def do(self, what: str, cap: float) -> None:
        if what in self.caps:
            self.caps[what][1] = min(0.6, cap)
        if what == "fall" or (what == "off" and not self.is_off):
            if self.falling is None or self.falling[1] > 0:
                self.begin_fall(0.0)
                self.is_locking = False
            self.is_locking = self.is_locking or what == "off"
        if what in ("off", "on"):
            self.is_off = what == "off"

    def begin_fall(self, goal: float) -> None:
        self.falling, self.progress = (list(self.a), goal), 0.0

    def lights(self, codes: Triple) -> list[Light]:
        return [(t[codes[0]], t[codes[1]], t[codes[2]]) for t in self.tables]

    def quantised(self, a: Light) -> Triple:
        red, green, blue = (max(c for c in range(256) if self.tables[0][c] <= x) for x in a)
        for t in self.tables:
            cover = 3 * (t[green] + t[blue])
            if t[red] > cover:
                red = max(c for c in range(256) if t[c] <= cover)
        return red, green, blue

    def wanted(self, request: Light, cap: float) -> Light:
        red, green, blue = (min(1.0, max(0.0, x)) if math.isfinite(x) else 0.0 for x in request)
        if red > 0.75 * (red + green + blue):
            w = (red / 0.75 - (red + green + blue)) / 2
            green, blue = green + w, blue + w
        y = luma((red, green, blue))
        g = cap / y if y > cap else 1.0
        if max(red, green, blue) * g > 1.0:
            g = 1.0 / max(red, green, blue)
        return red * g, green * g, blue * g

    def stepped(self, a: Light, goal: Light, dt: float) -> Light:
        d = [r - x for r, x in zip(goal, a, strict=True)]
        most = max(abs(x) for x in d)
        if most == 0:
            return a
        alpha = min(1.0, 0.5 * dt / most)
        if self.low_pass:
            alpha = min(alpha, dt / (dt + 0.2))
        return a[0] + alpha * d[0], a[1] + alpha * d[1], a[2] + alpha * d[2]

    def frame(self, request: list[Light], now: int) -> list[Triple]:
        ns = min(max(0, now - self.now), 33_333_333)
        dt, self.now = ns / 10**9, max(now, self.now)
        for level in self.caps.values():
            by = 0.1 * dt
            level[0] = (
                min(level[1], level[0] + by)
                if level[1] > level[0]
                else max(level[1], level[0] - by)
            )
        cap = min(level[0] for level in self.caps.values())
        brightest = max(luma(light) for codes in self.codes for light in self.lights(codes))
        if self.falling is None:
            self.watch_cap(cap, brightest)
        if self.falling is not None:
            self.a = self.fallen(dt)
            self.codes = [self.quantised(a) for a in self.a]
        else:
            if self.is_off or self.now < self.dark_until:
                request = [(0.0, 0.0, 0.0)] * len(request)
            self.govern([self.wanted(one, cap) for one in request], dt)
        for observer in range(len(self.tables)):
            for watches, codes in zip(self.watches, self.codes, strict=True):
                watches[observer].take(luma(self.lights(codes)[observer]), self.now)
            if self.mean_watches:
                self.mean_watches[observer].take(self.mean(self.codes, observer), self.now)
        return self.codes

    def watch_cap(self, cap: float, brightest: float) -> None:
        if brightest <= cap + 0.03:
            self.over_since = None
            return
        if self.over_since is None:
            self.over_since = self.now
        if self.now - self.over_since > SECOND:
            self.begin_fall(cap / brightest)
            self.over_since = None

    def fallen(self, dt: float) -> list[Light]:
        assert self.falling is not None
        origin, goal = self.falling
        self.progress = min(1.0, self.progress + dt / 0.5)
        by = 1 - self.progress * (1 - goal)
        if self.progress == 1.0:
            self.falling = None
            if self.is_locking:
                self.dark_until, self.is_locking = self.now + 2 * SECOND, False
        return [(a[0] * by, a[1] * by, a[2] * by) for a in origin]

    def govern(self, goals: list[Light], dt: float) -> None:
        new = []
        for zone, goal in enumerate(goals):
            a = self.stepped(self.a[zone], goal, dt)
            codes = self.quantised(a)
            lumas = [luma(light) for light in self.lights(codes)]
            pairs = zip(self.watches[zone], lumas, strict=True)
            held = any(watch.refuses(y, self.now) for watch, y in pairs)
            new.append((self.a[zone], self.codes[zone]) if held else (a, codes))
        old = list(zip(self.a, self.codes, strict=True))
        first = [self.mean([codes for _, codes in new], o) for o in range(len(self.tables))]
        for o, watch in enumerate(self.mean_watches):
            if watch.refuses(first[o], self.now):
                for zone, (_, codes) in enumerate(new):
                    is_now, was = (luma(self.lights(c)[o]) for c in (codes, self.codes[zone]))
                    if is_now < was if watch.rising else is_now > was:
                        new[zone] = old[zone]
        codes_now = [codes for _, codes in new]
        if any(
            w.refuses(self.mean(codes_now, o), self.now) for o, w in enumerate(self.mean_watches)
        ):
            new = old
        self.a, self.codes = [a for a, _ in new], [codes for _, codes in new]

    def mean(self, codes: list[Triple], observer: int) -> float:
        total = 0.0
        for one in codes:
            total += luma(self.lights(one)[observer])
        return total / len(codes)

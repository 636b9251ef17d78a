"""What an output does to numbers: codes, the light they become, and the current they draw.

An *observer* maps emitted codes to linear light. A sink whose transfer is known has one; a sink of
unknown transfer has two, linear and gamma 2.8, and every rule of the governor holds for both.
Tables are rounded to 2**-40, so that implementations with other power functions agree on every
code. Source: SPEC section Governor, GOV-007 and GOV-018.
"""

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum

Codes = tuple[int, int, int]
Table = tuple[float, ...]

TABLE_STEPS = 1 << 40


class Transfer(Enum):
    """How a sink turns a code into light."""

    LINEAR = "linear"
    SRGB = "srgb"
    GAMMA_28 = "gamma-2.8"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sink:
    """One kind of output. Units: milliamperes; `leds` is the number of LEDs of one zone.

    `light` is the table codes are chosen from, `observers` are the tables that judge them.
    `budget_ma` covers all zones; None means the supply bears full white.
    """

    light: Table
    observers: tuple[Table, ...]
    leds: int = 1
    channel_ma: float = 18.0
    idle_ma: float = 1.0
    budget_ma: float | None = None

    def channel_max(self, zones: int) -> float:
        """Return the largest light of one channel that keeps full white inside the budget.

        A static bound: a limiter that follows the current would itself flash.
        """
        if self.budget_ma is None:
            return 1.0
        count = zones * self.leds
        free_ma = self.budget_ma - count * self.idle_ma
        return min(1.0, max(0.0, free_ma / (3 * count * self.channel_ma)))

    def current_ma(self, codes: tuple[Codes, ...]) -> float:
        """Return the largest current that any observer expects of these codes."""
        totals = (sum(table[code] for pixel in codes for code in pixel) for table in self.observers)
        idle_ma = len(codes) * self.leds * self.idle_ma
        return idle_ma + self.leds * self.channel_ma * max(totals)

    def quantise(self, red: float, green: float, blue: float) -> Codes:
        """Return the largest codes that are no brighter, red lowered until 3 (G + B) covers it."""
        light = self.light
        code_red = bisect_right(light, red) - 1
        code_green = bisect_right(light, green) - 1
        code_blue = bisect_right(light, blue) - 1
        for table in self.observers:
            cover = 3 * (table[code_green] + table[code_blue])
            if table[code_red] > cover:
                code_red = bisect_right(table, cover) - 1
        return code_red, code_green, code_blue


def new_sink(transfer: Transfer = Transfer.LINEAR, *, bits: int = 8) -> Sink:
    """Build the tables of a sink with `bits` per channel; currents keep their defaults."""
    if transfer is Transfer.UNKNOWN:
        linear = transfer_table(Transfer.LINEAR, bits)
        return Sink(light=linear, observers=(linear, transfer_table(Transfer.GAMMA_28, bits)))
    table = transfer_table(transfer, bits)
    return Sink(light=table, observers=(table,))


def transfer_table(transfer: Transfer, bits: int) -> Table:
    """Return the light of every code, rounded to 2**-40 of full scale."""
    assert 1 <= bits <= 16
    code_max = (1 << bits) - 1
    return tuple(
        int(_light(transfer, code / code_max) * TABLE_STEPS + 0.5) / TABLE_STEPS
        for code in range(code_max + 1)
    )


def _light(transfer: Transfer, code: float) -> float:
    if transfer is Transfer.LINEAR:
        return code
    if transfer is Transfer.GAMMA_28:
        return float(code**2.8)
    assert transfer is Transfer.SRGB, "a sink of unknown transfer has observers, not a table"
    if code <= 0.04045:
        return code / 12.92
    return float(((code + 0.055) / 1.055) ** 2.4)

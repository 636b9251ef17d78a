"""What hangs on an output: LEDs in zones, their channel order, their supply."""

from dataclasses import dataclass, replace

from smilesync.light.sink import Codes, Sink, Transfer, new_sink
from smilesyncd.expectations import ZONES_MAX
from smilesyncd.outputs.slots import PRIORITY_DEFAULT

ORDERS = ("rgb", "rbg", "grb", "gbr", "brg", "bgr")
LEDS_MAX = 1530
"""Nine universes, which is what receivers of the field take; more devices show more light."""

ZONES_DEFAULT_MAX = 16
IDLE_MA = Sink(light=(), observers=()).idle_ma
BUDGET_MA_MAX = 200_000
RATE_HZ_MIN, RATE_HZ_MAX, RATE_HZ_DEFAULT = 20, 60, 30
"""Slower, a decision would wait longer for its frame than the 50 ms the governor allows for."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One output's hardware. Units: milliamperes, frames per second.

    `zones` and `leds` 0: what fits the output. `budget_ma` 0: the supply bears full white.
    `transfer` None: what is known of this kind of output. `order` empty: its usual one.
    """

    zones: int = 0
    leds: int = 0
    order: str = ""
    budget_ma: int = 0
    transfer: Transfer | None = None
    rate_hz: int = RATE_HZ_DEFAULT
    priority: int = PRIORITY_DEFAULT

    @property
    def budget_problem(self) -> str:
        """Say why the current budget cannot be kept; empty if it can."""
        zones = self.zones_or(1)
        idle_ma = zones * self._leds_per_zone(zones) * IDLE_MA
        if not self.budget_ma or self.budget_ma > idle_ma:
            return ""
        return (
            f"{self.budget_ma}; expected more than the {idle_ma:g} mA that the LEDs draw when "
            "they are dark, or 0 for no limit"
        )

    @property
    def zones_problem(self) -> str:
        """Say why the LEDs cannot be shared out among the zones; empty if they can."""
        if not self.leds or not self.zones or self.leds % self.zones == 0:
            return ""
        if self.zones > self.leds:
            return f"{self.zones}; expected at most one for each of the {self.leds} LEDs (leds)"
        near = range(self.zones, min(self.leds, ZONES_MAX) + 1)
        zones = [_divisor(self.leds, self.zones)]
        zones += [number for number in near if self.leds % number == 0][:1]
        fewer = self.leds // self.zones * self.zones
        leds = [number for number in (fewer, fewer + self.zones) if number <= LEDS_MAX]
        return (
            f"{self.zones}; expected zones of equally many of the {self.leds} LEDs (leds): choose "
            f"zones {_either(zones)}, or leds {_either(leds)}"
        )

    def zones_or(self, default: int) -> int:
        """Return how many zones are driven independently, with equally many LEDs each."""
        if self.zones:
            return self.zones
        return _divisor(self.leds, ZONES_DEFAULT_MAX) if self.leds else default

    def sink(self, transfer: Transfer, zones: int) -> Sink:
        """Return what the governor must know; `transfer` is what this kind of output does."""
        return replace(
            new_sink(self.transfer or transfer),
            leds=self._leds_per_zone(zones),
            budget_ma=float(self.budget_ma) if self.budget_ma else None,
        )

    def _leds_per_zone(self, zones: int) -> int:
        return -(-max(self.leds, zones) // zones)


class Layout:
    """Lays zones out along a strip: bytes of every LED, in the strip's channel order.

    All zones have equally many LEDs: the governor bounds the mean of the zones (GOV-010), and only
    so is that the mean of what people see.
    """

    def __init__(self, zones: int, leds: int, order: str) -> None:
        assert order in ORDERS
        self._places = tuple("rgb".index(letter) for letter in order)
        assert max(leds, zones) % zones == 0
        self._length = max(leds, zones) // zones

    def lay(self, codes: tuple[Codes, ...]) -> bytes:
        """Return three bytes for each LED."""
        first, second, third = self._places
        return b"".join(
            bytes((zone[first], zone[second], zone[third])) * self._length for zone in codes
        )


def _divisor(number: int, most: int) -> int:
    """Return the largest divisor of `number` that is not above `most`."""
    return next(one for one in range(min(number, most), 0, -1) if number % one == 0)


def _either(numbers: list[int]) -> str:
    return " or ".join(str(number) for number in numbers)

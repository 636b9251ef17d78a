"""What a wearer can tell their own device; validated values, nothing more."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from smilesync.keys import Signer
from smilesync.wire.messages import Carried


class EmotionState(IntEnum):
    """The five shared states (circumplex quadrants and the middle), as on the wire."""

    CALM = 0
    EXCITED = 1
    NEUTRAL = 2
    LOW = 3
    HIGH = 4


class Switch(IntFlag):
    """Consent switches; each is the wearer's alone and wins over everything but light safety."""

    SHOW = 1
    """Show the own emotion on the own light; without it the light is a steady dim glow."""
    SHARE = 2
    """Broadcast the own emotion, signed, to neighbours. Off by default: it reveals something."""
    COLLECTIVE = 4
    """Join the circle's certified pattern."""
    SUGGEST = 8
    """Accept suggestions of a sensor. Off by default."""
    LIT = 16
    """The light is on: the off button clears it, and it stays off through a restart."""

    def __contains__(self, other: "Switch") -> bool:
        """Are all of `other` on? Asked at every look, and a flag's own answer takes long."""
        mine: int = self._value_
        others: int = other._value_
        return others & ~mine == 0


DEFAULT_SWITCHES = Switch.SHOW | Switch.COLLECTIVE | Switch.LIT


@dataclass(frozen=True, slots=True)
class Feel:
    """The wearer says how they feel."""

    state: EmotionState


@dataclass(frozen=True, slots=True)
class SetConsent:
    """Turn one switch on or off; off acts at once, before any message."""

    switch: Switch
    on: bool


@dataclass(frozen=True, slots=True)
class SetOff:
    """The off button: dark LEDs until pressed again."""

    off: bool


@dataclass(frozen=True, slots=True)
class Suggest:
    """A sensor process suggests arousal, never an emotion; the wearer may accept within 2 min."""

    activated: bool


@dataclass(frozen=True, slots=True)
class AnswerSuggestion:
    """The wearer accepts (the display follows) or dismisses the pending suggestion."""

    accept: bool


@dataclass(frozen=True, slots=True)
class Prefer:
    """The encoded light pattern this device proposes when it leads (t0 and fade are set then)."""

    pattern: bytes


@dataclass(frozen=True, slots=True)
class WishFor:
    """The wearer asks the whole circle to show this encoded pattern for a while."""

    pattern: bytes


@dataclass(frozen=True, slots=True)
class Join:
    """The wearer wants to be a voter of the circle; `grant`: the invitation, if one is needed."""

    grant: Carried | None


@dataclass(frozen=True, slots=True)
class Leave:
    """The wearer leaves the circle; `is_now`: without waiting for the circle to decide it."""

    is_now: bool


@dataclass(frozen=True, slots=True)
class Merge:
    """The wearer says whether the circle may merge with others that it meets."""

    agrees: bool


@dataclass(frozen=True, slots=True, repr=False)
class RotateKey:
    """The wearer wants another voter key: `spare`, which is durable and was never used."""

    spare: Signer


WEARERS = Feel | SetConsent | SetOff | AnswerSuggestion | WishFor | Leave | Merge | RotateKey
"""Commands that a person gives; a sensor's suggestion or a setting says nothing of the wearer."""
Command = WEARERS | Suggest | Prefer | Join

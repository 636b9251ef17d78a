"""The wearer's switches: they win over everything, act at once, and survive power loss.

Turning one off needs no message and no other device. SPEC section Consent (CNS).
"""

from smilesync.commands import SetConsent, Switch
from smilesync.effects import Effect, Event, Notice, Persist
from smilesync.errors import LocalError
from smilesync.wire import records

SWITCHES = list(Switch)


class Consent:
    """The switches, and the record that keeps each change."""

    __slots__ = ("switches",)

    def __init__(self, switches: Switch) -> None:
        self.switches = switches

    def allows(self, switch: Switch) -> bool:
        """Return whether the wearer allows it now."""
        return switch in self.switches

    def set(self, change: SetConsent) -> list[Effect]:
        """Turn a switch; nothing happens if it stands there already.

        Errors: LocalError unless exactly one known switch is named.
        """
        if change.switch not in SWITCHES:
            raise LocalError(f"{change.switch!r} is not one consent switch")
        if change.on == self.allows(change.switch):
            return []
        self.switches ^= change.switch
        detail = f"switch={change.switch.name} on={change.on}"
        record = records.encode(records.ConsentSet(int(self.switches)))
        return [Persist(record), Notice(Event.CONSENT_CHANGED, detail=detail)]

"""Which addresses to try when: back-off with jitter, bounded, never forgetting a static peer.

SPEC section Discovery. An address is only ever a hint; who answers there decides. Three paces:
an address without a known peer doubles its interval up to a cap (a static one never gives up, a
hint does); the addresses of a peer that fell silent are tried quickly, because the usual reason
is a cut or a restart; an address whose peer is heard rests.
"""

from smilesync.entropy import Entropy
from smilesync.ids import Address, PeerId
from smilesync.mesh.config import LinkConfig

NEVER_NS = 2**62 - 1
_NS_PER_US = 1_000


class _Target:
    """One address. `urgent_ns` is when its peer fell silent, -1 if that is not the reason."""

    __slots__ = ("is_permanent", "last_ns", "next_ns", "peer", "tries", "urgent_ns")

    def __init__(self, now_ns: int, *, is_permanent: bool) -> None:
        self.is_permanent = is_permanent
        self.peer: PeerId | None = None
        self.next_ns = now_ns
        self.last_ns = -1
        self.tries = 0
        self.urgent_ns = -1


class Dialer:
    """The schedule of dialling; it sends nothing itself."""

    def __init__(self, config: LinkConfig, entropy: Entropy) -> None:
        self._config = config
        self._entropy = entropy
        self._targets: dict[Address, _Target] = {}
        self._own_until_ns: dict[Address, int] = {}
        self._deadline_ns = NEVER_NS

    def __len__(self) -> int:
        return len(self._targets)

    def deadline_ns(self) -> int:
        """Return when the next address is due."""
        return self._deadline_ns

    def hint(self, address: Address, now_ns: int, *, is_permanent: bool) -> None:
        """Note an address worth trying; a known one that is backing off is tried anew."""
        if self._own_until_ns.get(address, now_ns) > now_ns:
            return
        target = self._targets.get(address)
        if target is None:
            if not self._make_room(now_ns, is_permanent=is_permanent):
                return
            self._targets[address] = _Target(now_ns, is_permanent=is_permanent)
        else:
            target.is_permanent |= is_permanent
            if target.next_ns != NEVER_NS and target.urgent_ns < 0:
                target.tries = 0
                target.next_ns = max(now_ns, target.last_ns + self._config.dial_first_ns)
        self._update_deadline()

    def due(self, now_ns: int) -> list[Address]:
        """Return the addresses to dial now, and schedule each anew or forget it."""
        if now_ns < self._deadline_ns:
            return []
        addresses = [a for a, target in self._targets.items() if target.next_ns <= now_ns]
        for address in addresses:
            target = self._targets[address]
            target.tries += 1
            target.last_ns = now_ns
            target.next_ns = now_ns + self._interval_ns(target, now_ns)
            is_hopeless = target.tries >= self._config.dial_hint_attempts_max
            if is_hopeless and target.urgent_ns < 0 and not target.is_permanent:
                del self._targets[address]
        self._update_deadline()
        return addresses

    def answered(self, address: Address, now_ns: int) -> None:
        """Wait a little with the next dial: a handshake with this address is nearly done."""
        target = self._targets.get(address)
        if target is not None and target.next_ns != NEVER_NS:
            target.next_ns = max(target.next_ns, now_ns + self._config.dial_answered_pause_ns)
            self._update_deadline()

    def reached(self, address: Address, peer: PeerId) -> None:
        """Note that `peer` answered from `address`: no more dials while it is heard."""
        target = self._targets.get(address)
        if target is not None:
            target.peer = peer
        self.rest(peer)

    def rest(self, peer: PeerId) -> None:
        """Stop dialling all addresses of a peer that is heard."""
        for target in self._targets.values():
            if target.peer == peer:
                target.next_ns = NEVER_NS
                target.tries = 0
                target.urgent_ns = -1
        self._update_deadline()

    def redial(self, peer: PeerId, address: Address, now_ns: int) -> None:
        """Dial the last address of `peer` and every other one it has answered from, quickly."""
        if address not in self._targets and self._make_room(now_ns, is_permanent=False):
            self._targets[address] = _Target(now_ns, is_permanent=False)
        if address in self._targets:
            self._targets[address].peer = peer
        for target in self._targets.values():
            if target.peer == peer and target.urgent_ns < 0:
                target.urgent_ns = now_ns
                target.next_ns = now_ns
        self._update_deadline()

    def lost(self, peer: PeerId, now_ns: int) -> None:
        """Go on at the ordinary pace: no session with `peer` is left."""
        for target in self._targets.values():
            if target.peer == peer:
                target.peer = None
                target.urgent_ns = -1
                target.tries = 0
                target.next_ns = now_ns + self._interval_ns(target, now_ns)
        self._update_deadline()

    def disown(self, address: Address, now_ns: int) -> None:
        """Forget an address that turned out to be our own.

        Not for ever: whoever can redirect our datagrams to us for a moment must not be able to
        take a static peer away.
        """
        target = self._targets.get(address)
        until_ns = now_ns + self._config.own_address_quarantine_ns
        if target is not None and target.is_permanent:
            target.next_ns = until_ns
        elif target is not None:
            del self._targets[address]
        self._own_until_ns = {a: t for a, t in self._own_until_ns.items() if t > now_ns}
        if len(self._own_until_ns) < self._config.addresses_max:
            self._own_until_ns[address] = until_ns
        self._update_deadline()

    def _interval_ns(self, target: _Target, now_ns: int) -> int:
        """Return the time to the next dial: the pace of the target, give or take a quarter."""
        config = self._config
        if target.urgent_ns >= 0:
            is_early = now_ns - target.urgent_ns < config.redial_urgent_for_ns
            interval_ns = config.redial_ns if is_early else config.redial_later_ns
        else:
            cap_ns = (
                config.dial_permanent_cap_ns if target.is_permanent else config.dial_hint_cap_ns
            )
            doublings = min(max(target.tries - 1, 0), 16)
            interval_ns = min(config.dial_first_ns << doublings, cap_ns)
        spread_us = interval_ns // 2 // _NS_PER_US
        jitter_ns = self._entropy.below(spread_us + 1) * _NS_PER_US
        return interval_ns - interval_ns // 4 + jitter_ns

    def _make_room(self, now_ns: int, *, is_permanent: bool) -> bool:
        """Return whether one more target fits, after dropping the least useful hint if need be."""
        if len(self._targets) < self._config.addresses_max:
            return True
        victims = [
            (target.peer is not None, target.last_ns, address)
            for address, target in self._targets.items()
            if not target.is_permanent
        ]
        if not victims:
            return False
        has_peer, last_ns, address = min(victims)
        # A flood of hints must not push out addresses that are still waiting for their first dial.
        if not is_permanent and (has_peer or last_ns < 0 or now_ns <= last_ns):
            return False
        del self._targets[address]
        return True

    def _update_deadline(self) -> None:
        self._deadline_ns = min((t.next_ns for t in self._targets.values()), default=NEVER_NS)

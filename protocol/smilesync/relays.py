"""A circle beyond own links: partners, what is passed on to them, voters reached over them.

Beside `Circle` and `CircleClock`, which know only neighbours: it feeds them what came over others
and passes on what they learned. Costs nothing while every device has links to all voters. Source:
SPEC section Spreading.
"""

from smilesync.circle.beacon import BeaconBook, Word, sign_beacon
from smilesync.circle.circle import Circle
from smilesync.circle.errands import Errands, Ways, answer, read_answer
from smilesync.circle.farasking import question_of, reply_to
from smilesync.circle.hearsay import is_hearsay, over_others
from smilesync.circle.pace import first_view_ns, status_interval_ns
from smilesync.circle.partners import Partner, Partners
from smilesync.circle.spread import Print, decided_messages, note_held, open_messages, print_of
from smilesync.clock.relayed import Relayed
from smilesync.clock.sync import CircleClock
from smilesync.config import RelayConfig
from smilesync.effects import Effect, Send
from smilesync.entropy import Entropy
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId
from smilesync.wire import codec
from smilesync.wire.messages import (
    Ask,
    Beacons,
    Carried,
    CircleMessage,
    Hello,
    SpreadMessage,
    Status,
    Told,
)
from smilesync.wire.spreading import NONCE_BYTES

NEVER_NS = 2**62 - 1
NS_PER_US = 1_000


class Relays:
    """What one device does for those of its circle that it has no link with, and they for it."""

    def __init__(self, config: RelayConfig, circle: Circle, name: PeerId, entropy: Entropy) -> None:
        around, roster = circle.around, circle.roster
        self._config = config
        self._entropy = entropy
        self._around = around
        self.partners = Partners(roster.circle, roster, name, around.me, entropy)
        self._beacons = BeaconBook(around.roster, around.me, around.verifier)
        self._errands = Errands()
        self._misses: dict[int, int] = {}
        circle.asking.partners = self.partners.known
        self._reception = circle.members.reception
        self._reception.pool.neighbours = self.partners.links
        self._slot = circle.slot
        self._print: Print = print_of(circle.slot)
        self._was_synced = False
        self._turn = 0
        self._asks_again = False
        self._fast_left = config.fast_polls
        self._hello_ns = self._push_ns = self._beacon_ns = self._poll_ns = NEVER_NS

    def deadline_ns(self) -> int:
        """Return when to call `wake`."""
        return min(min(self._hello_ns, self._push_ns), min(self._beacon_ns, self._poll_ns))

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """A link came up: greet the neighbour if it may be a partner."""
        reach = self.partners.reach, self.partners.serves
        greeting: list[Effect] = []
        for to in self.partners.connected(peer):
            greeting.append(Send(to, self.partners.hello()))
        self._tell_reach(reach, now_ns)
        return greeting

    def disconnected(self, peer: PeerId, now_ns: int) -> None:
        """The link is gone: no way leads over it."""
        reach = self.partners.reach, self.partners.serves
        self.partners.disconnected(peer)
        self._beacons.forget(peer)
        self._tell_reach(reach, now_ns)

    def handle(
        self,
        message: SpreadMessage,
        sender: PeerId,
        circle: Circle,
        clock: CircleClock,
        now_ns: int,
    ) -> tuple[list[Effect], bool]:
        """Take a message; returns what follows, and whether circle or clock learned something.

        Errors: RemoteError; nothing has changed then but what the sender is charged.
        """
        if isinstance(message, Hello):
            return self._handle_hello(message, sender, now_ns), True
        partner = self.partners.known.get(sender)
        if partner is None:
            raise Unwelcome("SPR-021", "from a neighbour that did not say HELLO")
        if isinstance(message, Beacons):
            return [], self._handle_beacons(message, partner, circle, clock, now_ns)
        if isinstance(message, Ask):
            return self._handle_ask(message, partner, circle, clock, now_ns), False
        return self._handle_told(message, sender, circle, clock, now_ns)

    def heard(self, message: CircleMessage, sender: PeerId, circle: Circle) -> None:
        """A circle message of `sender` was taken: it holds what it sent."""
        partner = self.partners.known.get(sender)
        if partner is not None:
            note_held(partner, message, circle.slot)

    def hear(self, said: Carried, sender: PeerId, circle: Circle, now_ns: int) -> list[Effect]:
        """Take a petition of a neighbour and pass it on. Errors: RemoteError."""
        return self.carry(circle.handle_said(said, sender, now_ns), circle, sender)

    def carry(
        self, effects: list[Effect], circle: Circle, sender: PeerId | None = None
    ) -> list[Effect]:
        """Send what is said to far voters over partners, not back to `sender`."""
        if not self.partners.known or not any(map(is_hearsay, effects)):
            return effects
        index_of = circle.roster.index_of.get
        return over_others(effects, index_of, self.ways(circle), sender)

    def settle(
        self, effects: list[Effect], circle: Circle, clock: CircleClock, now_ns: int
    ) -> list[Effect]:
        """Whatever an input led to: a new roster, a decision, votes to pass on.

        Returns `effects` as they can be carried out, and what follows them.
        """
        return self.carry(effects, circle) + self._look(circle, clock, now_ns)

    def _look(self, circle: Circle, clock: CircleClock, now_ns: int) -> list[Effect]:
        if circle.members.around is not self._around:
            self._follow(circle, now_ns)
        if circle.slot is not self._slot:
            config, delay_us = circle.around.config, clock.delay_us()
            circle.slot.first_view_ns = first_view_ns(delay_us, config)
            if self.partners.known:
                circle.asking.interval_ns = status_interval_ns(delay_us, config)
        self._reception.is_passing = bool(self.partners.known)
        if not self.partners.known:
            self._slot = circle.slot
            return []
        effects: list[Effect] = []
        before, self._slot = self._slot, circle.slot
        if before is not circle.slot and circle.chain.newest is not None:
            decided, certificate = circle.chain.newest
            for partner in self._few():
                messages = decided_messages(partner, before, decided, certificate)
                effects += [Send(partner.peer, message) for message in messages]
        if self._print != (found := print_of(circle.slot)):
            self._print = found
            self._push_soon(now_ns)
        if clock.is_synced != self._was_synced:
            self._was_synced = clock.is_synced
            self._fast_left = self._config.fast_polls
            if self._beacon_ns != NEVER_NS:
                self._beacon_ns = min(self._beacon_ns, now_ns + 1)
        return effects

    def wake(self, circle: Circle, clock: CircleClock, now_ns: int) -> list[Effect]:
        """Say, push, signal and ask what is due."""
        effects: list[Effect] = []
        if now_ns < self.deadline_ns():
            return effects
        if now_ns >= self._hello_ns:
            self._hello_ns = now_ns + self._config.hello_again_ns
            for peer in self.partners.greeted():
                effects.append(Send(peer, self.partners.hello()))
        if now_ns >= self._beacon_ns:
            self._signal(circle, clock, now_ns, effects)
        if now_ns >= self._push_ns:
            self._push_ns = NEVER_NS
            for partner in self._few():
                messages = [
                    *open_messages(partner, circle.slot),
                    *self._beacons.news_for(partner),
                ]
                effects += [Send(partner.peer, message) for message in messages]
        if now_ns >= self._poll_ns:
            self._poll(circle, clock, now_ns, effects)
        return effects

    def _handle_hello(self, hello: Hello, sender: PeerId, now_ns: int) -> list[Effect]:
        reach = self.partners.reach, self.partners.serves
        back = self.partners.handle_hello(hello, sender)
        if sender not in self.partners.known:
            return []
        self._tell_reach(reach, now_ns)
        self._hello_ns = min(self._hello_ns, now_ns + self._config.hello_again_ns)
        self._push_soon(now_ns)
        if self._poll_ns == NEVER_NS:
            self._poll_ns = now_ns + self._config.fast_poll_ns
            self._beacon_ns = now_ns + self._config.first_beacon_ns
        return [Send(peer, self.partners.hello()) for peer in back]

    def _handle_beacons(
        self,
        message: Beacons,
        partner: Partner,
        circle: Circle,
        clock: CircleClock,
        now_ns: int,
    ) -> bool:
        is_news = False
        for beacon in message.beacons:
            voter = self._beacons.take(beacon, partner.peer, now_ns, circle.slot.number)
            if voter is None:
                continue
            is_news = True
            identity = circle.roster.identities[voter]
            if beacon.is_synced:
                spoke_ns = clock.heard_at(identity, beacon.circle_us, now_ns)
                circle.presence.heard_of(identity, spoke_ns)
            if beacon.slot >= self._beacons.since_slot:
                circle.presence.reported(identity, beacon.away, now_ns)
            circle.asking.hear_of(beacon.slot, circle.slot.number, now_ns)
        self._beacons.note(partner, message.beacons)
        if is_news:
            self._push_ns = min(self._push_ns, now_ns + self._config.beacon_batch_ns)
        return is_news

    def _handle_ask(
        self, ask: Ask, partner: Partner, circle: Circle, clock: CircleClock, now_ns: int
    ) -> list[Effect]:
        self._charge(partner, now_ns)
        effects: list[Effect] = []
        around = circle.around
        if around.me is not None and around.signer is not None and ask.voters >> around.me & 1:
            status = reply_to(ask, circle.slot, circle.chain)
            time = clock.publish_us(now_ns, effects), clock.is_synced
            told = answer(ask, around.roster, around.signer, time=time, status=status)
            effects.append(Send(partner.peer, told))
            ask = Ask(ask.nonce, ask.voters & ~(1 << around.me), ask.asker, ask.question)
        parts = self._errands.forward(ask, partner.peer, self.ways(circle), now_ns)
        return effects + [Send(to, part) for to, part in parts]

    def _handle_told(
        self, told: Told, sender: PeerId, circle: Circle, clock: CircleClock, now_ns: int
    ) -> tuple[list[Effect], bool]:
        asker, asked_ns = self._errands.handle_told(told, sender, now_ns)
        if asker is not None:
            self._errands.close(told)
            return [Send(asker, told)], False
        around = circle.around
        found = read_answer(told, around.roster, around.verifier, asked_ns)
        self._errands.close(told)
        self._misses.pop(told.voter, None)
        identity = around.roster.identities[told.voter]
        circle.presence.heard_of(identity, asked_ns)
        reading = Relayed(found.circle_us, found.is_synced, found.asked_ns)
        clock.take_relayed(identity, reading, now_ns)
        if found.status is None:
            return [], True
        message = codec.decode(found.status)
        if isinstance(message, Status):
            return circle.handle(message, identity, now_ns), True
        return [], True

    def _signal(
        self, circle: Circle, clock: CircleClock, now_ns: int, effects: list[Effect]
    ) -> None:
        """Make the own beacon, at the same circle time as all: so they travel together."""
        around, period_us = circle.around, self._config.beacon_us
        self._beacon_ns = now_ns + period_us * NS_PER_US
        if around.me is None or around.signer is None or not self._is_needed():
            return
        circle_us = clock.publish_us(now_ns, effects)
        if circle_us is None:
            return
        if clock.is_synced and clock.timeline is not None:
            next_us = (circle_us // period_us + 1) * period_us
            self._beacon_ns = max(clock.timeline.local_at(next_us), now_ns + 1)
        word = Word(circle_us, circle.slot.number, clock.is_synced, circle.away(now_ns))
        beacon = sign_beacon(around.roster, around.signer, word)
        self._beacons.keep_own(beacon)
        self._push_ns = min(self._push_ns, now_ns + self._config.beacon_batch_ns)

    def _is_needed(self) -> bool:
        """Is there somebody without a link to this voter, here or behind a partner?"""
        partners = self.partners
        return partners.serves or any(one.serves for one in partners.known.values())

    def _poll(self, circle: Circle, clock: CircleClock, now_ns: int, effects: list[Effect]) -> None:
        """Ask the voters without an own link for their time, over the partners."""
        roster, is_again = circle.roster, self._asks_again and clock.is_synced
        circle.is_far = self.partners.reach.bit_count() < roster.quorum
        far = [index for index in range(roster.size) if not self.partners.is_linked(index)]
        far = [index for index in far if self._beacons.ways(index)]
        is_worth_it = self._is_worth_asking(circle, now_ns)
        if is_again:
            far = [index for index in far if self._misses.get(index) == 1]
        elif clock.is_synced:
            far = self._in_turn(far, roster.quorum + self._config.spare_voters)
        elif not is_worth_it:
            far = []
        self._asks_again = clock.is_synced and not is_again and bool(far)
        self._plan_poll(
            now_ns, is_synced=clock.is_synced, is_worth_it=is_worth_it, is_again=is_again
        )
        if not far:
            return
        for index in far:
            self._misses[index] = self._misses.get(index, 0) + 1
        question = question_of(circle.guard, circle.slot)
        voters = sum(1 << index for index in far)
        asker = circle.around.me if question is not None else None
        ask = Ask(self._entropy.draw(NONCE_BYTES), voters, asker, question)
        parts = self._errands.begin(ask, self._own_ways(), now_ns)
        effects += [Send(to, part) for to, part in parts]

    def _plan_poll(
        self, now_ns: int, *, is_synced: bool, is_worth_it: bool, is_again: bool
    ) -> None:
        """Plan the next question: soon again to those that may miss this one, else in its turn."""
        config = self._config
        if self._asks_again:
            self._poll_ns = now_ns + config.poll_again_ns
            return
        if is_synced:
            gap_ns = config.poll_ns - (config.poll_again_ns if is_again else 0)
        elif is_worth_it and self._fast_left > 0:
            self._fast_left -= 1
            gap_ns = config.fast_poll_ns
        else:
            gap_ns = config.slow_poll_ns
        self._poll_ns = now_ns + gap_ns - self._entropy.below(gap_ns // 8)

    def _is_worth_asking(self, circle: Circle, now_ns: int) -> bool:
        """Would a device that is not SYNCED become so by the answers, or others by its own?"""
        is_voter = circle.around.me is not None
        return is_voter or self._beacons.synced(now_ns) >= circle.roster.quorum

    def _in_turn(self, far: list[int], most: int) -> list[int]:
        """Return so many of the far voters, others each time."""
        self._turn += most
        turn = self._turn % max(1, len(far))
        return (far[turn:] + far[:turn])[:most]

    def ways(self, circle: Circle) -> Ways:
        """Return over whom a voter is reached: itself, or the partners that lead there."""
        identities = circle.roster.identities

        def ways(voter: int) -> list[PeerId]:
            if self.partners.is_linked(voter):
                return [identities[voter]]
            return self._beacons.ways(voter)

        return ways

    def _own_ways(self) -> Ways:
        """Try the next best way to a voter after each question that it left unanswered."""

        def ways(voter: int) -> list[PeerId]:
            found = self._beacons.ways(voter)
            turn = max(0, self._misses.get(voter, 1) - 1) % max(1, len(found))
            return found[turn:] + found[:turn]

        return ways

    def _few(self) -> list[Partner]:
        """Return a few partners to push to, others each time."""
        pool = list(self.partners.known.values())
        while len(pool) > self._config.fanout:
            pool.pop(self._entropy.below(len(pool)))
        return pool

    def _push_soon(self, now_ns: int) -> None:
        self._push_ns = min(self._push_ns, now_ns + self._config.batch_ns)

    def _tell_reach(self, before: tuple[int, bool], now_ns: int) -> None:
        """Let partners know, soon, if the own reach has changed since."""
        partners = self.partners
        if partners.is_calling and before != (partners.reach, partners.serves):
            self._hello_ns = min(self._hello_ns, now_ns + self._config.hello_ns)

    def _charge(self, partner: Partner, now_ns: int) -> None:
        """Let a partner's requests through as fast as agreed, and a burst at once."""
        config = self._config
        due_ns = max(partner.credit_ns, now_ns)
        if due_ns - now_ns > config.ask_burst_ns:
            raise Unwelcome("SPR-031", "a partner asks too much")
        partner.credit_ns = due_ns + config.ask_cost_ns

    def _follow(self, circle: Circle, now_ns: int) -> None:
        """Go over to another roster: nothing that was known by index holds."""
        before, self._around = self._around, circle.around
        if before.roster.hash == circle.roster.hash and before.me == circle.around.me:
            return
        self.partners.follow(circle.roster, circle.around.me)
        self._beacons.follow(circle.roster, circle.around.me, circle.slot.number)
        self._errands = Errands()
        self._misses.clear()
        if self.partners.known or self.partners.is_calling:
            self._hello_ns = min(self._hello_ns, now_ns + self._config.hello_ns)

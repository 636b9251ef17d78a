"""One participant of the mesh, as a deterministic function from inputs to effects.

`Peer` is everything above the link: it routes authenticated messages and commands to the machines
(circle, clock, emotion, neighbours), tells them of each other, and answers with effects in order.
Same configuration, keys, journal, entropy and calls give the same effects, byte for byte.
"""

from collections import Counter
from collections.abc import Sequence

from smilesync import boot, commands
from smilesync.belonging import Belonging
from smilesync.circle.circle import Circle
from smilesync.circle.genesis import Genesis
from smilesync.circle.ladder import Ladder, Surroundings
from smilesync.circle.lease import UNHEARD_NS_MAX, Standing
from smilesync.circle.reception import PETITIONS
from smilesync.commands import Command, SetConsent, Switch
from smilesync.config import Config
from smilesync.effects import Effect, Event, Notice, Rung, Scene, Show
from smilesync.emotion.board import EmotionBoard
from smilesync.entropy import Entropy
from smilesync.errors import LocalError, RemoteError
from smilesync.heard import Heard
from smilesync.ids import PeerId
from smilesync.keys import Signer, Verifier
from smilesync.light import conditions
from smilesync.membership import NEVER_NS, WILLING, Outside, Tools, new_clock
from smilesync.mesh.neighbours import Neighbours
from smilesync.scenery import NOBODY, scene_alone, scene_certified
from smilesync.statistics import Statistics, picture
from smilesync.wire import messages as says
from smilesync.wire.messages import Carried, Clock, Message, ObjectKind, Said, Status, Votes
from smilesync.wire.records import Record

CIRCLE_KINDS = PETITIONS | {ObjectKind.WISH, ObjectKind.INVITE}
LONELY_RUNGS = (Rung.SOLO, Rung.GLOW)
NOT_SEEN = -1


class Peer:
    """One participant. Call `wake` once after construction, then whenever `next_wake_ns` passed.

    `now_ns` is the local monotonic clock and never decreases. Nothing here raises on what a peer
    sends; commands raise LocalError before they change anything.
    """

    def __init__(
        self,
        config: Config,
        *,
        keys: boot.Keys,
        verifier: Verifier,
        genesis: Genesis | None,
        journal: Sequence[Record],
        entropy: Entropy,
        now_ns: int,
        is_amnesic: bool = False,
    ) -> None:
        # What every message looks at lies together.
        self._now_ns = self._wake_ns = self._light_ns = now_ns
        self.is_waiting = True
        """As `_look` found: may the next message, whatever it says, change what is shown?"""
        self._is_certified = False
        self.neighbours = Neighbours(config.emotion.company_ns)
        self.me = PeerId(keys.identity.public)
        self.dropped: Counter[str] = Counter()
        tools = Tools(config, verifier, entropy)
        self.belonging = Belonging(tools, keys, genesis, journal, now_ns, is_amnesic=is_amnesic)
        self._belong()
        self.clock = new_clock(config.clock, self.me, self._membership, journal, now_ns)
        self.board = EmotionBoard(
            config.emotion, keys.identity, verifier, entropy, boot.wearer_of(journal), now_ns
        )
        self.ladder = Ladder(config.circle.glow_after_ns, now_ns)
        self.scene = Scene(Rung.SOLO, self.board.state)
        self._signer = keys.identity
        self._preferred: bytes | None = None
        self._fall_count = 0
        self._is_clock_new = False
        self._around = self.circle.around if self.circle is not None else None

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """The link to `peer` came up."""
        self.neighbours.connected(peer, self._record_of(peer), now_ns)
        effects = self.clock.connected(peer, now_ns) + self.board.connected(peer, now_ns)
        return self._end(effects + self.belonging.connected(peer, now_ns), now_ns, is_news=True)

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """The link to `peer` is gone for good."""
        self.neighbours.disconnected(peer)
        self.clock.disconnected(peer)
        self.board.disconnected(peer, now_ns)
        self.belonging.disconnected(peer, now_ns)
        return self._settle([], now_ns)

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        """Take one authenticated message. Never raises on its content: it is counted and told."""
        assert now_ns >= self._now_ns, "local time never decreases"
        self._now_ns, is_early = now_ns, now_ns < self._wake_ns
        if not is_early and now_ns >= self.clock.expiry_ns:
            # After a pause, all that came meanwhile is handled before the timers that went off.
            return self._settle([], now_ns) + self.handle(message, sender, now_ns)
        heard = self.note(sender, now_ns)
        if is_early and message is heard.copied and not self.is_waiting:
            return []  # One of a storm: nothing else of the device is looked at.
        circle, clock = self.circle, self.clock
        if isinstance(message, Clock):
            if circle is not None and (message.away or heard.away):
                circle.presence.reported(sender, message.away, now_ns)
            effects = clock.handle_clock(message, sender, now_ns)
            # Certified light and a SYNCED clock: one more message moves no deadline.
            if self._is_certified and clock.is_synced:
                return effects
            if not self._is_settled(now_ns):
                return self._settle(effects, now_ns)
            self._wake_ns = min(self._wake_ns, clock.deadline_ns())
            return effects
        if isinstance(message, Carried):
            is_held = self.board.holds(message, sender, now_ns)
            if is_held:
                heard.copied = message
            elif message.kind not in CIRCLE_KINDS:
                heard.copied = None  # Another word takes the place of that one.
            if is_held or self.belonging.holds(message, sender):
                is_due = now_ns >= self._light_ns or self.is_waiting
                return self._settle([], now_ns) if is_due else []
        try:
            effects, is_news = self._route(message, sender, now_ns)
        except RemoteError as error:
            self.dropped[error.rule] += 1
            effects, is_news = [Notice(Event.MESSAGE_DROPPED, sender, str(error))], True
        is_spread = is_news and circle is not None and bool(self.relays.partners.known)
        if is_spread or (is_news and not self._is_settled(now_ns)):
            return self._settle(effects, now_ns)
        self._plan()
        return effects

    def note(self, sender: PeerId, now_ns: int) -> Heard:
        """Note that `sender` was heard; for a copy that is all that `handle` would do."""
        heard = self.neighbours.note(sender, now_ns) or self._record_of(sender)
        heard.said_ns = now_ns
        return heard

    def wake(self, now_ns: int) -> list[Effect]:
        """Run what is due."""
        assert now_ns >= self._now_ns, "local time never decreases"
        effects: list[Effect] = []
        circle, clock, self._now_ns = self.circle, self.clock, now_ns
        if now_ns >= clock.deadline_ns():
            if circle is not None:
                clock.away = circle.away(now_ns)
            effects += clock.wake(now_ns)
        if now_ns >= self.board.deadline_ns:
            effects += self.board.wake(now_ns)
        self._is_still_heard(now_ns)
        is_news = clock.revision != self._seen_clock
        effects = self._tell_clock(effects, now_ns)
        if circle is not None and now_ns >= circle.deadline_ns():
            effects += circle.wake(now_ns)
            is_news = True
        if circle is not None and now_ns >= self.relays.deadline_ns():
            effects += self.relays.wake(circle, clock, now_ns)
            is_news = True
        if circle is not None and now_ns >= self.crowd.deadline_ns:
            effects += self.crowd.wake(self.board, circle, clock, now_ns)
        if now_ns >= self.belonging.deadline_ns:
            effects += self._move(self.belonging.wake(self._outside(), now_ns))
            is_news = True
        effects = self._end(effects, now_ns, is_news=is_news)
        assert self._wake_ns > now_ns, "a timer that is due again at once starves the rest"
        return effects

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        """Do what the wearer says; raises LocalError and then changed nothing."""
        before = self.board.switches
        match command:
            case commands.Prefer(pattern):
                conditions.must_be_safe(pattern)
                self._preferred = pattern
                effects: list[Effect] = []
            case commands.WishFor(pattern):
                effects = self.belonging.wish(pattern, self._signer, now_ns)
            case commands.Join(grant):
                effects = self._circle_of_mine().join(self._signer, grant, now_ns)
            case commands.Leave(is_now):
                effects = self._leave(now_ns, is_now=is_now)
            case commands.Merge() | commands.RotateKey():
                effects = self.belonging.command(command)
            case commands.SetOff(off):
                effects = self.board.command(SetConsent(Switch.LIT, not off), now_ns)
            case _:
                effects = self.board.command(command, now_ns)
        if isinstance(command, commands.WEARERS):
            self.ladder.input(now_ns)
        self._fall_count += bool(int(before) & ~int(self.board.switches) & int(WILLING))
        return self._settle(effects, now_ns, is_changed=True)

    def invitation(self, lifetime_us: int, guest: PeerId | None, now_ns: int) -> str:
        """Return an invitation of this voter as one word. Raises LocalError when it may not."""
        line = self.clock.timeline if self.clock.is_synced else None
        until_us = line.at(now_ns) + lifetime_us if line is not None else None
        return self._circle_of_mine().members.invitation(self._signer, until_us, guest)

    def renewed(self, key: Signer, now_ns: int) -> list[Effect]:
        """Take the voter key that takes the place of an erased one; it is durable already."""
        effects = self.belonging.renewed(key, self._outside(), now_ns)
        return self._settle(self._move(effects), now_ns)

    def next_wake_ns(self) -> int:
        """Return the earliest deadline of all machines."""
        return self._wake_ns

    def statistics(self, now_ns: int) -> Statistics:
        """Return an immutable picture of the state."""
        return picture(self, now_ns)

    def _record_of(self, peer: PeerId) -> Heard:
        return self.circle.presence.of(peer) if self.circle is not None else Heard()

    def _circle_of_mine(self) -> Circle:
        if self.circle is None:
            raise LocalError("this device belongs to no circle; give it a genesis file")
        return self.circle

    def _leave(self, now_ns: int, *, is_now: bool) -> list[Effect]:
        """Leave the circle: light and emotion stop first, then others are told."""
        circle = self._circle_of_mine()
        effects = self.board.command(SetConsent(Switch.SHARE, False), now_ns)
        effects += self.board.command(SetConsent(Switch.COLLECTIVE, False), now_ns)
        return effects + circle.leave(self._signer, is_now=is_now)

    def _route(self, message: Said, sender: PeerId, now_ns: int) -> tuple[list[Effect], bool]:
        """Return what follows, and whether anybody learned something: it may be passed on only."""
        circle = self.circle
        if isinstance(message, Carried) and message.kind not in CIRCLE_KINDS:
            return self.board.handle_carried(message, sender, now_ns), True
        if circle is None:
            return [], True
        if isinstance(message, Carried):
            if message.kind in PETITIONS:
                return self.relays.hear(message, sender, circle, now_ns), True
            return self.belonging.take(message, sender, self._outside(), now_ns), True
        if not isinstance(message, (Votes, Status)):  # Nearly all are one of these.
            if isinstance(message, says.BelongingMessage):
                effects = self.belonging.handle(message, sender, self._outside(), now_ns)
                return self._move(effects), True
            if isinstance(message, says.SpreadMessage):
                return self.relays.handle(message, sender, circle, self.clock, now_ns)
            if isinstance(message, says.Feelings):
                return self.crowd.take(message, sender, circle, self.clock, now_ns), False
        effects = circle.handle(message, sender, now_ns)
        self.relays.heard(message, sender, circle)
        return effects, True

    def _outside(self) -> Outside:
        return Outside(self.board.switches, self.neighbours.linked())

    def _belong(self) -> None:
        """Be in the circle that the device belongs to now, and in no other."""
        membership = self._membership = self.belonging.membership
        self.circle = membership.circle if membership is not None else None
        self._around = None
        self._seen_clock = self._seen_board = self._seen_slot = NOT_SEEN
        if membership is not None:
            self.neighbours.follow(membership.circle.presence.of)
            self.relays, self.wishes = membership.relays, membership.wishes
            self.crowd = membership.crowd

    def _move(self, effects: list[Effect]) -> list[Effect]:
        """Go over to the circle that the device belongs to since, if that is another one."""
        membership = self.belonging.membership
        if membership is self._membership or membership is None:
            return effects
        self._belong()
        if membership.begun is not None:
            self.clock, more = self.belonging.other_clock(self._outside(), self._now_ns)
            effects = effects + more
        return effects

    def _tell_clock(self, effects: list[Effect], now_ns: int) -> list[Effect]:
        """The circle reads the clock; after a change it must know before anything else."""
        clock = self.clock
        if self.circle is not None and self.circle.members.around is not self._around:
            self._around = self.circle.around
            roster, watched = self.circle.roster, self.circle.members.standby
            clock.follow(roster.identities, roster.quorum, watched=watched, now_ns=now_ns)
            if now_ns >= clock.expiry_ns:
                effects = effects + clock.wake(now_ns)
        if self.circle is not None and clock.revision != self._seen_clock:
            self._seen_clock = clock.revision
            # A search moves the line many times a second; until it ends, nothing is shown by it.
            if clock.is_synced or self.circle.timeline is not None:
                self._light_ns = now_ns
                self._is_clock_new = True
            effects = effects + self.circle.set_clock(clock.timeline, clock.is_synced, now_ns)
        return effects

    def _is_settled(self, now_ns: int) -> bool:
        """Would `_settle` find nothing to do? After most messages and wakes it would."""
        circle, is_clock_known = self.circle, self.clock.revision == self._seen_clock
        is_news = not is_clock_known or self.board.revision != self._seen_board
        if is_news or now_ns >= self._light_ns or self.is_waiting:
            return False
        if circle is None or circle.slot.is_turn:
            return circle is None
        return circle.slot.number == self._seen_slot and circle.members.around is self._around

    def _end(self, effects: list[Effect], now_ns: int, *, is_news: bool) -> list[Effect]:
        """Settle if that would find something to do, or partners may want to hear the news."""
        is_spread = is_news and self.circle is not None and bool(self.relays.partners.known)
        if is_spread or now_ns >= self.clock.expiry_ns or not self._is_settled(now_ns):
            return self._settle(effects, now_ns)
        self._plan()
        return effects

    def _settle(
        self, effects: list[Effect], now_ns: int, *, is_changed: bool = False
    ) -> list[Effect]:
        """Let every machine know what the others did, then say what to show."""
        assert now_ns >= self._now_ns, "local time never decreases"
        self._now_ns = now_ns
        if now_ns >= self.clock.expiry_ns:
            effects = effects + self.clock.wake(now_ns)
        effects = self._tell_clock(effects, now_ns)
        circle, number = self.circle, 0
        if circle is not None:
            effects = effects + self.crowd.settle(self.board, circle, self.clock, now_ns)
            if circle.slot.is_turn and circle.wants_pattern(now_ns):
                pattern = self.belonging.pattern(self._preferred, now_ns)
                effects = effects + circle.propose(pattern, now_ns)
            number, head = circle.slot.number, circle.slot.head
            if head.value is not None and number != self._seen_slot:
                self.wishes.decided(head.slot, head.value.pattern)
        clock_now, board_now = self.clock.revision, self.board.revision
        is_known = clock_now == self._seen_clock and board_now == self._seen_board
        is_due = now_ns >= self._light_ns and not self._is_still_heard(now_ns)
        is_same = is_known and number == self._seen_slot and not is_changed
        if not is_same or is_due or self.is_waiting:
            self._seen_clock, self._seen_board, self._seen_slot = clock_now, board_now, number
            effects = effects + self._look(now_ns)
        if circle is not None:
            effects = self.relays.settle(effects, circle, self.clock, now_ns)
        self._plan()
        return effects

    def _plan(self) -> None:
        """Find out when to wake."""
        # Of two at a time: of more, `min` of the compiled build is Python's own.
        due_ns = min(self._light_ns, min(self.clock.deadline_ns(), self.board.deadline_ns))
        if self.circle is not None:
            due_ns = min(due_ns, min(self.circle.deadline_ns(), self.relays.deadline_ns()))
            due_ns = min(due_ns, min(self.belonging.deadline_ns, self.crowd.deadline_ns))
        self._wake_ns = due_ns

    def _is_still_heard(self, now_ns: int) -> bool:
        """Is it only that the quorum heard a while ago was heard again since? Then look later."""
        circle = self.circle
        if circle is None or self._is_clock_new or not self._is_certified:
            return False
        lease_ns = circle.lease.deadline_ns()
        if now_ns >= lease_ns:
            return False
        self._light_ns = min(circle.quorum_until_ns(), lease_ns)
        return self._light_ns > now_ns

    def _look(self, now_ns: int) -> list[Effect]:
        """Select, find the rung, and show the scene if it is another one."""
        circle, switches = self.circle, self.board.switches
        self._is_clock_new = False
        effects: list[Effect] = []
        lease, quorum_until_ns, lease_ns = None, -1, NEVER_NS
        is_selected = is_held = False
        if circle is not None:
            lease, quorum_until_ns = circle.lease, circle.quorum_until_ns()
            hears_quorum, is_willing = now_ns < quorum_until_ns, WILLING in switches
            heard_ns = self.clock.quorum_heard_until_ns(UNHEARD_NS_MAX)
            standing = Standing(now_ns, circle.timeline, is_willing, hears_quorum, heard_ns)
            effects += circle.select(standing)
            lease_ns = lease.deadline_ns()
            is_selected, is_held = lease.selected is not None, lease.held is not None
        self.clock.is_showing = is_selected or is_held
        company_ns, is_off = self.neighbours.company_until_ns(), Switch.LIT not in switches
        around = Surroundings(is_selected, is_held, quorum_until_ns, company_ns, switches, is_off)
        rung = self.ladder.update(around, now_ns)
        self._light_ns = min(lease_ns, self.ladder.deadline_ns())
        state, timeline, falls = self.board.state, self.clock.timeline, self._fall_count
        company = self.board.company(now_ns) if rung is Rung.HARMONY else NOBODY
        certified = scene_certified(rung, state, lease, timeline, falls)
        scene = certified or scene_alone(rung, state, company, falls)
        if scene != self.scene:
            if rung is not self.scene.rung:
                effects.append(Notice(Event.RUNG_CHANGED, detail=f"rung={rung.name}"))
            self.scene = scene
            effects.append(Show(scene))
        is_lonely = rung in LONELY_RUNGS and WILLING in switches
        is_unheard = lease is not None and lease.is_unheard
        self.is_waiting = is_lonely or is_unheard or rung is Rung.HOLD
        self._is_certified = rung is Rung.COMMITTED
        return effects

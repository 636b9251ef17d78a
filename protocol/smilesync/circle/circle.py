"""One circle as its member sees it: the open slot, the decisions, what may be shown, repair.

Routes messages to `Slot`, `Chain`, `Lease` and `RestartGuard`, and turns their outcome into
effects. Knows no transport; the clock is told to it. Source: SPEC part Circle.
"""

from collections import Counter
from collections.abc import Sequence

from smilesync.circle import repair
from smilesync.circle.answers import Answers, to_question, to_status, to_want
from smilesync.circle.asking import Asking
from smilesync.circle.chain import Chain
from smilesync.circle.circumstances import NEVER_NS, Circumstances, Moment
from smilesync.circle.early import Early
from smilesync.circle.guard import QUESTION_MAX, RestartGuard, is_used, remembers
from smilesync.circle.inputs import NOBODY, Basis, Counts, published
from smilesync.circle.lease import Lease, Standing
from smilesync.circle.members import Members
from smilesync.circle.roster import Roster
from smilesync.circle.slot import Slot
from smilesync.circle.timetable import Timetable
from smilesync.circle.trust import Trust
from smilesync.circle.value import Named
from smilesync.effects import AdoptVoterKey, Effect, EraseVoterKey, Event, Notice, Persist, Send
from smilesync.entropy import Entropy
from smilesync.errors import LocalError, RemoteError
from smilesync.ids import PeerId, short
from smilesync.keys import Signer
from smilesync.timeline import Timeline
from smilesync.wire import records
from smilesync.wire.messages import (
    Body,
    Carried,
    CircleMessage,
    Decided,
    Evidence,
    Piece,
    Propose,
    Status,
    Votes,
    VoteSet,
    Want,
)


class Circle:
    """The consensus and the leases of one circle; `timeline` is None while not SYNCED."""

    def __init__(
        self,
        around: Circumstances,
        journal: Sequence[records.Record],
        entropy: Entropy,
        now_ns: int,
        *,
        is_amnesic: bool = False,
    ) -> None:
        self.chain = Chain(around.roster, around.verifier)
        shown = [record.slot for record in journal if isinstance(record, records.Shown)]
        self.lease = Lease(around.parameters, max(shown, default=0))
        seated = [record for record in journal if isinstance(record, records.Seated)]
        self.chain.pedigree.restore(journal)
        decisions = [record for record in journal if isinstance(record, records.DecidedRecord)]
        restored = [self.chain.restore(record, seated) for record in decisions]
        voter, around = around.signer, around.under(self.chain.roster, self.chain.state)
        # What the journal says of the key that another took the place of does not bind that one.
        own = journal if around.signer is voter else ()
        self._config = around.config
        self.members = Members(around, self.chain, now_ns)
        self.presence = self.members.presence
        around = self.members.around
        for decided in restored:
            if decided is not None and not self.chain.head().is_last:  # MRG-038
                self.lease.offer(decided)
        is_lost = own is not journal and is_used(around.signer, self.chain)  # the owner records it
        self._is_amnesia_recorded = is_lost or any(isinstance(r, records.Amnesia) for r in own)
        is_amnesic = (is_amnesic and own is journal) or self._is_amnesia_recorded
        number = 1 + entropy.below(QUESTION_MAX)
        self.guard = RestartGuard(around.roster, around.me, number, is_amnesic=is_amnesic)
        self.guard.end(is_over=self.chain.head().is_last)
        self.slot = Slot(around, self.chain.head())
        if around.me is not None and not is_amnesic:
            self.slot.restore(own)
        self.timeline: Timeline | None = None
        self._timetable = Timetable(around.parameters.window_us, self.slot.head.not_after_us)
        self.asking = Asking(around.config, around.roster, around.me, entropy, now_ns)
        self.counts: Counts = NOBODY
        """How many members feel each state, as far as this device was told; set by the owner."""
        self.basis: Basis | None = None  # of the head's inputs; set by the owner
        self.dropped: Counter[str] = Counter()
        """Rules that early messages were found to break, when their slot came."""
        self.is_far = False  # some of any q voters are reached over others; set by the owner
        self._early = Early(around.config.early_messages_per_sender_max)
        self.answers = Answers(around.config)
        self.trust = Trust(around.config.trust_ns, journal, now_ns)

    @property
    def around(self) -> Circumstances:
        """What the open slot runs under."""
        return self.members.around

    @property
    def roster(self) -> Roster:
        """The voters of the open slot."""
        return self.members.around.roster

    def set_clock(self, line: Timeline | None, is_synced: bool, now_ns: int) -> list[Effect]:
        """Take the circle clock's new reading; kept proposals may have become acceptable."""
        before_ns = self._timetable.opens_ns
        self._timetable.set_clock(line, is_synced=is_synced)
        gained = is_synced and self.timeline is None
        self.timeline = line if is_synced else None
        if before_ns == self._timetable.opens_ns == NEVER_NS and not self.asking.partners:
            return []  # a search moves the line many times a second: nothing is due by it
        effects = self.slot.progress(self._moment(now_ns)) if gained else []
        return effects + self._settle(now_ns)

    def handle(self, message: CircleMessage, sender: PeerId, now_ns: int) -> list[Effect]:
        """Handle a circle message of a member; raises RemoteError and then changed nothing."""
        if sender not in self.roster.index_of and sender not in self.asking.partners:
            self.answers.admit(message, sender, self.slot.number, now_ns)
        if isinstance(message, Votes) and message.slot < self.slot.number:
            return []  # every third vote comes when q others have decided
        effects = self._route(message, sender, now_ns)
        is_quiet = isinstance(message, (Votes, Status, Want)) and self._is_settled()
        return effects if is_quiet else effects + self._settle(now_ns)

    def connected(self, peer: PeerId) -> list[Effect]:
        """A link with `peer` came up: whoever still asks after a restart asks there at once."""
        is_asked = peer in self.roster.index_of and self.guard.is_asking
        return [Send(peer, repair.status(self.slot, self.guard.question))] if is_asked else []

    def wants_pattern(self, now_ns: int) -> bool:
        """Is it this device's turn to propose? Then call `propose`."""
        return self.slot.wants_pattern(self._moment(now_ns))

    def inputs(self) -> Counts | None:
        """Return what a proposal of the open view may say of how the members feel."""
        last = self.chain.head().value
        before = last.inputs if last is not None else None
        return published(self.counts, before, self.slot.view, self.basis)

    def propose(self, pattern: bytes, now_ns: int) -> list[Effect]:
        """Propose an encoded pattern for the open slot, made from `inputs`."""
        moment = self._moment(now_ns)
        assert moment.circle_us is not None
        changes = self.members.changes(moment.circle_us, self.slot.view, now_ns)
        effects = self.slot.propose(pattern, moment, changes, inputs=self.inputs())
        return effects + self._settle(now_ns)

    def join(self, identity: Signer, grant: Carried | None, now_ns: int) -> list[Effect]:
        """Ask for a seat, now and with every new head. Errors: LocalError."""
        if self.guard.is_amnesic:
            raise LocalError("this voter key must never vote again; ask for another, or leave")
        if self.members.is_invited(identity, grant) and not self.trust.holds(now_ns):
            self.trust.renew(now_ns)
            if self.around.me is not None:  # as far as it knows: now it can ask who votes
                return []
        return self.members.join(identity, grant)

    def leave(self, identity: Signer, *, is_now: bool) -> list[Effect]:
        """Give up the seat; `is_now`: and the voter key with it, whatever the circle decides."""
        effects = self.members.leave(identity)
        return effects + (self._part() if is_now or self.members.is_gone() else [])

    def handle_said(self, said: Carried | Evidence, sender: PeerId, now_ns: int) -> list[Effect]:
        """Take a petition or evidence; raises RemoteError. Who only votes is not limited."""
        is_partner = sender in self.asking.partners
        if is_partner or sender not in self.roster.index_of:
            self.answers.hear_out(sender, now_ns, is_partner=is_partner)
        return self.members.hear(said, sender, now_ns)

    def away(self, now_ns: int) -> int:
        """Return whom this voter has not heard for long, for others to know."""
        is_voter = self.members.is_governed and self.guard.may_vote
        return self.members.witness.away(now_ns) if is_voter else 0

    def wake(self, now_ns: int) -> list[Effect]:
        """Run every timer that is due."""
        effects: list[Effect] = []
        if now_ns >= self.slot.deadline_ns():
            effects += self.slot.wake(self._moment(now_ns))
        effects += self._settle(now_ns)
        if now_ns >= self.asking.deadline_ns:
            effects += self._ask(now_ns)
        return effects

    def deadline_ns(self) -> int:
        """Return when to call `wake` at the latest."""
        is_waiting = not self.slot.is_open and not self.guard.is_over
        slot_ns = self._timetable.opens_ns if is_waiting else self.slot.deadline_ns()
        return min(slot_ns, self.asking.deadline_ns)

    def quorum_until_ns(self) -> int:
        """Return until when q voters count as heard; past if they do not."""
        is_near, config = self.members.around.me is not None and not self.is_far, self._config
        window_ns = config.hold_after_ns if is_near else config.follower_hold_after_ns
        return self.presence.quorum_until_ns(window_ns)

    def select(self, standing: Standing) -> list[Effect]:
        """Select anew; a value is on the record before it is in the light."""
        is_new = self.lease.update(standing)
        return [Persist(records.encode(records.Shown(self.lease.shown_slot)))] if is_new else []

    def _route(self, message: CircleMessage, sender: PeerId, now_ns: int) -> list[Effect]:
        if isinstance(message, (Votes, Propose, Body)):
            return self._handle_voting(message, sender, now_ns)
        if isinstance(message, Status):
            return self._handle_status(message, sender, now_ns)
        if isinstance(message, Want):
            return self._handle_want(message, sender, now_ns)
        if isinstance(message, Decided):
            return self._handle_decided(message, now_ns)
        if isinstance(message, Evidence):
            return self.handle_said(message, sender, now_ns)
        return self._handle_piece(message, sender, now_ns)

    def _handle_voting(
        self, message: Propose | Votes | Body, sender: PeerId, now_ns: int
    ) -> list[Effect]:
        slot = self.slot
        if self.guard.is_over:
            self.chain.must_go_on(message.slot)
        if message.slot != slot.number:
            return self._handle_other_slot(message, sender, now_ns)
        if isinstance(message, Votes):
            effects, has_news = slot.handle_votes(message.sets)
            return effects + slot.progress(self._moment(now_ns)) if has_news else effects
        if isinstance(message, Propose):
            return slot.handle_propose(message, self._moment(now_ns))
        return slot.handle_body(message.value, self._moment(now_ns))

    def _handle_other_slot(
        self, message: Propose | Votes | Body, sender: PeerId, now_ns: int
    ) -> list[Effect]:
        """Late ones are over; the next slot's wait; a later decision is taken at once."""
        if message.slot <= self.slot.number:
            return []
        if isinstance(message, Votes):
            for votes in message.sets:
                may_skip = self.members.is_governed and self.trust.holds(now_ns)
                complete = self.chain.handle_certificate(message.slot, votes, may_skip=may_skip)
                if complete is not None:
                    return self._adopt(*complete, now_ns)
        is_known = sender in self.roster.index_of or sender in self.members.standby
        if is_known and message.slot == self.slot.number + 1:
            self._early.keep(sender, message)
        return []

    def _handle_decided(self, message: Decided, now_ns: int) -> list[Effect]:
        complete = self.chain.handle_decided(message)
        return self._adopt(*complete, now_ns) if complete is not None else []

    def _handle_piece(self, piece: Piece, sender: PeerId, now_ns: int) -> list[Effect]:
        """Take a part of a roster or state that is wanted; with its state a voter may vote."""
        state = self.chain.library.handle_piece(piece, sender, self.chain.state_wanted())
        if state is None:
            return []
        record = self.chain.learn_state(state)
        effects = [Persist(records.encode(record)), *self._renewed(self.members.learn(state))]
        self.slot.around = self.around
        return effects + self.slot.progress(self._moment(now_ns))

    def _handle_status(self, status: Status, sender: PeerId, now_ns: int) -> list[Effect]:
        effects: list[Effect] = []
        index = self.roster.index_of.get(sender)
        self.presence.reported(sender, status.away, now_ns)
        if status.answer and index is not None:
            self.guard.handle_answer(status, index, self.slot, self.around.verifier)
            effects += self.slot.progress(self._moment(now_ns))
        if status.question and index is not None and self.answers.may(sender, "question", now_ns):
            answer = to_question(status, index, self.slot, self.chain, self.away(now_ns))
            effects.append(Send(sender, answer))
        if not self.answers.may(sender, "status", now_ns):
            return effects
        if status.slot > self.slot.number:
            return [*effects, Send(sender, self._status(now_ns))]
        return effects + [Send(sender, one) for one in to_status(status, self.slot, self.chain)]

    def _handle_want(self, message: Want, sender: PeerId, now_ns: int) -> list[Effect]:
        if not self.answers.may(sender, "want", now_ns):
            return []
        parts = to_want(message, self.slot, self.chain, self.members.reception.pool)
        return [Send(sender, part) for part in parts]

    def _is_settled(self) -> bool:
        """Is the open slot as the last settling left it? Most votes complete no certificate."""
        slot = self.slot
        return slot.is_open and not slot.has_moved and slot.around.state is not None

    def _settle(self, now_ns: int) -> list[Effect]:
        """Whatever an input led to: a rolled-back journal, a decision, the slot after it."""
        effects = self._forget() if self.slot.is_rolled_back or self.guard.is_amnesic else []
        proofs, self.slot.proofs = self.slot.proofs, []
        for found in proofs:
            effects += self.members.handle(found)
        wanted = self.slot.body_wanted()
        body = self.chain.body(wanted) if wanted is not None else None
        if body is not None:
            effects += self.slot.handle_body(body, self._moment(now_ns))
        while self.slot.decided is not None:
            effects += self._adopt(*self.slot.decided, self.roster, now_ns)
            effects += self._forget()
        is_due = now_ns >= self._timetable.opens_ns and not self.guard.is_over
        if is_due and not self.slot.is_open:
            effects += self.slot.begin(self._moment(now_ns))
        due_ns = self._timetable.due_ns(now_ns, may_vote=self.guard.may_vote)
        self.asking.plan(self.slot, self.guard, due_ns, now_ns)
        self.slot.has_moved = self.slot.was_nullified  # which `plan` may take later
        return effects

    def _forget(self) -> list[Effect]:
        """Become amnesic for good: a listener that verifies and shows, and never votes."""
        if self.slot.is_rolled_back:
            self.guard.forget()
        if not self.guard.is_amnesic or self._is_amnesia_recorded:
            return []
        self._is_amnesia_recorded = True
        return [Persist(records.encode(records.Amnesia())), Notice(Event.AMNESIC)]

    def _adopt(self, decided: Named, certificate: VoteSet, by: Roster, now_ns: int) -> list[Effect]:
        """R6, last half: journal the decision, offer it for display, open the next slot."""
        if not remembers(self.around.signer, self.slot, (decided, certificate, by)):
            self.slot.is_rolled_back = True
        effects = self._forget()
        made = [records.encode(one) for one in self.chain.append(decided, certificate, by)]
        self.lease.offer(decided)
        self._timetable.follow(decided.value.not_after_us)
        self.trust.renew(now_ns)
        effects += map(Persist, made)
        self.guard.end(is_over=decided.value.is_last)
        effects += self._follow(now_ns)
        self.slot = Slot(self.around, self.chain.head())
        detail = f"slot={decided.value.slot} view={certificate.view} value={short(decided.hash)}"
        effects.append(Notice(Event.SLOT_DECIDED, detail=detail))
        for sender, message in self._early.take():
            effects += self._retry(message, sender, now_ns)
        effects += self.members.tell(may_vote=not self.guard.is_amnesic)
        return effects + (self._part() if self.members.is_gone() else [])

    def abandon(self) -> list[Effect]:
        """Give up the voter key for a successor: that is on the record before all (SUC-011)."""
        self._is_amnesia_recorded = True  # the record of it says as much
        return [Persist(records.encode(self.members.abandonment())), *self._part(is_left=False)]

    def _part(self, *, is_left: bool = True) -> list[Effect]:
        """Give up the voter key for good: on the record first, then out of the world."""
        self.guard.forget()
        record = [one for one in self._forget() if isinstance(one, Persist)]
        told = self.members.part(is_left=is_left)
        self.slot.around = self.around
        return [*record, *told, EraseVoterKey()]

    def _follow(self, now_ns: int) -> list[Effect]:
        """Let everything know who votes from now on, if that changed."""
        effects = self._renewed(self.members.follow(now_ns))
        if effects:
            self.guard.follow(self.roster, self.around.me)
            self.asking.follow(self.roster, self.around.me)
        return effects

    def _renewed(self, effects: list[Effect]) -> list[Effect]:
        """With another voter key, of which nothing was forgotten: it asks before it votes."""
        if any(isinstance(effect, AdoptVoterKey) for effect in effects):
            self.guard.renew()
            self._is_amnesia_recorded = False
            if is_used(self.around.signer, self.chain):
                self.guard.forget()
        return effects

    def _retry(self, message: CircleMessage, sender: PeerId, now_ns: int) -> list[Effect]:
        """Handle a message that came one slot early; what was wrong with it is wrong still."""
        try:
            return self._route(message, sender, now_ns)
        except RemoteError as error:
            self.dropped[error.rule] += 1
            return [Notice(Event.MESSAGE_DROPPED, sender, str(error))]

    def _ask(self, now_ns: int) -> list[Effect]:
        """R8: send STATUS, and WANT what is known to be missing, to those whose turn it is."""
        effects: list[Effect] = []
        status = self._status(now_ns)
        for identity in self.asking.choose(self.guard, now_ns):
            effects.append(Send(identity, status))
            named = self.members.witness.missing
            pieces = self.chain.library.requests(identity, self.chain.state_wanted(), named)
            request = repair.want(self.slot, pieces)
            if request is not None:
                effects.append(Send(identity, request))
        return effects

    def _status(self, now_ns: int) -> Status:
        question = self.guard.question if self.guard.is_asking else 0
        return repair.status(self.slot, question, away=self.away(now_ns))

    def _moment(self, now_ns: int) -> Moment:
        circle_us = self.timeline.at(now_ns) if self.timeline is not None else None
        absent = self.presence.absent(now_ns, self._config.absent_after_ns)
        return Moment(now_ns, circle_us, absent, self.guard.may_vote, self.counts)

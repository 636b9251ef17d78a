"""One circle as its member sees it: the open slot, the decisions, what may be shown, repair.

Routes messages to `Slot`, `Chain`, `Lease` and `RestartGuard`, and turns their outcome into
effects. Knows no transport; the clock is told to it. Source: SPEC part Circle.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from smilesync.circle import guard, repair
from smilesync.circle.asking import Asking
from smilesync.circle.chain import Chain
from smilesync.circle.circumstances import NEVER_NS, Circumstances, Moment
from smilesync.circle.guard import RestartGuard
from smilesync.circle.lease import Lease, Standing
from smilesync.circle.presence import Presence
from smilesync.circle.slot import Slot
from smilesync.circle.value import Named
from smilesync.effects import Effect, Event, Notice, Persist, Send
from smilesync.entropy import Entropy
from smilesync.errors import RemoteError, Unwelcome
from smilesync.ids import PeerId, short
from smilesync.timeline import Timeline
from smilesync.wire import records
from smilesync.wire.messages import (
    Body,
    CircleMessage,
    Decided,
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
        self.around = around
        self.roster = around.roster
        self.presence = Presence(around.roster, around.me, now_ns)
        self.chain = Chain(around.roster, around.verifier)
        shown = [record.slot for record in journal if isinstance(record, records.Shown)]
        self.lease = Lease(around.parameters, max(shown, default=0))
        for record in journal:
            if isinstance(record, records.DecidedRecord):
                self.chain.restore(record)
        for decided, _ in self.chain.decisions:
            self.lease.offer(decided)
        question = 1 + entropy.below(2**32 - 1)
        is_amnesic = is_amnesic or any(isinstance(r, records.Amnesia) for r in journal)
        self.guard = RestartGuard(around.roster, around.me, question, is_amnesic=is_amnesic)
        self.slot = Slot(around, self.chain.head())
        if around.me is not None and not is_amnesic:
            self.slot.restore(journal)
        self.timeline: Timeline | None = None
        self.line: Timeline | None = None
        self._planned_line: Timeline | None = None
        self._planned_us = -1
        self._opens_ns = self._ends_ns = 0
        self.asking = Asking(around.config, around.roster, around.me, entropy, now_ns)
        self._is_amnesia_recorded = any(isinstance(r, records.Amnesia) for r in journal)
        self.dropped: Counter[str] = Counter()
        """Rules that early messages were found to break, when their slot came."""
        self._early: list[tuple[PeerId, CircleMessage]] = []
        self._answered_ns: dict[tuple[PeerId, str], int] = {}

    def set_clock(self, line: Timeline | None, is_synced: bool, now_ns: int) -> list[Effect]:
        """Take the circle clock's new reading; kept proposals may have become acceptable."""
        self.line = line
        gained = is_synced and self.timeline is None
        self.timeline = line if is_synced else None
        effects = self.slot.progress(self._moment(now_ns)) if gained else []
        return effects + self._settle(now_ns)

    def handle(self, message: CircleMessage, sender: PeerId, now_ns: int) -> list[Effect]:
        """Handle a circle message of a member; raises RemoteError and then changed nothing."""
        index = self.roster.index_of.get(sender)
        if index is None:
            raise Unwelcome("CIR-001", "a circle message from a device that is no member")
        # Every third vote comes when q others have decided: nothing to do, nothing to plan.
        is_over = isinstance(message, Votes) and message.slot < self.slot.number
        effects = self._route(message, sender, index, now_ns)
        return effects if is_over else effects + self._settle(now_ns)

    def connected(self, peer: PeerId) -> list[Effect]:
        """A link with `peer` came up: whoever still asks after a restart asks there at once."""
        if peer in self.roster.index_of and self.guard.is_asking:
            return [Send(peer, self._status())]
        return []

    def wants_pattern(self, now_ns: int) -> bool:
        """Is it this device's turn to propose? Then call `propose`."""
        return self.slot.wants_pattern(self._moment(now_ns))

    def propose(self, pattern: bytes, now_ns: int) -> list[Effect]:
        """Propose an encoded pattern for the open slot."""
        return self.slot.propose(pattern, self._moment(now_ns)) + self._settle(now_ns)

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
        slot_ns = self.slot.deadline_ns() if self.slot.is_open else self._begin_ns()
        asking_ns = self.asking.deadline_ns
        return slot_ns if slot_ns < asking_ns else asking_ns

    def quorum_until_ns(self) -> int:
        """Return until when q voters count as heard; past if they do not."""
        return self.presence.quorum_until_ns(self.around.config.hold_after_ns)

    def select(self, now_ns: int, *, is_willing: bool, heard_until_ns: int) -> list[Effect]:
        """Select anew; a value is on the record before it is in the light.

        `heard_until_ns`: see `Standing`; from the clock's exchanges, which cannot be replayed.
        """
        hears_quorum = now_ns < self.quorum_until_ns()
        standing = Standing(now_ns, self.timeline, is_willing, hears_quorum, heard_until_ns)
        if self.lease.update(standing):
            return [Persist(records.encode(records.Shown(self.lease.shown_slot)))]
        return []

    def _route(
        self, message: CircleMessage, sender: PeerId, index: int, now_ns: int
    ) -> list[Effect]:
        if isinstance(message, Status):
            return self._handle_status(message, sender, index, now_ns)
        if isinstance(message, Want):
            return self._handle_want(message, sender, now_ns)
        if isinstance(message, Decided):
            return self._handle_decided(message, now_ns)
        return self._handle_voting(message, sender, now_ns)

    def _handle_voting(
        self, message: Propose | Votes | Body, sender: PeerId, now_ns: int
    ) -> list[Effect]:
        if message.slot != self.slot.number:
            return self._handle_other_slot(message, sender, now_ns)
        moment = self._moment(now_ns)
        if isinstance(message, Propose):
            return self.slot.handle_propose(message, moment)
        if isinstance(message, Votes):
            return self.slot.handle_votes(message.sets, moment)
        return self.slot.handle_body(message.value, moment)

    def _handle_other_slot(
        self, message: Propose | Votes | Body, sender: PeerId, now_ns: int
    ) -> list[Effect]:
        """Late ones are over; the next slot's wait; a later decision is taken at once."""
        if message.slot <= self.slot.number:
            return []
        if isinstance(message, Votes):
            for votes in message.sets:
                complete = self.chain.handle_certificate(message.slot, votes)
                if complete is not None:
                    return self._adopt(*complete, now_ns)
        waiting = sum(1 for early_sender, _ in self._early if early_sender == sender)
        is_next = message.slot == self.slot.number + 1
        if is_next and waiting < self.around.config.early_messages_per_sender_max:
            self._early.append((sender, message))
        return []

    def _handle_decided(self, message: Decided, now_ns: int) -> list[Effect]:
        complete = self.chain.handle_decided(message)
        if complete is not None:
            return self._adopt(*complete, now_ns)
        return []

    def _handle_status(
        self, status: Status, sender: PeerId, index: int, now_ns: int
    ) -> list[Effect]:
        effects: list[Effect] = []
        if status.answer:
            self.guard.handle_answer(status, index, self.slot, self.around.verifier)
            effects += self.slot.progress(self._moment(now_ns))
        if status.question and self._may_answer(sender, "question", now_ns):
            effects.append(Send(sender, self._answer(status, index)))
        if not self._may_answer(sender, "status", now_ns):
            return effects
        if status.slot < self.slot.number:
            return effects + [Send(sender, part) for part in self.chain.answer()]
        if status.slot > self.slot.number:
            return [*effects, Send(sender, self._status())]
        return effects + [Send(sender, part) for part in repair.differences(self.slot, status)]

    def _handle_want(self, message: Want, sender: PeerId, now_ns: int) -> list[Effect]:
        if message.slot != self.slot.number or not self._may_answer(sender, "want", now_ns):
            return []
        return [Send(sender, part) for part in repair.wanted(self.slot, message)]

    def _settle(self, now_ns: int) -> list[Effect]:
        """Whatever an input led to: a rolled-back journal, a decision, the slot after it."""
        effects = self._forget() if self.slot.is_rolled_back or self.guard.is_amnesic else []
        wanted = self.slot.body_wanted()
        body = self.chain.body(wanted) if wanted is not None else None
        if body is not None:
            effects += self.slot.handle_body(body, self._moment(now_ns))
        while self.slot.decided is not None:
            effects += self._adopt(*self.slot.decided, now_ns)
            effects += self._forget()
        if not self.slot.is_open and now_ns >= self._begin_ns():
            effects += self.slot.begin(self._moment(now_ns))
        due_ns = self._due_ns(now_ns)
        self.asking.plan(self.slot, self.guard, due_ns, now_ns)
        return effects

    def _forget(self) -> list[Effect]:
        """Become amnesic for good: a listener that verifies and shows, and never votes."""
        if self.slot.is_rolled_back:
            self.guard.forget()
        if not self.guard.is_amnesic or self._is_amnesia_recorded:
            return []
        self._is_amnesia_recorded = True
        return [Persist(records.encode(records.Amnesia())), Notice(Event.AMNESIC)]

    def _adopt(self, decided: Named, certificate: VoteSet, now_ns: int) -> list[Effect]:
        """R6, last half: journal the decision, offer it for display, open the next slot."""
        if not self._remembers(decided, certificate):
            self.slot.is_rolled_back = True
        effects = self._forget()
        record = self.chain.append(decided, certificate)
        self.lease.offer(decided)
        self.slot = Slot(self.around, self.chain.head())
        detail = f"slot={decided.value.slot} view={certificate.view} value={short(decided.hash)}"
        effects += [
            Persist(records.encode(record)),
            Notice(Event.SLOT_DECIDED, detail=detail),
        ]
        early, self._early = self._early, []
        for sender, message in early:
            effects += self._retry(message, sender, now_ns)
        return effects

    def _remembers(self, decided: Named, certificate: VoteSet) -> bool:
        """Is an own signature inside a certificate one that the journal holds?"""
        me = self.around.me
        if me is None or not certificate.bitmap >> me & 1:
            return True
        key = (certificate.kind, certificate.view, certificate.value_hash)
        return decided.value.slot == self.slot.number and key in self.slot.own

    def _retry(self, message: CircleMessage, sender: PeerId, now_ns: int) -> list[Effect]:
        """Handle a message that came one slot early; what was wrong with it is wrong still."""
        try:
            return self._route(message, sender, self.roster.index_of[sender], now_ns)
        except RemoteError as error:
            self.dropped[error.rule] += 1
            return [Notice(Event.MESSAGE_DROPPED, sender, str(error))]

    def _ask(self, now_ns: int) -> list[Effect]:
        """R8: send STATUS, and WANT what is known to be missing, to those whose turn it is."""
        effects: list[Effect] = []
        status = self._status()
        request = repair.want(self.slot)
        for identity in self.asking.choose(self.guard, now_ns):
            effects.append(Send(identity, status))
            if request is not None:
                effects.append(Send(identity, request))
        return effects

    def _status(self) -> Status:
        question = self.guard.question if self.guard.is_asking else 0
        return repair.status(self.slot, question)

    def _answer(self, asker: Status, index: int) -> Status:
        """Answer the question of a restarted member, whatever this one is waiting for itself."""
        head = self.chain.decisions[-1][1] if self.chain.decisions else None
        recalled_slot, recalled = guard.recall(asker, index, self.slot, head)
        own = repair.status(self.slot, 0)
        return replace(own, answer=asker.question, recalled_slot=recalled_slot, recalled=recalled)

    def _may_answer(self, sender: PeerId, what: str, now_ns: int) -> bool:
        """At most one answer per peer, request and interval: traffic must not cause traffic.

        Each request has its own: STATUS and WANT of one member arrive together.
        """
        last_ns = self._answered_ns.get((sender, what), -NEVER_NS)
        if now_ns - last_ns < self.around.config.answer_interval_ns:
            return False
        self._answered_ns[sender, what] = now_ns
        return True

    def _begin_ns(self) -> int:
        """R0: the next slot opens a window before the last lease ends, by the circle's time.

        After a restart the clock is ahead until it is SYNCED: it would open a slot in the middle
        of the lease before, and nullify views in which nobody else is.
        """
        if self.line is None:
            return 0
        if self.timeline is None:
            return NEVER_NS
        self._plan_slot(self.line)
        return self._opens_ns

    def _due_ns(self, now_ns: int) -> int:
        """Return from when on a decision may have been missed while the slot is not open."""
        if self.guard.may_vote and self.timeline is not None:
            return NEVER_NS
        if self.line is None or self.guard.may_vote:
            return now_ns
        self._plan_slot(self.line)
        return self._ends_ns

    def _plan_slot(self, line: Timeline) -> None:
        """Put the head's lease on the local clock, anew only when head or clock changed."""
        ends_us = self.chain.head().not_after_us
        if line is not self._planned_line or ends_us != self._planned_us:
            self._planned_line, self._planned_us = line, ends_us
            self._opens_ns = line.local_at(ends_us - self.around.parameters.window_us)
            self._ends_ns = line.local_at(ends_us)

    def _moment(self, now_ns: int) -> Moment:
        circle_us = self.timeline.at(now_ns) if self.timeline is not None else None
        absent = self.presence.absent(now_ns, self.around.config.absent_after_ns)
        return Moment(now_ns, circle_us, absent, self.guard.may_vote)

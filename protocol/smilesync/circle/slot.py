"""One slot of the circle: views, leaders and votes until one value is decided.

Single-shot Simplex. In view v its leader proposes; every voter signs NOTARIZE for the first value
the leader shows, FINALIZE once q voters notarized it, or NULLIFY when the view's timer fires
first. q NULLIFY votes or q NOTARIZE votes open the next view; q FINALIZE votes decide. A voter
that signed NULLIFY for a view never signs FINALIZE for it and the reverse, and a proposal in view
v must show that every view it skips was nullified: so two values can never both be decided.

Rules R0 to R7 and V2, V3 of SPEC section Consensus. Deviation from the paper: one slot at a time,
so that nothing is ever final by implication and no chain of undecided values exists.
"""

from collections.abc import Iterable
from dataclasses import replace

from smilesync.circle.book import Checked, VoteBook
from smilesync.circle.changes import NO_CHANGES, Changes
from smilesync.circle.circumstances import NEVER_NS, TICK_NS, Circumstances, Moment
from smilesync.circle.evidence import proof
from smilesync.circle.inputs import Counts
from smilesync.circle.judge import of_a_fresh_value, of_a_merger, of_every_value
from smilesync.circle.lawful import seats_after
from smilesync.circle.proposing import Draft, fresh_value
from smilesync.circle.quorum import NO_VALUE, VoteKey, bits, statement
from smilesync.circle.validity import Head, Reason, Verdict, v9_inputs
from smilesync.circle.value import Named, named
from smilesync.effects import Effect, Event, Notice, Persist, Send
from smilesync.errors import Unwelcome
from smilesync.ids import ValueHash
from smilesync.wire import records
from smilesync.wire.messages import (
    CertificateName,
    CircleMessage,
    Evidence,
    Propose,
    VoteKind,
    Votes,
    VoteSet,
)
from smilesync.wire.records import Finalized, Notarized, Nullified

VIEW_GROWTH_MAX = 4
"""No view waits longer than so many times T0."""
N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE


class Slot:
    """The open slot. Methods return effects; `decided` is set once, with its certificate."""

    def __init__(self, around: Circumstances, head: Head) -> None:
        # What each wake looks at lies together.
        self.number = head.slot + 1
        self.is_open = self.is_turn = False
        self.decided: tuple[Named, VoteSet] | None = None
        self._view_deadline_ns = self._propose_after_ns = self._retest_ns = NEVER_NS
        self.around = around
        self.head = head
        self.view = 1
        self.book = VoteBook(around.roster, self.number, around.verifier)
        self.bodies: dict[ValueHash, Named] = {}
        self.proposals: dict[int, Propose] = {}
        self.first_view_ns = around.config.first_view_timeout_ns
        """T0: how long view 1 waits for its leader. Longer where messages take long."""
        self.was_nullified = False
        self.is_rolled_back = False
        self.has_moved = False
        """Is there anything here that the circle has not looked at?"""
        self.missing: CertificateName | None = None
        self.own: dict[VoteKey, bytes] = {}
        self._refused: tuple[int, ...] = ()
        self._hash_of_view: dict[int, ValueHash] = {}
        self.proofs: list[Evidence] = []
        """Evidence found here and not taken yet."""

    def leader(self, view: int) -> int:
        """Return the roster index that leads `view`."""
        roster, state = self.around.roster, self.around.state
        rotation, turn = divmod(view - 1, roster.size)
        seed = state.seed if state is not None else b""
        return roster.leaders(self.number, rotation, seed)[turn]

    def restore(self, journal: Iterable[records.Record]) -> None:
        """Recount own votes of this slot after a restart; nothing is sent."""
        for record in journal:
            match record:
                case Notarized(slot, view, _, body) if slot == self.number:
                    self._restore_notarized(view, named(body))
                case Nullified(slot, view) if slot == self.number:
                    self._count_own((X, view, None))
                case Finalized(slot, view, value_hash, certificate) if slot == self.number:
                    key = (N, view, value_hash)
                    pairs = zip(bits(certificate.bitmap), certificate.signatures, strict=True)
                    self.book.add(key, pairs)
                    self._count_own((F, view, value_hash))
                case _:
                    pass

    def _restore_notarized(self, view: int, candidate: Named) -> None:
        signature = self._count_own((N, view, candidate.hash))
        self.bodies[candidate.hash] = candidate
        self._hash_of_view[view] = candidate.hash
        if self.leader(view) == self.around.me:
            self.proposals[view] = Propose(self.number, view, candidate.body, signature)

    def begin(self, moment: Moment) -> list[Effect]:
        """R0: the slot's time has come; the timer of view 1 and its proposal start."""
        assert not self.is_open
        self._enter(self.view, moment, by_nullification=False)
        return self.progress(moment)

    def handle_propose(self, message: Propose, moment: Moment) -> list[Effect]:
        """R2, first half: keep the first value that the view's leader signed."""
        if not 1 <= message.view <= self.view + self.around.config.views_ahead_max:
            raise Unwelcome("CIR-031", f"a proposal for view {message.view}, open is {self.view}")
        if self.around.state is None:
            return []  # who leads is not known; what is passed over comes again by repair
        view, leader = message.view, self.leader(message.view)
        candidate = named(message.value)
        is_second = self._hash_of_view.get(view, candidate.hash) != candidate.hash
        if view in self.proposals and not is_second:
            return []
        key = (N, view, candidate.hash)
        # Always verified, even where the leader's vote is held: what is kept here is sent on.
        self.book.verify(key, leader, message.signature)
        self._recognise(key, leader)
        if is_second:
            return self._accuse(leader, key, message.signature)
        self.book.take(Checked(key, [(leader, message.signature)], is_certificate=False))
        # The hints are nobody's promise, so they are not repeated to others.
        self.proposals[view] = Propose(self.number, view, candidate.body, message.signature)
        self.bodies[candidate.hash] = candidate
        self._hash_of_view[view] = candidate.hash
        return self.progress(moment)

    def handle_votes(self, sets: Iterable[VoteSet]) -> tuple[list[Effect], bool]:
        """Add votes, all or none; says if a certificate is complete: then call `progress`."""
        view_max = self.view + self.around.config.views_ahead_max
        effects: list[Effect] = []
        has_news = False
        for checked in [self.book.check(votes, view_max) for votes in sets]:
            has_news = self.book.take(checked) or has_news
            for index, signature in checked.votes:
                self._recognise(checked.key, index)
                if self.book.contradiction(checked.key, index) is not None:
                    effects += self._accuse(index, checked.key, signature)
        return effects, has_news

    def handle_body(self, body: bytes, moment: Moment) -> list[Effect]:
        """Keep a value that votes already name."""
        candidate = named(body)
        if candidate.hash not in self.bodies:
            if not self.book.names(candidate.hash):
                raise Unwelcome("CIR-037", "a body that no vote names")
            self.bodies[candidate.hash] = candidate
        return self.progress(moment)

    def wake(self, moment: Moment) -> list[Effect]:
        """R5: the timer of the view fired, or a kept proposal may have become acceptable."""
        now_ns = moment.now_ns
        effects: list[Effect] = []
        if now_ns >= self._view_deadline_ns:
            self._view_deadline_ns = NEVER_NS
            if not moment.may_vote or self.is_rolled_back:
                self._view_deadline_ns = now_ns + self.first_view_ns
            elif not self._has_own(F, self.view) and (X, self.view, None) not in self.own:
                effects += self._vote((X, self.view, None), Nullified(self.number, self.view))
        return effects + self.progress(moment)

    def deadline_ns(self) -> int:
        """Return when to call `wake` at the latest."""
        if self.decided is not None or not self.is_open:
            return NEVER_NS
        return min(min(self._view_deadline_ns, self._propose_after_ns), self._retest_ns)

    def wants_pattern(self, moment: Moment) -> bool:
        """R1: is it this device's turn to propose a fresh value now?"""
        if not self._may_propose(moment) or moment.circle_us is None or self.around.state is None:
            return False
        return self.book.highest_notarized() == 0 and self._is_justified(ValueHash(NO_VALUE))

    def propose(
        self,
        pattern: bytes,
        moment: Moment,
        changes: Changes = NO_CHANGES,
        inputs: Counts | None = None,
    ) -> list[Effect]:
        """Propose `pattern` in the lease that follows the head's; call if `wants_pattern`."""
        draft = Draft(pattern, changes, inputs, self.view)
        value = fresh_value(draft, moment, head=self.head, around=self.around)
        return self._lead(value.encode(), 0) + self.progress(moment)

    def progress(self, moment: Moment) -> list[Effect]:
        """Apply R1 to R6 until nothing changes; every own vote is counted before the next test."""
        if self.is_rolled_back:
            moment = replace(moment, may_vote=False)
        effects: list[Effect] = []
        if moment.now_ns >= self._propose_after_ns:
            self.is_turn, self._propose_after_ns = True, NEVER_NS
        while not self._decide():
            taken = self._step(moment)
            if taken is None:
                break
            effects += taken
        self.has_moved = True
        return effects

    def _step(self, moment: Moment) -> list[Effect] | None:
        """Apply the first rule that may be applied; None if there is none."""
        taken = self._finalize(moment)
        if taken is None:
            taken = self._advance(moment)
        if taken is None:
            taken = self._notarize(moment)
        return self._carry(moment) if taken is None else taken

    def take_nullified(self) -> bool:
        """Was the view entered by a nullification since this was last asked?"""
        was_nullified, self.was_nullified = self.was_nullified, False
        return was_nullified

    def value_of_view(self, view: int) -> ValueHash | None:
        """Return the hash of the first value the leader of `view` showed, None if none yet."""
        return self._hash_of_view.get(view)

    def body_wanted(self) -> ValueHash | None:
        """Return the hash of a certified value whose bytes are not held."""
        return self.book.certified_without(self.bodies)

    def _decide(self) -> bool:
        """R6: q FINALIZE votes and the body decide."""
        if self.decided is None:
            for key in self.book.certified(F):
                certificate, value_hash = self.book.certificate(key), key[2]
                if value_hash not in self.bodies or certificate is None:
                    continue
                if seats_after(self.bodies[value_hash].value, self.around.roster) is not None:
                    self.decided = self.bodies[value_hash], certificate
                    break
        return self.decided is not None

    def _finalize(self, moment: Moment) -> list[Effect] | None:
        """R3: FINALIZE what is notarized, in any view that this voter did not nullify."""
        if not moment.may_vote:
            return None
        for key in self.book.certified(N):
            _, view, value_hash = key
            if (X, view, None) in self.own or self._has_own(F, view) or value_hash is None:
                continue
            certificate = self.book.certificate(key)
            assert certificate is not None
            record = Finalized(self.number, view, value_hash, certificate)
            return self._vote((F, view, value_hash), record)
        return None

    def _advance(self, moment: Moment) -> list[Effect] | None:
        """R4: a notarization or nullification of this view or a later one opens the next view."""
        highest, what = self.book.newest()
        if highest < self.view:
            return None
        self._enter(highest + 1, moment, by_nullification=what is X)
        return []

    def _notarize(self, moment: Moment) -> list[Effect] | None:
        """R2, second half: sign the leader's value if it is valid; else keep and test again."""
        self._retest_ns = NEVER_NS
        proposal = self.proposals.get(self.view)
        if proposal is None or not moment.may_vote:
            return None
        if self._has_own(N, self.view) or self.view in self._refused:
            return None
        candidate = self.bodies[self._hash_of_view[self.view]]
        reason = self._test(candidate, moment)
        if reason is None:
            record = Notarized(self.number, self.view, candidate.hash, candidate.body)
            return self._vote((N, self.view, candidate.hash), record)
        if reason.verdict is Verdict.REJECT:
            self._refused += (self.view,)
            leader = self.around.roster.identities[self.leader(self.view)]
            return [Notice(Event.MESSAGE_DROPPED, leader, f"{reason.rule}: {reason.detail}")]
        self._retest_ns = moment.now_ns + self.around.config.retest_ns
        return None

    def _carry(self, moment: Moment) -> list[Effect] | None:
        """R1: a leader that holds a notarized value proposes that one again."""
        carried_view = self.book.highest_notarized()
        if carried_view == 0 or not self._may_propose(moment):
            return None
        value_hash = self.book.notarized(carried_view)
        if value_hash not in self.bodies or not self._is_justified(value_hash):
            return None
        return self._lead(self.bodies[value_hash].body, carried_view)

    def _may_propose(self, moment: Moment) -> bool:
        is_known = self.around.state is not None
        may_vote = moment.may_vote and not self.is_rolled_back and is_known
        is_free = self.is_turn and self.decided is None and not self._has_own(N, self.view)
        return is_free and may_vote and self.leader(self.view) == self.around.me

    def _lead(self, body: bytes, carried_view: int) -> list[Effect]:
        """Sign and show a value as leader: the signature is this voter's NOTARIZE vote."""
        candidate = named(body)
        key = (N, self.view, candidate.hash)
        self.bodies[candidate.hash] = candidate
        self._hash_of_view[self.view] = candidate.hash
        self.is_turn = False
        record = Notarized(self.number, self.view, candidate.hash, body)
        signature = self._count_own(key)
        message = Propose(self.number, self.view, body, signature, carried_view)
        self.proposals[self.view] = message
        return [Persist(records.encode(record)), *self.to_others(message)]

    def _vote(self, key: VoteKey, record: records.Record) -> list[Effect]:
        """Sign, count, persist, send: in that order for this voter, durable before anyone sees."""
        signature = self._count_own(key)
        kind, view, value_hash = key
        own = VoteSet(kind, view, value_hash, 1 << self._index(), (signature,))
        votes = Votes(self.number, (own,))
        return [Persist(records.encode(record)), *self.to_others(votes)]

    def _count_own(self, key: VoteKey) -> bytes:
        """R7: an own vote counts at the moment of signing, and again after a restart."""
        assert self.around.signer is not None
        roster = self.around.roster
        data = statement(roster.circle, roster.hash, self.number, key)
        signature = self.around.signer.sign(data)
        self.own[key] = signature
        self.book.add(key, [(self._index(), signature)])
        return signature

    def _test(self, candidate: Named, moment: Moment) -> Reason | None:
        """V1 to V9 on the proposal of the current view."""
        reason = of_every_value(candidate.value, self.head, self.around)
        if reason is not None:
            return reason
        carried_view, missing = self.book.justify(self.view, candidate.hash)
        self.missing = missing
        if missing is not None:
            return Reason("CIR-023", Verdict.KEEP, f"view {missing.view} is not nullified")
        if carried_view == 0:
            value = candidate.value
            leader = self.leader(self.view)
            reason = of_a_fresh_value(value, self.around, moment, leader)
            reason = reason or of_a_merger(value, self.head, self.around, moment.now_ns)
            return reason or v9_inputs(value, self.head, moment.counts, self.view)
        return None

    def _is_justified(self, value_hash: ValueHash) -> bool:
        """R1: may this leader propose the value, no skipped view lacking its nullification?"""
        self.missing = self.book.justify(self.view, value_hash)[1]
        return self.missing is None

    def _enter(self, view: int, moment: Moment, *, by_nullification: bool) -> None:
        config = self.around.config
        self.is_open = True
        self.view = view
        self.was_nullified = by_nullification
        self.missing = None
        timeout_ns = self.first_view_ns
        for _ in range(min(view - 1, config.view_growth_steps_max)):
            timeout_ns = timeout_ns * 3 // 2
        timeout_ns = min(timeout_ns, VIEW_GROWTH_MAX * self.first_view_ns)
        leader = self.leader(view)
        is_leader_absent = bool(moment.absent >> leader & 1)
        self._view_deadline_ns = moment.now_ns + (TICK_NS if is_leader_absent else timeout_ns)
        # After a notarization the finalization usually arrives within the pause.
        is_leader, is_paused = leader == self.around.me, view > 1 and not by_nullification
        self.is_turn, self._propose_after_ns = is_leader and not is_paused, NEVER_NS
        if is_leader and is_paused:
            self._propose_after_ns = moment.now_ns + self.first_view_ns // 3

    def _recognise(self, key: VoteKey, index: int) -> None:
        """A good own signature that this device does not remember: its journal was rolled back."""
        if index == self.around.me and key not in self.own:
            self.is_rolled_back = self.has_moved = True

    def _accuse(self, index: int, key: VoteKey, signature: bytes) -> list[Effect]:
        """Votes that no honest voter signs both: tell people, and keep the proof if it is held."""
        roster = self.around.roster
        other = self.book.contradiction(key, index)
        if other is not None:
            place = self.number, roster.voters[index], roster.hash
            self.proofs.append(proof(place, other, (key, signature)))
            self.has_moved = True
        return [Notice(Event.EQUIVOCATION_SEEN, roster.identities[index])]

    def _has_own(self, kind: VoteKind, view: int) -> bool:
        return any(key[0] is kind and key[1] == view for key in self.own)

    def _index(self) -> int:
        assert self.around.me is not None
        return self.around.me

    def to_others(self, message: CircleMessage) -> list[Effect]:
        """Return one Send of `message` to each other member."""
        identities = self.around.roster.identities
        return [Send(to, message) for i, to in enumerate(identities) if i != self.around.me]

"""The emotion board against a naive model that remembers everything, step by step."""

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from smilesync.commands import EmotionState, Feel, SetConsent, Switch
from smilesync.config import SECOND_NS
from smilesync.effects import Effect, Send
from smilesync.emotion import statement
from smilesync.emotion.board import EmotionBoard
from smilesync.emotion.statement import Statement
from smilesync.errors import RemoteError
from smilesync.ids import PeerId
from smilesync.wire.messages import Carried
from smilesync.wire.records import ConsentSet, Felt, SequenceReserved
from support.boards import CONFIG, FRESH, board_of, records_in, signer_of

PEERS = (1, 2, 3)
NAMES = {index: PeerId(signer_of(index).public) for index in PEERS}
STATES = st.sampled_from(list(EmotionState))


class Model:
    """All that was ever accepted; nothing is forgotten but what the rules say."""

    def __init__(self) -> None:
        self.linked: dict[int, bool] = {}
        self.accepted: dict[int, list[tuple[int, EmotionState | None, int]]] = {}
        self.alone: dict[PeerId, bool] = {}
        self.due: dict[tuple[int, bool], int] = {}
        self.left: dict[int, int] = {}

    def last(self, peer: int) -> int:
        heard = self.accepted.get(peer)
        return heard[-1][0] if heard else -1

    def expects(self, peer: int, said: Statement, now_ns: int) -> bool:
        """Return whether a well signed statement is taken as new; charge the allowance."""
        if not self.linked.get(peer) or said.sequence <= self.last(peer):
            return False
        key = (peer, said.state is None)
        due = max(self.due.get(key, 0), now_ns)
        if due - now_ns > 2 * 2 * SECOND_NS:
            return False
        self.due[key] = due + 2 * SECOND_NS
        return True

    def held(self, now_ns: int) -> dict[PeerId, EmotionState]:
        held = {}
        for peer, heard in self.accepted.items():
            if heard and heard[-1][1] is not None and now_ns < heard[-1][2] + 30 * SECOND_NS:
                held[NAMES[peer]] = heard[-1][1]
        return held


class BoardMachine(RuleBasedStateMachine):
    """One device's board, three neighbours who say what they like, and power loss."""

    @initialize()
    def begin(self) -> None:
        self.now_ns = 0
        self.model = Model()
        self.board: EmotionBoard = board_of(0)
        self.switches, self.felt, self.below = FRESH
        self.used: list[int] = []
        self.stated: list[int] = []
        self.shares_before = False

    def take(self, effects: list[Effect], *, is_greeting: bool = False) -> None:
        """Execute in order: what is sent must be allowed by what is durable by then."""
        fresh: dict[bytes, None] = {}
        for effect in effects:
            for record in records_in([effect]):
                if isinstance(record, SequenceReserved):
                    self.below = record.below
                elif isinstance(record, ConsentSet):
                    self.switches = Switch(record.switches)
                elif isinstance(record, Felt):
                    self.felt = EmotionState(record.state)
            if isinstance(effect, Send) and isinstance(effect.message, Carried):
                said = statement.read(effect.message)
                assert said.sequence < self.below
                if said.state is not None:
                    assert Switch.SHARE in self.switches
                if said.sequence not in self.used:
                    fresh[effect.message.body] = None
                    self.used.append(said.sequence)
                    if said.state is not None and not is_greeting:
                        assert said.state is self.felt
                        assert said.is_for_circle is (Switch.COLLECTIVE in self.switches)
                        self.stated.append(self.now_ns)
        assert len(fresh) <= 1

    @rule(peer=st.sampled_from(PEERS))
    def link_up(self, peer: int) -> None:
        self.take(self.board.connected(NAMES[peer], self.now_ns), is_greeting=True)
        self.model.linked[peer] = True

    @rule(peer=st.sampled_from(PEERS))
    def link_down(self, peer: int) -> None:
        self.board.disconnected(NAMES[peer], self.now_ns)
        if self.model.linked.get(peer):
            self.model.linked[peer] = False
            self.model.left[peer] = self.now_ns

    @rule(
        peer=st.sampled_from(PEERS),
        ahead=st.integers(-2, 3),
        state=st.none() | STATES,
        forged=st.booleans(),
        link=st.sampled_from(PEERS),
        alone=st.booleans(),
    )
    def hear(
        self,
        peer: int,
        ahead: int,
        state: EmotionState | None,
        forged: bool,
        link: int,
        alone: bool,
    ) -> None:
        sequence = max(0, self.model.last(peer) + ahead)
        said = Statement(sequence, state, is_for_circle=state is None or not alone)
        carried = statement.write(said, signer_of(peer))
        if forged:
            carried = Carried(carried.kind, carried.signer, carried.body, bytes(64))
        is_expected = link == peer and self.model.expects(peer, said, self.now_ns) and not forged
        revision = self.board.revision
        try:
            self.take(self.board.handle_carried(carried, NAMES[link], self.now_ns))
        except RemoteError:
            assert not is_expected
            assert self.board.revision == revision
        if is_expected:
            self.model.accepted.setdefault(peer, []).append((said.sequence, state, self.now_ns))
            self.model.alone[NAMES[peer]] = alone

    @rule(state=STATES)
    def feel(self, state: EmotionState) -> None:
        self.take(self.board.command(Feel(state), self.now_ns))
        assert self.board.state is self.felt is state

    @rule(switch=st.sampled_from(list(Switch)), on=st.booleans())
    def consent(self, switch: Switch, on: bool) -> None:
        was_on = switch in self.board.switches
        effects = self.board.command(SetConsent(switch, on), self.now_ns)
        self.take(effects)
        assert (switch in self.board.switches) is on
        takes_back = switch in {Switch.SHARE, Switch.COLLECTIVE} and was_on and not on
        if takes_back and (switch == Switch.SHARE or Switch.SHARE in self.switches):
            told = {effect.to for effect in effects if isinstance(effect, Send)}
            assert told == {NAMES[peer] for peer, linked in self.model.linked.items() if linked}

    @rule(ms=st.sampled_from([1, 400, 1_999, 2_000, 5_000, 29_000, 130_000]))
    def pass_time(self, ms: int) -> None:
        until_ns = self.now_ns + ms * 1_000_000
        while self.board.deadline_ns <= until_ns:
            self.now_ns = max(self.now_ns, self.board.deadline_ns)
            self.take(self.board.wake(self.now_ns))
            assert self.board.deadline_ns > self.now_ns
        self.now_ns = until_ns
        for peer, left_ns in self.model.left.items():
            is_gone = self.now_ns - left_ns >= CONFIG.remembered_ns
            if is_gone and not self.model.linked[peer]:
                self.model.accepted.pop(peer, None)
                self.model.due.pop((peer, False), None)
                self.model.due.pop((peer, True), None)

    @precondition(lambda self: bool(self.used))
    @rule()
    def lose_power(self) -> None:
        self.board = board_of(0, (self.switches, self.felt, self.below), self.now_ns)
        self.model = Model()
        self.stated.clear()
        self.take(self.board.wake(self.now_ns))

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        held = self.board.held(self.now_ns)
        assert dict(held) == self.model.held(self.now_ns)
        assert list(held) == sorted(held)

    @invariant()
    def counts_follow(self) -> None:
        everybody = dict(self.board.held(self.now_ns))
        for_circle = [s for who, s in everybody.items() if not self.model.alone[who]]
        counts = [for_circle.count(s) for s in EmotionState]
        if Switch.SHARE | Switch.COLLECTIVE in self.board.switches:
            counts[self.felt] += 1
        assert self.board.counts(self.now_ns, everybody) == tuple(counts)

    @invariant()
    def never_uses_a_number_twice_or_speaks_too_often(self) -> None:
        assert self.used == sorted(set(self.used))
        for earlier, later in zip(self.stated, self.stated[1:], strict=False):
            assert later - earlier >= CONFIG.change_ns


@pytest.mark.spec("EMO-004", "EMO-005", "EMO-011", "EMO-012", "EMO-014", "EMO-020", "EMO-022")
def test_the_board_never_differs_from_a_naive_model() -> None:
    run_state_machine_as_test(BoardMachine, settings=settings(stateful_step_count=30))

"""Emotion boards that hear each other at once, unless a link is cut."""

from smilesync.commands import DEFAULT_SWITCHES, EmotionState, Feel, SetConsent, Switch
from smilesync.config import SECOND_NS, EmotionConfig
from smilesync.effects import Effect, Notice, Persist, Send
from smilesync.emotion.board import EmotionBoard, Restored
from smilesync.entropy import Entropy
from smilesync.errors import RemoteError
from smilesync.ids import PeerId
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.wire import records
from smilesync.wire.messages import Carried
from smilesync.wire.records import Record

FRESH: Restored = (DEFAULT_SWITCHES, EmotionState.NEUTRAL, 0)
CONFIG = EmotionConfig()
SHARE_ON = SetConsent(Switch.SHARE, True)
SHARE_OFF = SetConsent(Switch.SHARE, False)


def signer_of(index: int) -> Ed25519Signer:
    return Ed25519Signer(bytes([index + 1]) * 32)


def board_of(index: int, restored: Restored = FRESH, now_ns: int = 0) -> EmotionBoard:
    entropy = Entropy(b"board %d" % index)
    signer = signer_of(index)
    return EmotionBoard(CONFIG, signer, Ed25519Verifier(), entropy, restored, now_ns)


def carried_in(effects: list[Effect]) -> list[Carried]:
    return [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, Carried)]


def records_in(effects: list[Effect]) -> list[Record]:
    return [records.decode(effect.record) for effect in effects if isinstance(effect, Persist)]


def notices_in(effects: list[Effect]) -> list[Notice]:
    return [effect for effect in effects if isinstance(effect, Notice)]


class Company:
    """Some wearers in one room, their journals, and one clock."""

    def __init__(self, count: int) -> None:
        self.now_ns = 0
        self.names = [PeerId(signer_of(i).public) for i in range(count)]
        self.boards = [board_of(i) for i in range(count)]
        self.journals: list[list[Record]] = [[] for _ in range(count)]
        self.cut: set[tuple[int, int]] = set()
        self.refused: list[str] = []
        self.sent: list[tuple[int, int, int, Carried]] = []
        for i in range(count):
            for j in range(count):
                if i != j:
                    self.execute(i, self.boards[i].connected(self.names[j], 0))

    def execute(self, index: int, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Persist):
                self.journals[index].append(records.decode(effect.record))
            elif isinstance(effect, Send) and isinstance(effect.message, Carried):
                target = self.names.index(effect.to)
                self.sent.append((self.now_ns, index, target, effect.message))
                if (index, target) not in self.cut:
                    self.deliver(index, target, effect.message)

    def deliver(self, index: int, target: int, carried: Carried) -> None:
        try:
            effects = self.boards[target].handle_carried(carried, self.names[index], self.now_ns)
        except RemoteError as error:
            self.refused.append(error.rule)
            return
        self.execute(target, effects)

    def command(self, index: int, command: Feel | SetConsent) -> None:
        self.execute(index, self.boards[index].command(command, self.now_ns))

    def run(self, seconds: float) -> None:
        until_ns = self.now_ns + int(seconds * SECOND_NS)
        while True:
            deadlines = [board.deadline_ns for board in self.boards]
            next_ns = min(deadlines)
            if next_ns > until_ns:
                break
            index = deadlines.index(next_ns)
            self.now_ns = max(self.now_ns, next_ns)
            effects = self.boards[index].wake(self.now_ns)
            assert self.boards[index].deadline_ns > self.now_ns
            self.execute(index, effects)
        self.now_ns = until_ns

    def restart(self, index: int) -> None:
        """Power loss: all that is left is the journal; the others' links come up anew."""
        switches, state, below = FRESH
        for record in self.journals[index]:
            if isinstance(record, records.ConsentSet):
                switches = Switch(record.switches)
            elif isinstance(record, records.Felt):
                state = EmotionState(record.state)
            elif isinstance(record, records.SequenceReserved):
                below = record.below
        self.boards[index] = board_of(index, (switches, state, below), self.now_ns)
        for other, name in enumerate(self.names):
            if other != index:
                self.execute(index, self.boards[index].connected(name, self.now_ns))
                self.reconnect(other, index)

    def reconnect(self, index: int, other: int) -> None:
        board = self.boards[index]
        board.disconnected(self.names[other], self.now_ns)
        self.execute(index, board.connected(self.names[other], self.now_ns))

    def heard(self, index: int, other: int) -> EmotionState | None:
        return dict(self.boards[index].held(self.now_ns)).get(self.names[other])

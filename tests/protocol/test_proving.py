"""A proof on its way: in parts, from one neighbour after the other, judged as a whole."""

from dataclasses import replace

import pytest

from smilesync.circle.allowance import Allowance
from smilesync.circle.circumstances import NEVER_NS
from smilesync.circle.jigsaw import Jigsaw
from smilesync.circle.offer import Offer
from smilesync.circle.provenance import Provenance
from smilesync.circle.proving import (
    PARTS_PER_ANSWER,
    PEERS_MAX,
    TRIES_AFTER_MAX,
    TRIES_MAX,
    Name,
    Proofs,
)
from smilesync.config import SECOND_NS, MergingConfig
from smilesync.effects import Effect, Send
from smilesync.errors import RemoteError
from smilesync.ids import CircleId, PeerId, ValueHash
from smilesync.wire.messages import Proof, Prove
from support.decisions import History
from support.lab import CachedVerifier

VERIFIER = CachedVerifier()
OWN = CircleId(b"o" * 32)
OFFER = Offer(OWN, 3, ValueHash(b"h" * 32), 60_000_000)
ANN, BOB, EVE = (PeerId(name * 32) for name in (b"a", b"b", b"e"))
STEP_NS = MergingConfig().say_ns
MS_NS = 1_000_000


def proof_of(turns: int = 0, size: int = 4) -> Provenance:
    history, steps = History(size), []
    for _ in range(turns):
        steps.append(history.decide(out=1, new=1))
    return Provenance(history.genesis, (*steps, history.decide(merging=OFFER)))


CONFIG = MergingConfig()
PLAIN = proof_of()
NAME: Name = PLAIN.genesis.circle_id, PLAIN.name


def asked(effects: list[Effect]) -> list[tuple[PeerId, int]]:
    """Return who is asked, and from which byte on."""
    return [
        (one.to, one.message.offset)
        for one in effects
        if isinstance(one, Send) and isinstance(one.message, Prove)
    ]


def question_of(effects: list[Effect]) -> Prove:
    (one,) = effects
    assert isinstance(one, Send)
    assert isinstance(one.message, Prove)
    return one.message


def parts_of(effects: list[Effect]) -> list[Proof]:
    found = [one.message for one in effects if isinstance(one, Send)]
    return [one for one in found if isinstance(one, Proof)]


def carried(proof: Provenance, asker: Proofs, teller: Proofs, now_ns: int) -> int:
    """Ask and answer until nobody says anything more; returns how many questions it took."""
    name = proof.genesis.circle_id, proof.name
    effects, count = asker.ask(name, [ANN], now_ns), 0
    while effects:
        count += 1
        for part in parts_of(teller.tell(question_of(effects), BOB, proof, now_ns)):
            asker.take(part, ANN, VERIFIER, now_ns)
        now_ns = asker.deadline_ns()
        effects = asker.go_on(now_ns) if now_ns < NEVER_NS else []
    return count


@pytest.mark.spec("MRG-003", "MRG-004", "MRG-025")
def test_proof_of_one_decision_comes_in_one_answer() -> None:
    asker = Proofs(MergingConfig())

    assert carried(PLAIN, asker, Proofs(MergingConfig()), STEP_NS) == 1

    assert asker.holds(NAME)
    assert asker.held is not None
    assert asker.held.encode() == PLAIN.encode()


@pytest.mark.spec("MRG-025")
def test_long_proof_is_asked_for_part_by_part() -> None:
    asker, proof = Proofs(MergingConfig()), proof_of(turns=14, size=22)
    size_bytes = len(proof.encode())
    assert size_bytes > 1024 * PARTS_PER_ANSWER

    count = carried(proof, asker, Proofs(MergingConfig()), STEP_NS)

    assert count == -(-size_bytes // (1024 * PARTS_PER_ANSWER))
    assert asker.holds((proof.genesis.circle_id, proof.name))


@pytest.mark.spec("MRG-025")
def test_one_peer_is_answered_every_tenth_of_a_second() -> None:
    teller, question = Proofs(MergingConfig()), Prove(*NAME, 0)

    def told(to: PeerId, at_ms: int) -> bool:
        return bool(teller.tell(question, to, PLAIN, SECOND_NS + at_ms * MS_NS))

    assert told(ANN, 0)
    assert [told(ANN, 50), told(ANN, 99), told(BOB, 99)] == [False, False, True]
    assert told(ANN, 100)


@pytest.mark.spec("MRG-025")
def test_proof_that_was_fetched_is_passed_on_and_no_other() -> None:
    middle, asker = Proofs(MergingConfig()), Proofs(MergingConfig())
    carried(PLAIN, middle, Proofs(MergingConfig()), STEP_NS)

    told = middle.tell(Prove(*NAME, 0), BOB, None, STEP_NS)
    other = middle.tell(Prove(NAME[0], ValueHash(bytes(32)), 0), EVE, None, STEP_NS)
    asker.ask(NAME, [ANN], STEP_NS)
    for part in parts_of(told):
        asker.take(part, ANN, VERIFIER, STEP_NS)

    assert asker.holds(NAME)
    assert other == []


@pytest.mark.spec("MRG-009")
def test_false_proof_is_refused_and_its_sender_asked_no_more_for_a_minute() -> None:
    asker, other = Proofs(MergingConfig()), proof_of(turns=1)
    asker.ask(NAME, [EVE], STEP_NS)
    data = other.encode()

    *first, last = (
        Proof(*NAME, at, len(data), data[at : at + 1024]) for at in range(0, len(data), 1024)
    )
    for part in first:
        asker.take(part, EVE, VERIFIER, STEP_NS)
    with pytest.raises(RemoteError) as caught:
        asker.take(last, EVE, VERIFIER, STEP_NS)

    assert caught.value.rule == "MRG-009"
    assert asker.held is None
    assert asked(asker.ask(NAME, [EVE], 2 * STEP_NS)) == []
    assert asked(asker.ask(NAME, [EVE, ANN], 2 * STEP_NS)) == [(ANN, 0)]
    later_ns = 2 * STEP_NS + MergingConfig().refused_ns
    assert asked(Proofs(MergingConfig()).ask(NAME, [EVE], later_ns)) == [(EVE, 0)]


@pytest.mark.spec("MRG-009")
def test_who_was_refused_is_asked_again_after_a_minute() -> None:
    asker = Proofs(MergingConfig())
    asker.ask(NAME, [EVE], STEP_NS)
    with pytest.raises(RemoteError):
        asker.take(Proof(*NAME, 0, 1, b"x"), EVE, VERIFIER, STEP_NS)

    assert asked(asker.ask(NAME, [EVE], STEP_NS + MergingConfig().refused_ns - 1)) == []
    assert asked(asker.ask(NAME, [EVE], STEP_NS + MergingConfig().refused_ns)) == [(EVE, 0)]


@pytest.mark.spec("MRG-032")
def test_who_does_not_answer_is_asked_some_times_and_then_another_one() -> None:
    asker = Proofs(MergingConfig())
    questions = [asked(asker.ask(NAME, [EVE, BOB], n * STEP_NS)) for n in range(1, 2 * TRIES_MAX)]
    soon = asker.ask(NAME, [EVE, BOB], (2 * TRIES_MAX - 1) * STEP_NS + 1)

    first, second = questions[0][0][0], questions[-1][0][0]
    assert {first, second} == {EVE, BOB}
    assert [one[0][0] for one in questions[:TRIES_MAX]] == [first] * TRIES_MAX
    assert soon == [], "an answer is waited for"


@pytest.mark.spec("MRG-004", "MRG-045")
def test_part_that_nobody_asked_for_or_does_not_fit_changes_nothing() -> None:
    asker, data = Proofs(MergingConfig()), PLAIN.encode()
    asker.ask(NAME, [ANN], STEP_NS)
    first, second = (Proof(*NAME, at, len(data), data[at : at + 1024]) for at in (0, 1024))

    for part, sender in (
        (first, EVE),
        (Proof(NAME[0], ValueHash(bytes(32)), 0, 9, b"x"), ANN),
        (Proof(*NAME, 0, 5, b"xxxxxx"), ANN),
        (Proof(*NAME, 1, len(data), data[1:1025]), ANN),
        (Proof(*NAME, 0, len(data), data[:1023]), ANN),
        (Proof(*NAME, 2048, 2048, b"x"), ANN),
    ):
        assert asker.take(part, sender, VERIFIER, STEP_NS) == []
    asker.take(first, ANN, VERIFIER, STEP_NS)
    asker.take(replace(second, size_bytes=2048), ANN, VERIFIER, STEP_NS)
    assert asked(asker.go_on(STEP_NS + CONFIG.quiet_ns)) == [(ANN, 1024)], "from there on"


def test_who_asks_and_who_was_refused_is_remembered_for_few() -> None:
    proofs = Proofs(MergingConfig())
    for number in range(PEERS_MAX + 1):
        peer = PeerId(number.to_bytes(2, "big") * 16)
        proofs.tell(Prove(*NAME, 0), peer, PLAIN, STEP_NS)
        part = Proof(NAME[0], ValueHash(number.to_bytes(2, "big") * 16), 0, 1, b"x")
        proofs.ask((part.circle, part.offer), [peer], number * STEP_NS)
        with pytest.raises(RemoteError):
            proofs.take(part, peer, VERIFIER, STEP_NS)

    first, now_ns = PeerId(bytes(32)), (PEERS_MAX + 1) * STEP_NS
    proofs._answers_in_all = Allowance(0, 0)
    assert proofs.tell(Prove(*NAME, 0), first, PLAIN, STEP_NS) != []
    assert asked(proofs.ask(NAME, [first], now_ns)) == [(first, 0)]


@pytest.mark.spec("MRG-026")
def test_another_proof_is_not_asked_for_at_once() -> None:
    asker, other = Proofs(MergingConfig()), (NAME[0], ValueHash(bytes(32)))

    assert asked(asker.ask(NAME, [EVE], 1)) == [(EVE, 0)]
    assert asker.ask(other, [ANN], STEP_NS) == []
    assert asked(asker.ask(other, [ANN], STEP_NS + 1)) == [(ANN, 0)]


@pytest.mark.spec("MRG-045")
def test_what_was_lost_is_asked_for_again_and_nothing_else_is_waited_for() -> None:
    asker, proof = Proofs(CONFIG), proof_of(turns=14, size=22)
    name = proof.genesis.circle_id, proof.name
    question = question_of(asker.ask(name, [ANN], STEP_NS))
    parts = parts_of(Proofs(CONFIG).tell(question, BOB, proof, STEP_NS))
    for part in reversed([*parts[:3], *parts[4:]]):
        asker.take(part, ANN, VERIFIER, STEP_NS)

    due_ns = STEP_NS + CONFIG.quiet_ns
    assert asker.deadline_ns() == due_ns
    assert asker.go_on(due_ns - 1) == []
    assert asked(asker.go_on(due_ns)) == [(ANN, 3 * 1024)]
    asker.take(parts[0], ANN, VERIFIER, due_ns)
    assert asker.deadline_ns() == due_ns + CONFIG.ask_on_ns, "nothing new"
    asker.take(parts[3], ANN, VERIFIER, due_ns)
    assert asked(asker.go_on(due_ns + CONFIG.quiet_ns)) == [(ANN, 32 * 1024)]


@pytest.mark.spec("MRG-045")
def test_who_answers_no_more_is_given_up_after_six_questions_and_who_never_did_after_three() -> (
    None
):
    counts = []
    for first in ((), (Proof(*NAME, 0, 2048, bytes(1024)),)):
        asker, now_ns, count = Proofs(CONFIG), STEP_NS, 1
        asker.ask(NAME, [EVE], now_ns)
        for part in first:
            asker.take(part, EVE, VERIFIER, now_ns)
        while asker.deadline_ns() < NEVER_NS:
            now_ns = asker.deadline_ns()
            count += bool(asker.go_on(now_ns))
        counts.append(count)
        assert asker.ask(NAME, [EVE], now_ns + CONFIG.say_ns) == []

    assert counts == [TRIES_MAX, 1 + TRIES_AFTER_MAX]


@pytest.mark.spec("MRG-045")
def test_who_answers_drop_by_drop_is_given_up_after_eight_seconds() -> None:
    asker, now_ns, offset = Proofs(CONFIG), STEP_NS, 0
    asker.ask(NAME, [EVE], now_ns)
    while asker.deadline_ns() < NEVER_NS:
        now_ns += CONFIG.quiet_ns - 1
        asker.take(Proof(*NAME, offset, 98304, bytes(1024)), EVE, VERIFIER, now_ns)
        now_ns += CONFIG.quiet_ns
        offset += 1024
        asker.go_on(now_ns)

    assert STEP_NS + CONFIG.patience_ns <= now_ns <= STEP_NS + CONFIG.patience_ns + CONFIG.say_ns


@pytest.mark.spec("MRG-044")
def test_stranger_is_refused_more_than_17_answers_at_once_and_one_in_two_seconds() -> None:
    teller, now_ns, count = Proofs(CONFIG), STEP_NS, 0
    for _ in range(600):
        now_ns += CONFIG.prove_gap_ns
        count += bool(teller.tell(Prove(*NAME, 0), EVE, PLAIN, now_ns))

    assert count == 17 + 58 // 2
    assert teller.tell(Prove(*NAME, 0), ANN, PLAIN, now_ns), "nobody else waits for that"


@pytest.mark.spec("MRG-044")
def test_strangers_together_are_refused_more_than_20_answers_a_second() -> None:
    teller, count = Proofs(CONFIG), 0
    for number in range(1000):
        peer = PeerId((number % 250).to_bytes(2, "big") * 16)
        now_ns = STEP_NS + number * 10 * MS_NS
        count += bool(teller.tell(Prove(*NAME, 0), peer, PLAIN, now_ns))

    assert count == 21 + 10 * 20 - 1


@pytest.mark.spec("MRG-045")
def test_part_of_a_whole_of_another_size_is_ignored() -> None:
    parts = Jigsaw()
    assert parts.take(1024, 2048, bytes(1024))

    assert not parts.take(0, 3072, bytes(1024))
    assert parts.whole() is None
    assert parts.take(0, 2048, b"a" * 1024)
    assert parts.whole() == b"a" * 1024 + bytes(1024)

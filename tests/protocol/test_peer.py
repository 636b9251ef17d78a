"""Whole devices on one street: what a wearer would see, from boot to cut to coming back."""

import pytest

from smilesync.boot import Keys
from smilesync.commands import EmotionState, Feel, Prefer, SetConsent, SetOff, Suggest, Switch
from smilesync.config import Config
from smilesync.effects import Event, Notice, Persist, Rung, Send, Show
from smilesync.entropy import Entropy
from smilesync.errors import LocalError
from smilesync.ids import ValueHash
from smilesync.light import choose
from smilesync.peer import Peer
from smilesync.wire import codec, records
from smilesync.wire.messages import (
    Body,
    Carried,
    Clock,
    Decided,
    Piece,
    Propose,
    VoteKind,
    Votes,
    VoteSet,
)
from support.lab import SECOND_NS, CachedVerifier, signers
from support.street import Street

DRIFT_PPM = (50, -50, 100, -100, 0, 20, 70)
DARK_NS_MAX = 5_560_000_000


def committed(street: Street) -> list[int]:
    return [device for device, peer in street.peers.items() if peer.scene.is_selected]


def selected_until_ns(street: Street, device: int, since_ns: int) -> int:
    """Return when the device last stopped selecting a certified pattern."""
    until_ns = since_ns
    is_selected = True
    for at_ns, who, scene in street.shows:
        if who == device and at_ns >= since_ns:
            if is_selected and not scene.is_selected:
                until_ns = at_ns
            is_selected = scene.is_selected
    assert not is_selected
    return until_ns


def test_seven_devices_commit_within_two_seconds_of_power() -> None:
    street = Street(7, drift_ppm=DRIFT_PPM)

    street.run(2)

    assert street.rungs() == [Rung.COMMITTED] * 7
    assert len({peer.scene.value_hash for peer in street.peers.values()}) == 1


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_every_size_of_circle_commits_and_stays(size: int) -> None:
    street = Street(size)

    street.run(3)
    street.run(20)

    assert committed(street) == list(range(size))


@pytest.mark.spec("LSE-006")
def test_phase_is_common_and_kept_through_renewals() -> None:
    street = Street(7, drift_ppm=DRIFT_PPM)
    street.run(4)
    start_us = street.peers[0].scene.start_us

    street.run(30)

    readings_us = [street.circle_us(device) for device in range(7)]
    assert {peer.scene.start_us for peer in street.peers.values()} == {start_us}
    assert max(readings_us) - min(readings_us) < 5_000


@pytest.mark.spec("LAD-001", "LSE-001")
def test_two_cut_devices_fall_in_time_and_come_back() -> None:
    street = Street(7, drift_ppm=DRIFT_PPM)
    street.run(7)
    cut = {5, 6}
    street.passes = lambda source, to, message: source not in cut and to not in cut
    cut_ns = street.now_ns

    street.run(12)

    for device in cut:
        assert street.peers[device].scene.rung is Rung.SOLO
        assert selected_until_ns(street, device, cut_ns) - cut_ns <= DARK_NS_MAX
    assert committed(street) == [0, 1, 2, 3, 4]
    cut.clear()
    street.run(2)
    assert committed(street) == list(range(7))


@pytest.mark.spec("LAD-001")
def test_without_a_quorum_neighbours_still_harmonise_and_a_lonely_device_ends_in_glow() -> None:
    street = Street(7)
    street.run(5)
    for device in (2, 3, 4, 5, 6):
        street.stop(device)

    street.run(8)
    assert street.rungs() == [Rung.HARMONY, Rung.HARMONY]
    street.stop(1)
    street.run(6)
    assert street.rungs() == [Rung.SOLO]
    street.run(61)
    assert street.rungs() == [Rung.GLOW]
    street.command(0, Feel(EmotionState.CALM))
    assert street.rungs() == [Rung.SOLO]


@pytest.mark.spec("LAD-001")
def test_a_sensor_is_no_wearer_and_does_not_keep_a_device_awake() -> None:
    street = Street(1, members=0)
    street.command(0, SetConsent(Switch.SUGGEST, True))

    for _ in range(3):
        street.run(25)
        street.command(0, Suggest(True))

    assert street.rungs() == [Rung.GLOW]


@pytest.mark.spec("CIR-050", "CIR-052")
def test_after_total_power_loss_all_return_from_their_journals() -> None:
    street = Street(7, drift_ppm=DRIFT_PPM)
    street.run(9)
    before = max(peer.chain.head().slot for peer in circles(street))
    for device in range(7):
        street.stop(device)
    street.run(3)

    for device in (3, 0, 6, 1, 5, 2, 4):
        street.start(device)
        street.run(0.2)
    back_ns = street.now_ns
    street.run(5)

    # Asked of the whole time, not of its end: that may fall between two leases.
    shown = {d for at_ns, d, scene in street.shows if at_ns >= back_ns and scene.is_selected}
    assert shown == set(range(7))
    assert max(street.rungs()) <= Rung.HOLD
    assert min(peer.chain.head().slot for peer in circles(street)) > before
    assert not [n for _, _, n in street.notices if n.event is Event.AMNESIC]


@pytest.mark.spec("LAD-002", "LSE-001")
@pytest.mark.parametrize(
    ("switch", "rung"), [(Switch.COLLECTIVE, Rung.SOLO), (Switch.SHOW, Rung.GLOW)]
)
def test_withdrawn_consent_leaves_the_pattern_at_once(switch: Switch, rung: Rung) -> None:
    street = Street(4)
    street.run(5)
    assert committed(street) == [0, 1, 2, 3]
    falls = street.peers[2].scene.fall_count

    effects = street.peers[2].command(SetConsent(switch, False), street.local_ns(2))

    shown = [effect.scene for effect in effects if isinstance(effect, Show)]
    assert [scene.rung for scene in shown] == [rung]
    assert shown[0].pattern is None
    assert shown[0].fall_count == falls + 1
    assert isinstance(effects[0], Persist)


@pytest.mark.spec("LAD-002", "LAD-003")
def test_off_is_dark_at_once_and_stays_off_through_a_restart() -> None:
    street = Street(4)
    street.run(5)

    street.command(1, SetOff(True))

    assert street.peers[1].scene.rung is Rung.OFF
    street.stop(1)
    street.start(1)
    street.run(3)
    assert street.peers[1].scene.rung is Rung.OFF
    street.command(1, SetOff(False))
    street.run(1)
    assert street.peers[1].scene.rung is Rung.COMMITTED


def test_a_wearer_who_feels_and_shares_colours_the_harmony_of_others() -> None:
    street = Street(2, members=0)
    street.command(0, Feel(EmotionState.EXCITED))
    street.command(0, SetConsent(Switch.SHARE, True))

    street.run(2)

    assert street.rungs() == [Rung.HARMONY, Rung.HARMONY]
    assert street.peers[1].scene.harmony_counts == (0, 1, 0, 0, 0)
    assert street.peers[0].scene.own_state == EmotionState.EXCITED
    assert street.peers[1].statistics(street.local_ns(1)).emotions == (
        (street.identities[0], EmotionState.EXCITED),
    )


def test_the_leader_proposes_the_wearers_wish_and_refuses_an_unsafe_one() -> None:
    street = Street(1)
    wish = choose.MOOD_PATTERNS[EmotionState.EXCITED]
    street.command(0, Prefer(wish))

    street.run(6)

    assert street.peers[0].scene.pattern == wish
    with pytest.raises(LocalError):
        street.peers[0].command(Prefer(b"\xa0"), street.local_ns(0))


@pytest.mark.spec("CIR-001")
def test_a_stranger_cannot_speak_in_the_circle() -> None:
    street = Street(5, members=4)
    street.run(3)
    slot = street.peers[0].statistics(street.local_ns(0)).slot
    votes = Votes(slot, (VoteSet(VoteKind.NULLIFY, 1, None, 1, (bytes(64),)),))

    street.peers[0].dropped.clear()
    street.deliver(4, 0, votes)
    assert street.peers[0].dropped == {"CIR-033": 1}, "a follower passes on what others signed"
    street.peers[0].relays.partners.known.clear()
    street.deliver(4, 0, votes)

    assert street.peers[0].dropped == {"CIR-033": 1, "CIR-001": 1}
    assert committed(street) == [0, 1, 2, 3, 4], "it may follow"
    assert not street.peers[4].statistics(street.local_ns(4)).is_voter


@pytest.mark.spec("CIR-001", "MEM-027")
def test_a_stranger_says_little_that_proves_itself_and_no_pieces() -> None:
    street = Street(5, members=4)
    street.run(3)
    later = Votes(
        9, (VoteSet(VoteKind.FINALIZE, 1, ValueHash(bytes(32)), 0b111, (bytes(64),) * 3),)
    )
    body = next(m.value for *_, m in street.sent if isinstance(m, Propose))

    street.peers[0].relays.partners.known.clear()
    for message in (later, later, Decided(body, 1), Decided(body, 1), Piece(bytes(32), 0, 9, b"x")):
        street.deliver(4, 0, message)

    assert street.peers[0].dropped == {"CIR-033": 1, "MEM-027": 2, "CIR-001": 1}


def test_a_device_without_a_circle_ignores_circle_messages() -> None:
    street = Street(2, members=0)
    street.run(1)

    effects = street.peers[0].handle(Body(1, b"\xa0"), street.identities[1], street.local_ns(0))

    assert effects == []
    assert street.peers[0].dropped == {}


def test_a_hostile_message_is_counted_told_and_changes_nothing() -> None:
    street = Street(4)
    street.run(5)
    peer, now_ns = street.peers[0], street.local_ns(0)
    forged = Carried(2, street.identities[1], b"\xa1\x01\x01", bytes(64))
    before = (peer.scene, peer.statistics(now_ns))

    effects = peer.handle(forged, street.identities[1], now_ns)

    (notice,) = effects
    assert isinstance(notice, Notice)
    assert notice.event is Event.MESSAGE_DROPPED
    assert sum(peer.dropped.values()) == 1
    assert peer.scene == before[0]
    assert peer.statistics(now_ns).emotions == before[1].emotions


def test_a_copy_says_only_that_its_sender_is_there() -> None:
    street = Street(2, members=0)
    street.command(1, SetConsent(Switch.SHARE, True))
    street.run(3)
    peer, other = street.peers[0], street.identities[1]
    word = next(m for *_, to, m in street.sent if isinstance(m, Carried) and to == 0)
    street.passes = lambda *_: False
    street.run(10)
    assert peer.scene.rung is not Rung.HARMONY, "alone"
    before = peer.board.revision

    effects = peer.handle(word, other, street.local_ns(0))

    assert [one.scene.rung for one in effects if isinstance(one, Show)] == [Rung.HARMONY]
    assert peer.handle(word, other, street.local_ns(0)) == []
    assert peer.board.revision == before


@pytest.mark.spec("EMO-010", "EMO-011")
def test_what_was_a_copy_is_none_after_a_newer_word_or_without_a_link() -> None:
    street = Street(2, members=0)
    street.command(1, SetConsent(Switch.SHARE, True))
    street.run(3)
    street.command(1, Feel(EmotionState.HIGH))
    street.run(30)
    peer, other, now_ns = street.peers[0], street.identities[1], street.local_ns(0)
    words = [m for *_, to, m in street.sent if isinstance(m, Carried) and to == 0]
    old, new = words[0], words[-1]

    assert [peer.handle(word, other, now_ns) for word in (new, new)] == [[], []]
    assert peer.handle(old, other, now_ns), "it is told as dropped"
    assert peer.handle(new, other, now_ns) == []
    peer.disconnected(other, now_ns)
    assert peer.handle(new, other, now_ns)

    assert peer.dropped == {"EMO-011": 1, "EMO-010": 1}


def test_a_member_without_its_voter_key_only_listens() -> None:
    street = Street(5, seed=3)
    pairs = signers(5)
    street.stop(4)
    listener = Peer(
        Config(),
        keys=Keys(pairs[4][0], None),
        verifier=street.verifier,
        genesis=street.genesis,
        journal=[],
        entropy=Entropy(bytes(16)),
        now_ns=street.local_ns(4),
    )
    street.peers[4] = listener
    listener.wake(street.local_ns(4))
    for other in range(4):
        street.execute(4, listener.connected(street.identities[other], street.local_ns(4)))
    street._schedule(4)

    street.run(12)

    assert 4 in committed(street)
    relayed = [m for _, source, _, m in street.sent if source == 4 and isinstance(m, Votes)]
    assert not [votes for message in relayed for votes in message.sets if votes.bitmap >> 4 & 1]
    assert not listener.statistics(street.local_ns(4)).is_voter


def test_a_journal_of_another_voter_key_makes_amnesic() -> None:
    street = Street(4)
    identity, voter = signers(4)[0]
    foreign = records.Opened(signers(4)[1][1].public)  # type: ignore[arg-type]

    peer = Peer(
        Config(),
        keys=Keys(identity, voter),
        verifier=CachedVerifier(),
        genesis=street.genesis,
        journal=[foreign],
        entropy=Entropy(bytes(16)),
        now_ns=0,
    )

    assert peer.statistics(0).is_amnesic


def test_same_inputs_same_bytes() -> None:
    def history() -> list[bytes]:
        street = Street(4, seed=9, loss=0.1, drift_ppm=(10, -10, 30, -30))
        street.run(15)
        sent = [codec.encode(message) for _, _, _, message in street.sent]
        return sent + [record for journal in street.journals for record in journal]

    assert history() == history()


@pytest.mark.spec("CIR-050")
@pytest.mark.parametrize("seed", range(3))
def test_no_vote_and_no_new_slot_in_the_light_before_its_record(seed: int) -> None:
    street = Street(4, seed=seed, loss=0.2)
    journalled: dict[int, set[tuple[str, int, int]]] = {device: set() for device in range(4)}
    execute = street.execute

    def watch(device: int, effects: list) -> None:  # type: ignore[type-arg]
        for effect in effects:
            if isinstance(effect, Persist):
                journalled[device].add(_fact(records.decode(effect.record)))
            if isinstance(effect, Send) and isinstance(effect.message, Votes):
                for votes in effect.message.sets:
                    if votes.bitmap == 1 << device:
                        fact = (votes.kind.name, effect.message.slot, votes.view)
                        assert fact in journalled[device]
            if isinstance(effect, Show) and effect.scene.is_selected:
                slots = [slot for kind, slot, _ in journalled[device] if kind == "Shown"]
                assert effect.scene.slot in slots
        execute(device, effects)

    street.execute = watch  # type: ignore[method-assign]
    street.run(25)

    assert all(journalled.values())


@pytest.mark.spec("CLK-020")
@pytest.mark.parametrize("first", ["message", "command"])
def test_what_comes_first_after_a_long_pause_finds_the_clock_no_longer_synced(first: str) -> None:
    street = Street(4)
    street.run(4)
    peer = street.peers[0]
    assert peer.scene.is_selected
    late_ns = street.local_ns(0) + 9 * SECOND_NS

    if first == "message":
        late = Clock(1, 0, 0, None, is_synced=True, wants_reply=False)
        effects = peer.handle(late, street.identities[1], late_ns)
    else:
        effects = peer.command(Feel(EmotionState.LOW), late_ns)

    assert not peer.statistics(late_ns).is_synced
    assert not peer.scene.is_selected
    assert not any(isinstance(e, Show) and e.scene.is_selected for e in effects)


def test_time_never_runs_back() -> None:
    street = Street(1)
    street.run(1)
    clock = Clock(1, 0, 0, None, False, False)

    with pytest.raises(AssertionError):
        street.peers[0].handle(clock, street.identities[0], street.local_ns(0) - SECOND_NS)


def circles(street: Street) -> list:  # type: ignore[type-arg]
    return [peer.circle for peer in street.peers.values() if peer.circle is not None]


def _fact(record: records.Record) -> tuple[str, int, int]:
    match record:
        case records.Notarized(slot, view):
            return "NOTARIZE", slot, view
        case records.Nullified(slot, view):
            return "NULLIFY", slot, view
        case records.Finalized(slot, view):
            return "FINALIZE", slot, view
        case records.Shown(slot):
            return "Shown", slot, 0
        case _:
            return type(record).__name__, 0, 0

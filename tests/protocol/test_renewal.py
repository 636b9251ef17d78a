"""Renewed leases on whole devices: they grow while nothing changes, and nobody is left waiting.

Street time is true time; devices drift, so bounds of the own clock get a little slack.
"""

from itertools import pairwise

import pytest

from smilesync.circle.value import Value, decode_value
from smilesync.commands import EmotionState, Feel, Prefer, SetConsent, Switch
from smilesync.effects import Rung, Scene
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.wire import records
from smilesync.wire.records import DecidedRecord, Nullified
from support.lab import SECOND_NS
from support.street import Street

DRIFT_PPM = (50, -50, 100, -100, 0, 20, 70)
UNHEARD_NS_MAX = 4_040_000_000
SHORT_DARK_NS_MAX = 5_560_000_000
PATIENCE_S = 1.5
"""How long a device may take to show a lease that runs, once nothing stands in its way."""


def decided(street: Street, device: int) -> list[Value]:
    """Return what the journal of a device says was decided, in order."""
    log = [records.decode(record) for record in street.journals[device]]
    return [decode_value(record.body) for record in log if isinstance(record, DecidedRecord)]


def lengths_s(street: Street, device: int = 0) -> list[float]:
    return [(v.not_after_us - v.not_before_us) / 1e6 for v in decided(street, device)]


def in_long_lease(*, size: int = 7, passed_s: float = 5.0, seed: int = 0) -> Street:
    """Return a street `passed_s` into a lease of 16 s that everybody shows."""
    street = Street(size, seed=seed, drift_ppm=DRIFT_PPM[:size])
    street.run(10)
    while lengths_s(street)[-1] < 16 or street.peers[0].scene.slot < decided(street, 0)[-1].slot:
        street.run(0.1)
    street.run(passed_s)
    assert {peer.scene.slot for peer in street.peers.values()} == {decided(street, 0)[-1].slot}
    assert all(peer.scene.is_selected for peer in street.peers.values())
    return street


def left_s(street: Street) -> float:
    """Return how much of the newest lease is left."""
    return (decided(street, 0)[-1].not_after_us - street.circle_us(0)) / 1e6


def scenes(street: Street, device: int, since_ns: int) -> list[tuple[int, Scene]]:
    return [(at_ns, one) for at_ns, who, one in street.shows if who == device and at_ns > since_ns]


@pytest.mark.spec("CIR-016", "CIR-045")
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_lease_doubles_to_16_s_while_nothing_changes(size: int) -> None:
    street = Street(size, drift_ppm=DRIFT_PPM[:size])

    street.run(62)

    assert lengths_s(street)[:5] == [4, 8, 16, 16, 16]
    values = decided(street, 0)
    assert all(b.not_before_us == a.not_after_us for a, b in pairwise(values)), "leases touch"
    assert len({value.start_us for value in values}) == 1


@pytest.mark.spec("CIR-045")
def test_a_wish_in_a_long_lease_waits_for_its_end_and_starts_again_at_4_s() -> None:
    street = in_long_lease(size=4)
    left = left_s(street)
    for device in range(4):
        street.command(device, Prefer(MOOD_PATTERNS[EmotionState.EXCITED]))
    slot = street.peers[0].scene.slot

    street.run(left - 0.2)
    assert {peer.scene.slot for peer in street.peers.values()} == {slot}
    street.run(0.5)

    assert {peer.scene.pattern for peer in street.peers.values()} == {MOOD_PATTERNS[1]}
    assert all(peer.scene.previous is not None for peer in street.peers.values()), "it fades"
    street.run(30)
    assert lengths_s(street)[slot:][:3] == [4, 8, 16]


def test_a_feeling_that_changes_in_a_long_lease_leaves_the_light_alone() -> None:
    street = in_long_lease()
    before_ns = street.now_ns

    for device in range(7):
        street.command(device, Feel(EmotionState.LOW))
        street.command(device, SetConsent(Switch.SHARE, True))
    street.run(left_s(street) - 0.1)
    assert all(one.is_selected for _, one in scenes(street, 3, before_ns))
    street.run(1)

    assert street.peers[3].scene.pattern == MOOD_PATTERNS[EmotionState.LOW]
    assert lengths_s(street)[-1] == 4


@pytest.mark.spec("LSE-007", "LSE-005")
@pytest.mark.parametrize("passed_s", [0.5, 4, 8, 11.5])
def test_cut_off_in_a_long_lease_is_dark_in_four_seconds_without_a_hold(passed_s: float) -> None:
    street = in_long_lease(passed_s=passed_s)
    cut = {5, 6}
    street.passes = lambda source, to, message: source not in cut and to not in cut
    cut_ns = street.now_ns

    street.run(min(12.0, left_s(street) - 0.1))

    for device in cut:
        at_ns, first_dark = next(
            (at, one) for at, one in scenes(street, device, cut_ns) if not one.is_selected
        )
        # The last answer came up to a second before the cut.
        assert 2 * SECOND_NS < at_ns - cut_ns <= UNHEARD_NS_MAX
        assert first_dark.pattern is None
        assert first_dark.rung in (Rung.HARMONY, Rung.SOLO)
        dark = [one for at, one in scenes(street, device, cut_ns) if at > at_ns]
        assert all(one.pattern is None for one in dark)
    assert all(street.peers[device].scene.is_selected for device in range(5))


@pytest.mark.spec("LSE-007")
@pytest.mark.parametrize("seed", range(6))
def test_the_dark_bound_holds_whenever_the_cut_falls(seed: int) -> None:
    street = Street(7, seed=seed, drift_ppm=DRIFT_PPM, loss=0.05)
    street.run(13 + 2.7 * seed)
    cut = {1, 3}
    street.passes = lambda source, to, message: source not in cut and to not in cut
    cut_ns = street.now_ns

    street.run(20)

    for device in cut:
        lit = [at for at, one in scenes(street, device, cut_ns) if one.is_selected]
        assert max(lit, default=0) - cut_ns < SHORT_DARK_NS_MAX
        ends = [at for at, one in scenes(street, device, cut_ns) if not one.is_selected]
        assert min(ends) - cut_ns <= SHORT_DARK_NS_MAX
        assert not street.peers[device].scene.is_selected


@pytest.mark.spec("LSE-007")
@pytest.mark.parametrize("cut_s", [5.0, 9.0])
def test_back_while_the_lease_still_runs_the_light_comes_back_in_it(cut_s: float) -> None:
    """After 5 s the clock still holds, after 9 s it has to be found again."""
    street = in_long_lease(passed_s=1.0)
    slot = street.peers[0].scene.slot
    cut = {5, 6}
    street.passes = lambda source, to, message: source not in cut and to not in cut
    street.run(cut_s)
    assert not any(street.peers[device].scene.is_selected for device in cut)
    persisted = [len(street.journals[device]) for device in range(7)]

    cut.clear()
    street.run(PATIENCE_S)

    for device in (5, 6):
        assert street.peers[device].scene.slot == slot
        assert street.peers[device].scene.is_selected
        assert len(street.journals[device]) <= persisted[device] + 1, "shown before: no new record"


@pytest.mark.spec("LSE-001", "LSE-002", "CIR-052")
@pytest.mark.parametrize("restarted", [1, 2, 3, 6])
def test_restart_in_a_long_lease_shows_it_again_at_once(restarted: int) -> None:
    street = in_long_lease(passed_s=2.0)
    slot = street.peers[0].scene.slot
    for device in range(restarted):
        street.stop(device)
    street.run(0.5)

    for device in range(restarted):
        street.start(device)
    # Most of them gone at once, the rest has to wait until nobody can hold to another time.
    street.run(PATIENCE_S if restarted < 4 else 4.0)

    shown = {street.peers[device].scene.slot for device in range(7)}
    assert all(street.peers[device].scene.is_selected for device in range(7))
    assert shown == {slot} or (restarted >= 4 and min(shown) >= slot)


@pytest.mark.spec("CIR-013", "CIR-035", "CIR-045")
@pytest.mark.parametrize(("size", "restarted"), [(7, 1), (7, 3), (4, 2), (3, 2), (2, 1)])
def test_who_restarts_in_a_long_lease_opens_no_slot_before_its_time(
    size: int, restarted: int
) -> None:
    street = in_long_lease(size=size, passed_s=1.0)
    for device in range(restarted):
        street.stop(device)
    street.run(0.3)
    for device in range(restarted):
        street.start(device)
    street.run(PATIENCE_S)
    since_ns, top = street.now_ns, decided(street, 0)[-1].slot

    street.run(16)

    quiet_ns = since_ns + 10 * SECOND_NS
    early = [type(m).__name__ for at, _, _, m in street.sent if since_ns < at < quiet_ns]
    assert set(early) <= {"Clock", "Carried"}
    log = [records.decode(record) for journal in street.journals for record in journal]
    assert not [record for record in log if isinstance(record, Nullified) and record.slot > top]
    assert lengths_s(street, size - 1)[-1] == 16, "the renewal goes on"


@pytest.mark.spec("CIR-039", "CIR-052")
def test_a_decision_missed_while_off_is_shown_in_the_middle_of_its_lease() -> None:
    street = Street(7, drift_ppm=DRIFT_PPM)
    street.run(9)
    street.stop(2)
    top = decided(street, 2)[-1].slot
    street.run(12)
    assert street.peers[0].scene.slot > top
    assert left_s(street) > 3

    street.start(2)
    street.run(PATIENCE_S)

    assert street.peers[2].scene.slot == street.peers[0].scene.slot
    assert street.peers[2].scene.is_selected


@pytest.mark.spec("CIR-035", "CIR-039")
def test_a_decision_missed_in_a_cut_is_shown_in_the_middle_of_its_lease() -> None:
    street = Street(7, drift_ppm=DRIFT_PPM)
    street.run(9)
    cut = {5, 6}
    street.passes = lambda source, to, message: source not in cut and to not in cut
    top = decided(street, 5)[-1].slot
    street.run(12)
    assert street.peers[0].scene.slot > top
    assert left_s(street) > 3

    cut.clear()
    street.run(PATIENCE_S)

    for device in (5, 6):
        assert street.peers[device].scene.slot == street.peers[0].scene.slot
        assert street.peers[device].scene.is_selected


@pytest.mark.spec("LSE-001")
def test_consent_given_back_shows_the_lease_that_runs_at_once() -> None:
    street = in_long_lease(size=4)
    street.command(2, SetConsent(Switch.COLLECTIVE, False))
    street.run(3)
    assert street.peers[2].scene.pattern is None

    street.command(2, SetConsent(Switch.COLLECTIVE, True))

    assert street.peers[2].scene.is_selected
    assert street.peers[2].scene.slot == street.peers[0].scene.slot


@pytest.mark.spec("CIR-035")
def test_nobody_asks_while_a_long_lease_runs() -> None:
    street = in_long_lease(passed_s=1.0)
    since_ns = street.now_ns

    street.run(left_s(street) - 1.6)

    spoken = {type(m).__name__ for at, _, _, m in street.sent if at > since_ns}
    assert spoken <= {"Clock", "Carried"}

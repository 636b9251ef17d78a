"""The demo's claims: each holds for what should be seen, and fails for what must not be."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from smilesyncd.demo.facts import Answer, Fact, Question, answer, percentile, unanswered
from smilesyncd.demo.instant import MS_NS, SECOND_NS
from smilesyncd.demo.sightings import Seen, Sighting, Track, Unreadable, read_sighting

PERIOD_US = 12_000_000
STEP_NS = 50 * MS_NS
BASE = Sighting(
    monotonic_ns=0,
    is_synced=True,
    rung="COMMITTED",
    slot=1,
    is_selected=True,
    period_us=PERIOD_US,
    phase=0.0,
    peers=6,
    emotion="calm",
    consent={"show": True},
    zones=((1, 2, 3),),
    suggestion=None,
)

Change = Callable[[int, Sighting], Sighting]
"""Device index and what it would be, to what it is."""


def _seen(until_s: float, change: Change, count: int = 7) -> Seen:
    """Seven devices in phase on slots of four seconds, as changed."""
    tracks = []
    for device in range(count):
        track = Track(f"d{device}")
        for at_ns in range(0, int(until_s * SECOND_NS), STEP_NS):
            phase = at_ns / (1000 * PERIOD_US) % 1
            slot = 1 + at_ns // (4 * SECOND_NS)
            track.add(change(device, replace(BASE, monotonic_ns=at_ns, phase=phase, slot=slot)))
        tracks.append(track)
    return Seen(tuple(tracks))


def _same(device: int, one: Sighting) -> Sighting:
    return one


def _ask(
    seen: Seen,
    kind: str,
    since_s: float = 0,
    devices: Iterable[int] = range(7),
    *,
    until_s: float = 0,
    reference: Iterable[int] = (),
) -> Answer:
    since_ns, until_ns = int(since_s * SECOND_NS), int(until_s * SECOND_NS)
    question = Question(kind, since_ns, tuple(devices), 1, until_ns, tuple(reference))
    return answer(seen, question)


def _fact(found: Answer) -> Fact:
    assert isinstance(found, Fact), found
    return found


def test_found_counts_to_the_last_one() -> None:
    def late(device: int, one: Sighting) -> Sighting:
        has_all = one.monotonic_ns >= (device + 1) * SECOND_NS
        return replace(one, peers=6 if has_all else 5)

    assert _fact(_ask(_seen(8, late), "found")).figure == pytest.approx(7)
    assert "d6" in str(_ask(_seen(6.5, late), "found"))


def test_committed_wants_one_slot_from_all() -> None:
    def one_absent(device: int, one: Sighting) -> Sighting:
        return replace(one, is_selected=device != 3 or one.slot >= 2)

    assert _fact(_ask(_seen(6, one_absent), "committed")).figure == pytest.approx(4)
    assert isinstance(_ask(_seen(3, one_absent), "committed"), str)


@pytest.mark.parametrize(("late_ms", "passed"), [(0.5, True), (4, False), (-4, False)])
def test_phase_is_judged_in_milliseconds(late_ms: float, passed: bool) -> None:
    def late(device: int, one: Sighting) -> Sighting:
        assert one.phase is not None
        return replace(one, phase=(one.phase - late_ms * (device > 3) * 1000 / PERIOD_US) % 1)

    fact = _fact(_ask(_seen(7, late), "phase", 1))

    assert fact.passed is passed
    assert fact.figure == pytest.approx(abs(late_ms), abs=1e-6)


def test_phase_across_the_end_of_a_period_is_no_error() -> None:
    assert _fact(_ask(_seen(16, _same), "phase", 9.5)).figure == pytest.approx(0, abs=1e-6)


def test_phase_wants_every_device_and_names_the_absent_one() -> None:
    def three_show_nothing(device: int, one: Sighting) -> Sighting:
        return replace(one, is_selected=device < 4)

    fact = _fact(_ask(_seen(7, three_show_nothing), "phase", 1))

    assert not fact.passed
    assert "d4 is in the pattern at 0 %" in fact.text


@pytest.mark.parametrize(("absent_ms", "passed"), [(400, True), (700, False)])
def test_phase_forgives_a_device_short_absences(absent_ms: int, passed: bool) -> None:
    def absent(device: int, one: Sighting) -> Sighting:
        is_out = device == 6 and 2000 <= one.monotonic_ns // MS_NS < 2000 + absent_ms
        return replace(one, is_selected=not is_out)

    assert _fact(_ask(_seen(7, absent), "phase", 1)).passed is passed


def test_phase_does_not_count_the_gap_between_two_leases() -> None:
    def gap(device: int, one: Sighting) -> Sighting:
        return replace(one, is_selected=not 2000 <= one.monotonic_ns // MS_NS < 3000)

    assert _fact(_ask(_seen(7, gap), "phase", 1)).passed


def test_phase_needs_enough_pairs() -> None:
    def scattered(device: int, one: Sighting) -> Sighting:
        return replace(one, slot=device)

    assert "pairs" in str(_ask(_seen(7, scattered), "phase", 1))


@pytest.mark.parametrize(("last_s", "passed"), [(5.0, True), (5.7, False)])
def test_dark_is_the_last_selection_before_the_healing(last_s: float, passed: bool) -> None:
    def cut(device: int, one: Sighting) -> Sighting:
        return replace(one, is_selected=device < 5 or one.monotonic_ns <= (1 + last_s) * SECOND_NS)

    fact = _fact(_ask(_seen(13, cut), "dark", 1, (5, 6), until_s=12))

    assert fact.passed is passed
    assert fact.figure == pytest.approx(last_s)


def test_dark_sees_a_late_relapse() -> None:
    def relapse(device: int, one: Sighting) -> Sighting:
        return replace(one, is_selected=device < 5 or one.monotonic_ns == 9 * SECOND_NS)

    assert not _fact(_ask(_seen(13, relapse), "dark", 1, (5, 6), until_s=12)).passed


def test_dark_is_not_judged_on_a_broken_view() -> None:
    seen = _seen(13, _same)
    kept = [one for one in seen.tracks[5].sightings if not 3 < one.monotonic_ns / SECOND_NS < 6]
    seen.tracks[5].sightings.clear()
    for one in kept:
        seen.tracks[5].add(one)

    assert "interrupted" in str(_ask(seen, "dark", 1, (5, 6), until_s=12))


def test_going_on_wants_one_pattern_of_all_others_beyond_the_dark_bound() -> None:
    def one_lease(device: int, one: Sighting) -> Sighting:
        return replace(one, slot=1)

    for change in (_same, one_lease):
        fact = _fact(_ask(_seen(10, change), "going on", 1, range(5)))
        assert fact.figure == pytest.approx(5.55)

    def one_alone(device: int, one: Sighting) -> Sighting:
        return replace(one, slot=9) if device == 4 else one

    def dark_at_the_bound(device: int, one: Sighting) -> Sighting:
        is_lit = one.monotonic_ns < SECOND_NS + 5_540 * MS_NS
        return replace(one, is_selected=is_lit or device < 4)

    for change in (one_alone, dark_at_the_bound):
        assert "no slot selected by all 5" in str(_ask(_seen(10, change), "going on", 1, range(5)))


def test_solo_wants_both() -> None:
    def fallen(device: int, one: Sighting) -> Sighting:
        is_down = one.monotonic_ns >= 6 * SECOND_NS and device in (5, 6)
        return replace(one, rung="SOLO" if is_down else "HARMONY")

    assert _fact(_ask(_seen(8, fallen), "solo", 1, (5, 6))).figure == pytest.approx(5)
    assert "d4" in str(_ask(_seen(8, fallen), "solo", 1, (4, 5)))


@pytest.mark.parametrize(("back_s", "passed"), [(2, True), (11, False)])
def test_rejoined_counts_from_the_healing(back_s: int, passed: bool) -> None:
    def away(device: int, one: Sighting) -> Sighting:
        return replace(one, is_selected=device < 5 or one.monotonic_ns >= (1 + back_s) * SECOND_NS)

    fact = _fact(_ask(_seen(14, away), "rejoined", 1, (5, 6), reference=range(5)))

    assert fact.passed is passed
    assert fact.figure == pytest.approx(back_s)


def test_rejoined_means_the_pattern_of_the_others() -> None:
    def own_world(device: int, one: Sighting) -> Sighting:
        is_lit = device < 5 or one.monotonic_ns >= 2 * SECOND_NS
        slot = one.slot + 100 if device in (5, 6) else one.slot
        return replace(one, slot=slot, is_selected=is_lit)

    assert "d5" in str(_ask(_seen(8, own_world), "rejoined", 1, (5, 6), reference=range(5)))


@pytest.mark.parametrize("device", [5, 6])
def test_two_that_share_a_stale_slot_have_not_rejoined(device: int) -> None:
    def stale(device: int, one: Sighting) -> Sighting:
        is_lit = not 5 <= one.monotonic_ns / SECOND_NS < 12.5
        return replace(one, slot=1, is_selected=is_lit) if device in (5, 6) else one

    seen = _seen(16, stale)

    assert isinstance(_ask(seen, "rejoined", 12, (device,), reference=range(5)), str)


def test_rejoined_wants_the_device_out_of_the_light_first() -> None:
    """One lease runs all the time; who never left it has kept it, and has not rejoined."""

    def one_lease(device: int, one: Sighting) -> Sighting:
        return replace(one, slot=1)

    def out_from(out_s: float) -> Change:
        def change(device: int, one: Sighting) -> Sighting:
            is_out = device == 5 and out_s <= one.monotonic_ns / SECOND_NS < 9
            return replace(one, slot=1, is_selected=not is_out)

        return change

    kept = _ask(_seen(12, one_lease), "rejoined", 8, (5,), reference=range(5))
    back = _fact(_ask(_seen(12, out_from(6)), "rejoined", 8, (5,), reference=range(5)))
    late = _fact(_ask(_seen(12, out_from(8.5)), "rejoined", 8, (5,), reference=range(5)))

    assert "d5" in str(kept)
    assert back.figure == pytest.approx(1)
    assert late.figure == pytest.approx(1)


def _leaving(after_ms: int, back_ms: int = 10_000) -> Change:
    def change(device: int, one: Sighting) -> Sighting:
        since_ms = one.monotonic_ns // MS_NS - 1000
        if device == 2 and after_ms <= since_ms < back_ms:
            return replace(one, is_selected=False, rung="HARMONY")
        return one

    return change


@pytest.mark.parametrize(
    ("after_ms", "back_ms", "passed"),
    [(50, 10_000, True), (150, 10_000, False), (50, 1000, False)],
    ids=["at once", "late", "comes back"],
)
def test_revoked_is_at_once_and_for_good(after_ms: int, back_ms: int, passed: bool) -> None:
    fact = _fact(_ask(_seen(4, _leaving(after_ms, back_ms)), "revoked", 1, (2,)))

    assert fact.passed is passed


def test_revoked_must_not_stop_the_others() -> None:
    def all_stop(device: int, one: Sighting) -> Sighting:
        is_out = one.monotonic_ns >= SECOND_NS
        return replace(one, is_selected=not is_out, rung="HARMONY" if is_out else "COMMITTED")

    assert not _fact(_ask(_seen(4, all_stop), "revoked", 1, (2,))).passed


def _hinted(device: int, one: Sighting) -> Sighting:
    is_hinted = device == 1 and one.monotonic_ns >= 2 * SECOND_NS
    return replace(one, emotion="excited", suggestion="calm") if is_hinted else one


def test_a_suggestion_must_not_act_by_itself() -> None:
    def acts(device: int, one: Sighting) -> Sighting:
        return one

    def waits(device: int, one: Sighting) -> Sighting:
        return replace(_hinted(device, one), emotion="calm")

    assert _fact(_ask(_seen(4, waits), "suggested", 1, (1,))).passed
    assert not _fact(_ask(_seen(4, _hinted), "suggested", 1, (1,))).passed
    assert isinstance(_ask(_seen(4, acts), "suggested", 1, (1,)), str)


def test_a_suggestion_must_stay_with_its_wearer() -> None:
    def leaks(device: int, one: Sighting) -> Sighting:
        return replace(_hinted(1, one), emotion="calm")

    assert not _fact(_ask(_seen(4, leaks), "suggested", 1, (1,))).passed


def test_off_wants_dark_leds() -> None:
    def dark_after(dark_ms: int) -> Change:
        def change(device: int, one: Sighting) -> Sighting:
            since_ms = one.monotonic_ns // MS_NS - 1000
            rung = "OFF" if since_ms >= 50 else "COMMITTED"
            return replace(one, rung=rung, zones=((0, 0, 0),) if since_ms >= dark_ms else one.zones)

        return change

    assert _fact(_ask(_seen(4, dark_after(300)), "off", 1, (3,))).figure == pytest.approx(300)
    assert not _fact(_ask(_seen(4, dark_after(1500)), "off", 1, (3,))).passed
    assert "still lit" in str(_ask(_seen(4, dark_after(9000)), "off", 1, (3,)))


def test_a_question_whose_time_is_up_is_a_failed_fact() -> None:
    fact = unanswered(Question("solo", 0, (5,), 15), "Fay is not on SOLO")

    assert not fact.passed
    assert fact.text == "not within 15 s: Fay is not on SOLO"


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile(range(1, 101), 95) == 95
    assert percentile([3.0], 95) == 3.0


WATCHED: dict[str, object] = {
    "monotonic_ns": 5,
    "circle_us": None,
    "is_synced": False,
    "rung": "SOLO",
    "slot": 0,
    "is_selected": False,
    "pattern": None,
    "phase": None,
    "peers": 0,
    "emotion": "neutral",
    "consent": {"show": True},
    "zones": [[0, 0, 0]],
    "suggestion": None,
}


def test_a_watch_object_is_read() -> None:
    pattern: dict[str, object] = {"kind": "breathe", "period_us": 4_000_000}

    assert read_sighting(WATCHED).is_dark
    assert read_sighting({**WATCHED, "pattern": pattern, "phase": 0.5}).period_us == 4_000_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("monotonic_ns", "5"),
        ("slot", True),
        ("rung", "BRIGHT"),
        ("is_selected", 1),
        ("phase", "0.1"),
        ("consent", ["show"]),
        ("zones", [[1, 2]]),
        ("zones", None),
        ("suggestion", "sad"),
        ("emotion", None),
        ("pattern", {"kind": "breathe"}),
    ],
)
def test_a_watch_object_that_breaks_its_promise_is_refused(field: str, value: object) -> None:
    with pytest.raises(Unreadable):
        read_sighting({**WATCHED, field: value})

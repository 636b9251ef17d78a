"""The grounds on which planted bugs must show; without a bug every check holds on each of them."""

from functools import partial

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import district, gathering
from smilesim.fidelity import DAEMON, FAST
from smilesim.meadow import meadow
from smilesim.overlap import overlapping
from smilesim.report import report
from smilesim.selftest import comings, directed, onstage
from smilesim.selftest.bug import Finding, Ground
from smilesim.selftest.stage import Script, Stage
from smilesync.circle.genesis import Parameters
from smilesync.circle.lease import NEVER_NS, Lease, Standing
from smilesync.circle.value import NO_PREVIOUS, Value, named
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.timeline import Timeline

SEED = 4
HEAD = 'summary = "Where a bug must show."\n'
WISHES = '\n[[fault]]\nkind = "wishes"\nat_s = 2\nspread_s = 16\npercent = 100\n'
LONG_WISHES = WISHES.replace("spread_s = 16", "spread_s = 310")


def _city(text: str, seed: int = SEED) -> list[Finding]:
    """Live through a scenario, up to the first broken promise."""
    chosen = scenario.parse("selftest", HEAD + text, "selftest")
    if chosen.circle_size:
        people = meadow(chosen.peers, chosen.circle_size, seed)
    elif chosen.overlap_percent:
        people = overlapping(chosen.peers, chosen.overlap_percent, seed)
    else:
        people = district(chosen.peers, seed)
        if chosen.is_one_circle:
            people = gathering(chosen.peers, seed, chosen.second_circle)
    city = City(Plan(chosen, people, seed, chosen.seconds), keep_going=False)
    city.run_whole()
    report(city, is_one_of_many=True)
    return [(one.rule, one.detail) for one in city.violations.kept]


def _ground(name: str, text: str, seed: int = SEED) -> Ground:
    return Ground(name, partial(_city, text, seed))


def _circle(name: str, peers: int, seconds: int, faults: str = "", seed: int = SEED) -> Ground:
    head = f"seconds = {seconds}\npeers = {peers}\none_circle = 1\n"
    return _ground(name, head + faults, seed)


def _fault(kind: str, **numbers: float) -> str:
    lines = [f"{key} = {number:g}" for key, number in numbers.items()]
    return "\n".join(["\n[[fault]]", f'kind = "{kind}"', *lines]) + "\n"


def villain(kind: str, peers: int = 4, seconds: int = 36, seed: int = SEED) -> Ground:
    """Return a circle that has to live with villains, and decides every four seconds."""
    turning = _fault(kind, at_s=2, spread_s=0)
    return _circle(kind, peers, seconds, turning + WISHES, seed)


def _directed(
    script: Script, liar_of_view: int, seconds: int = 24, *, is_governed: bool = False
) -> Ground:
    def run() -> list[Finding]:
        name = script.__name__
        return Stage(name, seconds, liar_of_view, is_governed=is_governed).run(script)

    return Ground(script.__name__.replace("_", "-"), run)


def _stepped_back() -> list[Finding]:
    """A clock is put back by 15 ms just after a lease ended: the lease is over all the same."""
    parameters, end_us = Parameters(), 10_000_000
    value = Value(
        slot=1,
        parent=NO_PREVIOUS,
        not_before_us=end_us - parameters.lease_us,
        not_after_us=end_us,
        pattern=MOOD_PATTERNS[0],
        start_us=end_us - parameters.lease_us,
        previous=None,
        previous_start_us=0,
        fade_us=2_000_000,
        roster_hash=bytes(32),
        state_hash=bytes(32),
    )
    lease = Lease(parameters, 0)
    lease.offer(named(value.encode()))
    begin_ns = (end_us - parameters.guard_us - 1_000_000) * 1_000
    for now_ns, behind_us in ((begin_ns, 0), (begin_ns + 1_005_000_000, 0), (None, 15_000)):
        at_ns = begin_ns + 1_006_000_000 if now_ns is None else now_ns
        line = Timeline(at_ns, at_ns // 1_000 - behind_us)
        lease.update(Standing(at_ns, line, True, False, NEVER_NS))
    if lease.selected is None:
        return []
    return [("I8", "a lease that was seen to end is selected again")]


def _both_fidelities() -> list[Finding]:
    """Copies that the air makes are stopped by the link: nothing of them reaches a peer."""
    text = HEAD + "seconds = 4\npeers = 4\none_circle = 1\n[weather]\nduplicate_percent = 20\n"
    chosen = scenario.parse("selftest", text, "selftest")
    digests = []
    for fidelity in (FAST, DAEMON):
        plan = Plan(chosen, gathering(chosen.peers, SEED), SEED, chosen.seconds)
        city = City(plan, fidelity=fidelity)
        city.run_whole()
        digests.append(city.trace.digest())
    same = digests[0] == digests[1]
    return [] if same else [("same-trace", "the daemon's link lets through what is no message")]


CALM = _circle("calm", 4, 20)
CALM_OF_SIX = _circle("calm-of-six", 6, 20)
LONG = _circle("long-calm", 4, 36)
ALONE = _circle("alone", 1, 20)
WISHING = _circle("wishes", 5, 24, WISHES)
LATE = _circle(
    "late",
    4,
    20,
    _fault("delay", at_s=4, heal_s=14, percent=100, late_ms=64, more_ms=450) + WISHES,
)
BLACKOUT = _circle("blackout", 4, 28, _fault("blackout", at_s=6.1, outage_s=1, spread_s=1) + WISHES)
CUT = _circle("cut", 4, 24, _fault("sides", at_s=6, heal_s=18, percent=50))
RENEWED_CUT = _circle("cut-later", 4, 34, _fault("sides", at_s=15, heal_s=30, percent=50))
LIAR_IN_A_CUT = _circle(
    "double-voter-in-a-cut",
    4,
    24,
    _fault("double-voter", at_s=2, spread_s=0)
    + _fault("sides", at_s=6, heal_s=18, percent=50)
    + WISHES,
)
WITHDRAWN = _circle("withdrawn", 4, 12, _fault("withdraw", at_s=5.1, spread_s=1, percent=100))
ISLANDS = _circle("islands", 4, 24, _fault("islands", at_s=6, heal_s=18, islands=4))
SWITCHED_OFF = _circle("switched-off", 4, 12, _fault("off-wave", at_s=5.1, spread_s=1, percent=100))

GOVERNED = "governed = 1\n"
WALKED_AWAY = _circle(
    "walked-away",
    7,
    100,
    GOVERNED + _fault("batteries", at_s=8, spread_s=1, percent=58, charged_s=0),
)
LOST_AND_FOUND = _circle(
    "lost-and-found", 4, 105, GOVERNED + _fault("sides", at_s=8, heal_s=86, percent=50)
)
CUT_FOR_A_WHILE = _circle(
    "cut-for-a-while", 4, 75, GOVERNED + _fault("sides", at_s=8, heal_s=50, percent=50)
)

MEETING = _circle("meeting", 5, 80, "governed = 2\nsecond_circle = 2\n")

FESTIVAL = _ground(
    "festival",
    "seconds = 40\npeers = 28\ncircle_size = 28\ngoverned = 1\n"
    + _fault(
        "churn",
        at_s=5,
        heal_s=26,
        come_percent_per_min=100,
        go_percent_per_min=50,
        seat_percent=100,
        goodbye_percent=1,
        founder_percent=30,
    )
    + "[expect]\nviews_max = 3\n",
)

TWO_CIRCLES = _ground(
    "two-circles",
    "seconds = 50\npeers = 11\noverlap_percent = 43\n"
    + _fault("choices", at_s=5, heal_s=49, choices_per_min=20)
    + _fault("withdraw", at_s=9.1, spread_s=2, percent=50, back_s=13)
    + _fault("half-told", at_s=15, spread_s=2, percent=100, back_s=21)
    + _fault("sides", at_s=24, heal_s=31, percent=50)
    + _fault("partings", at_s=33, spread_s=2, percent=100, back_s=45)
    + _fault("withdraw", at_s=36, spread_s=1, percent=100, back_s=38)
    + _fault("off-wave", at_s=38.5, spread_s=1, percent=100, back_s=40)
    + _fault("blackout", at_s=41, outage_s=1, spread_s=1),
)
GAP_OF_ANOTHER = Ground("gap-of-another", onstage.gap_of_another)
LEFT_IN_THE_GAP = Ground("left-in-the-gap", onstage.left_in_the_gap)
NUMBERS_APART = Ground("numbers-apart", onstage.numbers_apart)
ONE_JOURNAL_KNOWS = Ground("one-journal-knows", onstage.one_journal_knows)
ROTATIONS = _circle("key-rotations", 4, 36, _fault("key-rotations", at_s=6, spread_s=0) + WISHES)
FOUR_WHO_SHARE = _circle("four-who-share", 4, 20, _fault("moods", at_s=3, state=0))
ALOOF = _circle(
    "aloof",
    16,
    40,
    _fault("moods", at_s=3, state=4)
    + _fault("withdraw", at_s=14, percent=100)
    + WISHES.replace("spread_s = 16", "spread_s = 36"),
)
MANY = "seconds = {}\npeers = 48\ncircle_size = 48\n"
TAKEN_BACK = _ground(
    "taken-back",
    MANY.format(40)
    + _fault("moods", at_s=3, spread_s=1, state=4, back_s=14)
    + WISHES.replace("spread_s = 16", "spread_s = 36"),
)
MANY_WHO_FOLLOW = _ground(
    "many-who-follow", MANY.format(20) + _fault("moods", at_s=3, spread_s=1, state=4)
)

SKIPPED_NULLIFICATION = _directed(directed.skipped_nullification, 2)
TOTAL_POWER_LOSS = _directed(directed.total_power_loss, 1, 26)
LONG_POWER_LOSS = _directed(directed.long_power_loss, 1, 36)
RESTART_UNDER_A_LIAR = _directed(directed.restart_under_a_liar, 1)
EQUIVOCATING_LEADER = _directed(directed.equivocating_leader, 1)
RESENT_PROPOSALS = _directed(directed.resent_proposals, 4)
RESTORED_BACKUP = _directed(directed.restored_backup, 1)
LOTS = _ground("lots", "seconds = 320\npeers = 4\none_circle = 1\ngoverned = 1\n" + LONG_WISHES)
REPEATED_JOIN = _directed(comings.repeated_join, 1, 40, is_governed=True)
KEYS_OF_LONG_AGO = _directed(comings.keys_of_long_ago, 1, is_governed=True)
LIAR_WITH_ANOTHER_KEY = _directed(comings.liar_with_another_key, 1, 40, is_governed=True)
KEY_THAT_WENT = _directed(comings.key_that_went, 1, 60)
LEAVE_THAT_CANNOT_BE = _directed(comings.leave_that_cannot_be, 1, 72)
STEPPED_BACK = Ground("clock-stepped-back", _stepped_back)
BOTH_FIDELITIES = Ground("both-fidelities", _both_fidelities)

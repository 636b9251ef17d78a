"""The vectors of selection: leases, what the device knows at some instants, what it then shows."""

from smilesync.circle.genesis import Parameters
from smilesync.circle.lease import UNHEARD_NS_MAX, Lease, Standing
from smilesync.circle.value import named
from smilesync.ids import ValueHash
from smilesync.timeline import Timeline
from support.lab import Lab

LAB = Lab(1, silent=frozenset({0}))

Look = tuple[int | None, bool, bool, int]
"""What selection depends on.

Circle us (None: not SYNCED), is the wearer willing, are q voters heard, and how many us ago the
latest of the stamps was sent that q voters have answered, this device counting as one.
"""

SOON, LATE = 500_000, 60_000_000
"""Us ago that q voters answered: a moment, and long."""

TOUCHING = [(1, 10_000_000, 14_000_000), (2, 14_000_000, 18_000_000)]
RENEWED = [(1, 10_000_000, 14_000_000), (2, 14_000_000, 30_000_000)]
GAP = [(1, 10_000_000, 14_000_000), (2, 16_000_000, 20_000_000)]
LEASES: list[tuple[str, str, list[tuple[int, int, int]], int, list[Look]]] = [
    (
        "touching leases",
        "LSE-001 LSE-004 LSE-005",
        TOUCHING,
        0,
        [
            (us, True, True, LATE)
            for us in (10_019_999, 10_020_000, 13_979_999, 13_980_000, 14_019_999, 14_020_000)
        ],
    ),
    (
        "a gap, nobody heard, successor known",
        "LSE-005",
        GAP,
        0,
        [
            (us, True, False, LATE)
            for us in (13_000_000, 13_980_000, 14_979_999, 14_980_000, 16_020_000)
        ],
    ),
    (
        "the end, q voters heard",
        "LSE-005",
        GAP[:1],
        0,
        [(us, True, True, SOON) for us in (13_000_000, 13_980_000, 14_979_999, 14_980_000)],
    ),
    (
        "the end, nobody heard",
        "LSE-005",
        GAP[:1],
        0,
        [(us, True, False, LATE) for us in (13_000_000, 13_979_999, 13_980_000)],
    ),
    (
        "consent withdrawn and given again",
        "LSE-001",
        GAP[:1],
        0,
        [
            (us, willing, True, SOON)
            for us, willing in ((12_000_000, True), (12_000_001, False), (12_000_002, True))
        ],
    ),
    (
        "clock lost",
        "LSE-001",
        GAP[:1],
        0,
        [(us, True, True, SOON) for us in (12_000_000, None, 12_500_000)],
    ),
    (
        "a lease seen to end stays ended",
        "LSE-003",
        GAP[:1],
        0,
        [(us, True, False, LATE) for us in (13_980_000, 13_979_990)],
    ),
    ("a higher slot was shown before", "LSE-002", GAP[:1], 2, [(12_000_000, True, True, SOON)]),
    ("the same slot was shown before", "LSE-002", GAP[:1], 1, [(12_000_000, True, True, SOON)]),
    (
        "16 s: dark 4 s after q voters last answered, back with them",
        "LSE-007",
        RENEWED[1:],
        0,
        [
            (17_000_000, True, True, SOON),
            (21_000_000, True, True, 3_999_999),
            (21_000_001, True, True, 4_000_000),
            (24_000_000, True, False, 7_000_000),
            (25_000_000, True, True, 0),
        ],
    ),
    (
        "4 s and 1 us is long, 4 s is not",
        "LSE-007",
        [(1, 10_000_000, 14_000_000), (2, 14_000_000, 18_000_001)],
        0,
        [(us, True, True, LATE) for us in (13_000_000, 13_980_000, 14_020_000, 17_000_000)],
    ),
    (
        "16 s: unheard before its end, so nothing is held after it",
        "LSE-005 LSE-007",
        RENEWED[1:],
        0,
        [
            (29_000_000, True, True, SOON),
            (29_500_000, True, True, 4_000_000),
            (29_980_000, True, True, SOON),
            (30_000_000, True, True, SOON),
        ],
    ),
    (
        "16 s: held after its end while q voters answer",
        "LSE-005 LSE-007",
        RENEWED[1:],
        0,
        [
            (29_979_999, True, True, 3_000_000),
            (29_980_000, True, True, 3_000_001),
            (30_500_000, True, True, 4_000_000),
            (30_600_000, True, True, SOON),
        ],
    ),
    (
        "touching leases of 4 and 16 s, all is well",
        "LSE-001 LSE-004 LSE-005 LSE-007",
        RENEWED,
        0,
        [(us, True, True, SOON) for us in (13_979_999, 13_980_000, 14_020_000, 29_979_999)],
    ),
]


Row = tuple[str, str, dict[str, object], list[dict[str, object]]]


def rows() -> list[Row]:
    """Return every case: name, requirements, what is given, what is shown."""
    return [
        (
            name,
            req,
            {
                "guard_us": Parameters().guard_us,
                "values": [{"slot": s, "nb_us": nb, "na_us": na} for s, nb, na in values],
                "highest_shown": shown,
                "events": [
                    {
                        "circle_us": us,
                        "willing": willing,
                        "quorum_heard": heard,
                        "answered_us_ago": answered,
                    }
                    for us, willing, heard, answered in events
                ],
            },
            selections(values, shown, events),
        )
        for name, req, values, shown, events in LEASES
    ]


def selections(
    values: list[tuple[int, int, int]], shown: int, events: list[Look]
) -> list[dict[str, object]]:
    """Return what is selected and what is held after each event, by slot."""
    lease = Lease(Parameters(), shown)
    for slot, begin_us, end_us in values:
        value = LAB.value(
            slot=slot,
            not_before_us=begin_us,
            not_after_us=end_us,
            start_us=begin_us,
            parent=ValueHash(bytes(32)),
        )
        lease.offer(named(value.encode()))
    found: list[dict[str, object]] = []
    for circle_us, is_willing, hears_quorum, answered_us in events:
        timeline = Timeline(0, circle_us) if circle_us is not None else None
        heard_until_ns = UNHEARD_NS_MAX - answered_us * 1_000
        grew = lease.update(Standing(0, timeline, is_willing, hears_quorum, heard_until_ns))
        found.append(
            {
                "selected": lease.selected.value.slot if lease.selected else None,
                "held": lease.held.value.slot if lease.held else None,
                "persists": grew,
            }
        )
    return found

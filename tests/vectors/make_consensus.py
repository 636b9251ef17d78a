"""Consensus traces: one voter of four in slot 1, messages and times in, records and votes out.

The voter is SYNCED, was answered after its start, and reads circle time 1 s + local time. Repair
is left out: only what rules R0 to R7 demand is in the output, a message to all others once.
"""

from smilesync.circle.circumstances import Moment
from smilesync.circle.quorum import VoteKey, value_hash
from smilesync.circle.slot import Slot
from smilesync.circle.validity import Head
from smilesync.circle.value import NO_PREVIOUS
from smilesync.effects import Effect, Event, Notice, Persist, Send
from smilesync.wire import codec, records
from smilesync.wire.messages import Body, CircleMessage, Propose, VoteKind, Votes
from smilesync.wire.records import Finalized, Notarized, Nullified
from support.lab import MS_NS, Lab

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(4, silent=frozenset(range(4)))
FIRST, SECOND, THIRD, LAST = (LAB.leader(view) for view in range(1, 5))
PATTERN = b"\xa0\x01"
BODY, OTHER = LAB.value(1).encode(), LAB.value(2).encode()
VALUE, OTHER_VALUE = value_hash(BODY), value_hash(OTHER)

Step = tuple[int, CircleMessage | None]
"""Local ms, and the message that comes then; None: a timer may be due."""

Trace = tuple[str, str, dict[str, object], list[dict[str, object]]]


def votes(members: tuple[int, ...], key: VoteKey) -> Votes:
    """Return votes of slot 1 as a message."""
    return Votes(1, (LAB.votes(members, key),))


def play(me: int, journal: list[bytes], steps: list[Step]) -> list[dict[str, object]]:
    """Return what a voter persists, sends and decides, in order, with the time of each."""
    slot = Slot(LAB.circumstances(me), Head(0, NO_PREVIOUS, 0, None))
    slot.restore([records.decode(record) for record in journal])
    outputs: list[dict[str, object]] = []
    _note(outputs, 0, slot.begin(_moment(0)))
    for ms, message in steps:
        moment = _moment(ms)
        match message:
            case Propose():
                effects = slot.handle_propose(message, moment)
            case Votes():
                effects, has_news = slot.handle_votes(message.sets)
                effects = effects + slot.progress(moment) if has_news else effects
            case Body():
                effects = slot.handle_body(message.value, moment)
            case _:
                effects = slot.wake(moment)
                if slot.wants_pattern(moment):
                    effects = effects + slot.propose(PATTERN, moment)
        _note(outputs, ms, effects)
        if slot.decided is not None:
            outputs.append({"ms": ms, "decided": slot.decided[0].hash})
            break
    return [*outputs, {"view": slot.view}]


def _moment(ms: int) -> Moment:
    return Moment(ms * MS_NS, LAB.true_us + ms * 1_000, 0, may_vote=True)


def _note(outputs: list[dict[str, object]], ms: int, effects: list[Effect]) -> None:
    last: object = None
    for effect in effects:
        match effect:
            case Persist(record):
                outputs.append({"ms": ms, "persist": record})
            case Send(_, message) if message is not last:
                last = message
                outputs.append({"ms": ms, "send": codec.encode(message)})
            case Notice(Event.EQUIVOCATION_SEEN, peer):
                outputs.append({"ms": ms, "accuse": peer})
            case _:
                pass


def _script() -> list[tuple[str, str, int, list[records.Record], list[Step]]]:
    show = LAB.proposal(FIRST, BODY)
    others = tuple(member for member in range(4) if member != SECOND)
    return [
        (
            "a voter, all is well",
            "CIR-013 CIR-017 CIR-019 CIR-050",
            SECOND,
            [],
            [
                (10, show),
                (20, votes((THIRD,), (N, 1, VALUE))),
                (30, votes((FIRST,), (F, 1, VALUE))),
                (31, votes((THIRD,), (F, 1, VALUE))),
            ],
        ),
        (
            "the leader, all is well",
            "CIR-015 CIR-016 CIR-050",
            FIRST,
            [],
            [
                (0, None),
                (20, votes((SECOND, THIRD), (N, 1, VALUE))),
                (30, votes((SECOND, THIRD), (F, 1, VALUE))),
            ],
        ),
        (
            "the timer fires, then the proposal comes: NOTARIZE but no FINALIZE",
            "CIR-014 CIR-017 CIR-018 CIR-019",
            SECOND,
            [],
            [
                (499, None),
                (500, None),
                (510, show),
                (520, votes((THIRD,), (N, 1, VALUE))),
            ],
        ),
        (
            "own NULLIFY opens the next view, which this voter leads",
            "CIR-014 CIR-015 CIR-016 CIR-020",
            SECOND,
            [],
            [(490, votes((FIRST, THIRD), (X, 1, None))), (500, None)],
        ),
        (
            "a value is carried over a nullified view, however old",
            "CIR-015 CIR-023 CIR-025",
            LAST,
            [],
            [
                (10, votes((FIRST, SECOND, THIRD), (X, 2, None))),
                (9_000, LAB.proposal(THIRD, BODY, 3)),
                (9_010, votes((FIRST, SECOND, THIRD), (N, 1, VALUE))),
            ],
        ),
        (
            "a proposal is kept until the view it skips is nullified",
            "CIR-023",
            LAST,
            [],
            [
                (10, votes((FIRST, SECOND, THIRD), (X, 2, None))),
                (20, LAB.proposal(THIRD, OTHER, 3)),
                (30, votes((FIRST, SECOND, THIRD), (X, 1, None))),
            ],
        ),
        (
            "the leader shows two values",
            "CIR-017",
            SECOND,
            [],
            [(10, show), (11, LAB.proposal(FIRST, OTHER))],
        ),
        (
            "after a restart no second vote, and the old one counts",
            "CIR-017 CIR-018 CIR-020",
            SECOND,
            [Notarized(1, 1, VALUE, BODY)],
            [
                (10, LAB.proposal(FIRST, OTHER)),
                (20, votes((FIRST, THIRD), (N, 1, VALUE))),
                (30, votes((FIRST, THIRD), (F, 1, VALUE))),
            ],
        ),
        (
            "after a restart with NULLIFY no FINALIZE",
            "CIR-018 CIR-020",
            SECOND,
            [Nullified(1, 1)],
            [(10, votes(others, (N, 1, VALUE))), (20, Body(1, BODY))],
        ),
        (
            "after a restart with FINALIZE its certificate counts",
            "CIR-020 CIR-050",
            SECOND,
            [
                Notarized(1, 1, VALUE, BODY),
                Finalized(1, 1, VALUE, LAB.votes((FIRST, SECOND, THIRD), (N, 1, VALUE))),
            ],
            [(600, None), (1_400, None), (1_500, votes((FIRST, THIRD), (F, 1, VALUE)))],
        ),
        (
            "a decision needs the bytes",
            "CIR-040",
            LAST,
            [],
            [(10, votes((FIRST, SECOND, THIRD), (F, 1, VALUE))), (20, Body(1, BODY))],
        ),
    ]


def traces() -> list[Trace]:
    """Return every trace: name, requirements, what is given, what comes out."""
    found: list[Trace] = []
    for name, req, me, journal, steps in _script():
        written = [records.encode(record) for record in journal]
        given: dict[str, object] = {
            "genesis": LAB.genesis.encode(),
            "me": me,
            "voter_seed": VOTER_SEEDS[me],
            "journal": written,
            "pattern": PATTERN,
            "events": [_event(ms, message) for ms, message in steps],
        }
        found.append((name, req, given, play(me, written, steps)))
    return found


def _event(ms: int, message: CircleMessage | None) -> dict[str, object]:
    return {"ms": ms} | ({"message": codec.encode(message)} if message is not None else {})


VOTER_SEEDS = [
    seed
    for pair in LAB.pairs
    for seed in [bytes([2, index]) * 16 for index in range(4)]
    if type(pair[1])(seed).public == pair[1].public
]

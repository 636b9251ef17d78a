"""Every message above the link: one immutable value each, safe to share between receivers.

Times are integers; hashes and keys are bytes; bitmaps are ints, bit i = roster index i.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from smilesync.ids import CircleId, PeerId, ValueHash, VoterKey


class VoteKind(IntEnum):
    """The three things a voter can sign about a view."""

    NOTARIZE = 1
    NULLIFY = 2
    FINALIZE = 3


class ObjectKind(IntEnum):
    """Carried (signed, forwardable) objects. Even unknown kinds are ignored, odd ones reported."""

    EMOTION = 2
    CONSENT = 4
    VOTER_KEY = 6
    JOIN = 8
    LEAVE = 10
    INVITE = 12
    REVOKE = 14
    ROTATE = 16
    WISH = 20


@dataclass(frozen=True, slots=True)
class Clock:
    """One half of a four-timestamp exchange; each side sends its own, 1 Hz or faster.

    Units: us. `stamp_us` is opaque and echoed by the other side in `echo_us` (0: none heard yet);
    `held_us` is how long the echo was held before this was sent, by the sender's local clock;
    `circle_us` is the sender's circle time at sending, None if it has none. `away` is a bitmap of
    voters whom the sender has not heard for long.
    """

    stamp_us: int
    echo_us: int
    held_us: int
    circle_us: int | None
    is_synced: bool
    wants_reply: bool
    away: int = 0


@dataclass(frozen=True, slots=True)
class Carried:
    """A signed object as carried: `[kind, signer, body, signature]`, never re-serialised."""

    kind: int
    signer: PeerId
    body: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class CertificateName:
    """Names a certificate without carrying it; a hint only."""

    kind: VoteKind
    view: int
    value_hash: ValueHash | None


@dataclass(frozen=True, slots=True)
class Propose:
    """A leader's proposal: the signature is its notarize vote. `carried_view` (k) is a hint."""

    slot: int
    view: int
    value: bytes
    signature: bytes
    carried_view: int = 0
    certificates: tuple[CertificateName, ...] = ()


@dataclass(frozen=True, slots=True)
class VoteSet:
    """Votes of one kind, view and value; `signatures` in ascending order of `bitmap` bits."""

    kind: VoteKind
    view: int
    value_hash: ValueHash | None
    bitmap: int
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Votes:
    """One vote, a partial set and a certificate are the same message."""

    slot: int
    sets: tuple[VoteSet, ...]


@dataclass(frozen=True, slots=True)
class VoteSummary:
    """Which votes of one kind, view and value the sender of a STATUS holds."""

    kind: VoteKind
    view: int
    value_hash: ValueHash | None
    bitmap: int


@dataclass(frozen=True, slots=True)
class Status:
    """What the sender holds of its open slot, so that the receiver can send differences.

    `question` is a random number after a restart (0: none): the receiver answers with `answer`
    = that number and `recalled` = one vote of the asker that the asker did not list, if it holds
    one for a slot not below the asker's. `bodies` are the value hashes whose bodies are held.
    `away` is a bitmap of voters whom the sender has not heard for long.
    """

    slot: int
    view: int
    held: tuple[VoteSummary, ...]
    bodies: tuple[ValueHash, ...] = ()
    question: int = 0
    answer: int = 0
    recalled_slot: int = 0
    recalled: VoteSet | None = None
    away: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """A decided value; its F certificate travels beside it as VOTES.

    `roster_hash` names the roster that decided it, None where the value leaves it as it is; a hint.
    """

    value: bytes
    view: int
    roster_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """Asks for bodies by hash and certificates by name, of one slot, and for pieces of any.

    `pieces` are (hash, offset) of rosters, states and carried objects.
    """

    slot: int
    bodies: tuple[ValueHash, ...] = ()
    certificates: tuple[CertificateName, ...] = ()
    pieces: tuple[tuple[bytes, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A value that was asked for."""

    slot: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """A part, from `offset`, of something of `size_bytes` that was asked for by its hash."""

    hash: bytes
    offset: int
    size_bytes: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SignedVote:
    """One vote with its signature; slot, roster and view are told beside it."""

    kind: VoteKind
    value_hash: ValueHash | None
    signature: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two votes of one voter that no honest voter signs both, lower kind and hash first."""

    slot: int
    voter: VoterKey
    roster_hash: bytes
    view: int
    one: SignedVote
    other: SignedVote


@dataclass(frozen=True, slots=True)
class Hello:
    """Tells a neighbour which circle the sender follows, if it knows that circle.

    `tag` is a hash of `salt` and circle id. `reach`: the voters that the sender has own links
    with, itself included, as a bitmap by roster index; `serves`: it has partners that lack some.
    """

    salt: bytes
    tag: bytes
    reach: int
    serves: bool


class Beacon(NamedTuple):
    """A voter's signed word: its circle time (us), its open slot, whether it is SYNCED.

    `away`: whom it has not heard for long, as a bitmap of the roster of that slot (MEM-035).
    """

    voter: int
    circle_us: int
    slot: int
    is_synced: bool
    signature: bytes
    away: int = 0


@dataclass(frozen=True, slots=True)
class Beacons:
    """The newest words of several voters, passed on as they are."""

    beacons: tuple[Beacon, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Asks voters, over others, what time they have; after a restart also what they know.

    `question` is the STATUS that an asking voter, `asker`, would send over its own link.
    """

    nonce: bytes
    voters: int
    asker: int | None = None
    question: bytes | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One voter's answer to an ASK: a body that it signed, on its way back."""

    nonce: bytes
    voter: int
    body: bytes
    signature: bytes


class Feeling(NamedTuple):
    """What somebody lets the voters of the circle know: a state, or None: it is withdrawn.

    `voters` is a bitmap of whom it goes on to, by roster index, and not signed; `made_us` is the
    circle time at which it was made, of a withdrawal that of the last word it takes back.
    """

    voters: int
    signer: PeerId
    sequence: int
    state: int | None
    made_us: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Feelings:
    """The newest words of several people, on their way to the voters."""

    feelings: tuple[Feeling, ...]


@dataclass(frozen=True, slots=True)
class Stranded:
    """Its circle has not decided for long: this device would follow a successor, or found one."""

    circle: CircleId
    head: ValueHash
    founds: bool


@dataclass(frozen=True, slots=True)
class Call:
    """The founders, ascending, whom the sender wants for a successor of what STRANDED names."""

    circle: CircleId
    head: ValueHash
    nonce: bytes
    founders: tuple[PeerId, ...]


@dataclass(frozen=True, slots=True)
class Pledge:
    """The sender's new voter key for the circle of the CALL with this hash, signed by both keys."""

    call: bytes
    voter: VoterKey
    identity_signature: bytes
    voter_signature: bytes


@dataclass(frozen=True, slots=True)
class Heir:
    """A part, from `offset`, of the genesis of the circle that took the place of `circle`."""

    circle: CircleId
    offset: int
    size_bytes: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Meet:
    """To a neighbour of another circle: the sender's circle, its head, and how many vote there.

    `offer` names the value that offers to take the circle `offered_to` in, while that is open.
    """

    circle: CircleId
    slot: int
    head: ValueHash
    voters: int
    offer: ValueHash | None = None
    offered_to: CircleId | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """To a voter of the same `circle`: this voter would offer to `other`, or accept its `offer`."""

    circle: CircleId
    other: CircleId
    offer: ValueHash | None = None


@dataclass(frozen=True, slots=True)
class Prove:
    """Asks for the proof, from `offset` on, that `circle` decided `offer`."""

    circle: CircleId
    offer: ValueHash
    offset: int


@dataclass(frozen=True, slots=True)
class Proof:
    """A part, from `offset`, of that proof."""

    circle: CircleId
    offer: ValueHash
    offset: int
    size_bytes: int
    data: bytes


CircleMessage = Propose | Votes | Status | Decided | Want | Body | Piece | Evidence
SpreadMessage = Hello | Beacons | Ask | Told
SuccessionMessage = Stranded | Call | Pledge | Heir
MeetingMessage = Meet | Ready | Prove | Proof
BelongingMessage = SuccessionMessage | MeetingMessage
Said = Carried | CircleMessage | SpreadMessage | Feelings | BelongingMessage
"""What is said once, beside the clock that ticks."""
Message = Clock | Said

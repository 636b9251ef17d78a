"""The proof of what a circle decided, for people who have nothing of it but its id.

A circle's id is the hash of its genesis. From there on each decision of the proof is signed by q
voters of its roster, of whom enough sit in the roster that the decision before it left that one of
them is honest: just what lets a straggler skip (MEM-021). Every device takes its decisions that
way, so it can keep a proof that is as short as possible: of the decisions it took, only those
without which the next one could not be believed. Source: SPEC section Merging (MRG-005 to MRG-008).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from smilesync.circle.bounded import NOTHING, noted
from smilesync.circle.genesis import Genesis, circle_id_of, decode_genesis
from smilesync.circle.lawful import seats_after
from smilesync.circle.offer import Offer, can_merge
from smilesync.circle.quorum import bits, statement, value_hash
from smilesync.circle.roster import Roster, roster_of
from smilesync.circle.value import Named, named
from smilesync.config import PIECED_BYTES_MAX, PROOF_BYTES_MAX, VALUE_BYTES_MAX
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import CircleId, ValueHash
from smilesync.keys import Verifier
from smilesync.wire import cbor
from smilesync.wire.fields import Fields
from smilesync.wire.messages import VoteKind, VoteSet
from smilesync.wire.records import Proven
from smilesync.wire.votesets import set_of, set_value

LINKS_MAX = 16
"""Decisions before the last one. A circle that needs more has changed too much to be proven."""
LINKS_BYTES_MAX = 72_000
"""What of a proof is left to them beside the largest genesis and the largest last decision."""
OFFERS_KEPT = 4
RULE = "MRG-006"

Name = tuple[CircleId, ValueHash]
"""A circle, and the value by which it offers."""
Step = tuple[Named, VoteSet, Roster]
"""A decision, its certificate, and the roster whose certificate it is."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """A verified proof: a genesis, and decisions of that circle, the last of which offers."""

    genesis: Genesis
    steps: tuple[Step, ...]

    @property
    def name(self) -> ValueHash:
        """Return the hash of the value that offers."""
        return self.steps[-1][0].hash

    @property
    def offer(self) -> Offer:
        """Return what it offers."""
        offer = self.steps[-1][0].value.merging
        assert isinstance(offer, Offer)
        return offer

    @property
    def roster(self) -> Roster:
        """Return the voters of the circle after it."""
        return self.steps[-1][2]

    def encode(self) -> bytes:
        """Return the bytes that `read_proof` reads."""
        listed: list[cbor.CborValue] = [_spelled(step) for step in self.steps]
        return cbor.encode([self.genesis.encode(), listed])


class Pedigree:
    """Keeps the proof of the own circle while it goes on; `trusted` starts as the founders."""

    __slots__ = (
        "_latest",
        "_links",
        "_links_bytes",
        "_offers",
        "_trusted",
        "is_whole",
    )

    def __init__(self, founding: Roster) -> None:
        self._links: tuple[Step, ...] = ()
        self._links_bytes = 0
        self._trusted = founding
        self._latest: Step | None = None
        self._offers: Mapping[ValueHash, tuple[Step, ...]] = NOTHING
        self.is_whole = True
        """Can the circle still be proven by what this device keeps?"""

    def restore(self, journal: Iterable[object]) -> None:
        """Take the links that the own journal holds of this circle, before its decisions."""
        circle = self._trusted.circle
        for one in journal:
            if isinstance(one, Proven) and one.circle == circle:
                link = named(one.body), one.certificate, roster_of(circle, one.roster)
                self._keep(link)

    def follow(self, step: Step) -> Proven | None:
        """Take a decision, in the order of slots; returns the record of a link that it needs."""
        decided, link = step[0], None
        is_known = bool(self._links) and decided.value.slot <= self._links[-1][0].value.slot
        if not self.is_whole or is_known:
            return None
        if not vouches(self._trusted, step):
            link = self._latest
            if link is None or not self._has_room(link):
                self.is_whole = False
                return None
            self._keep(link)
        self._latest = step
        if isinstance(decided.value.merging, Offer):
            steps = (*self._links, step)
            self._offers = noted(self._offers, decided.hash, steps, OFFERS_KEPT)
        return proven(link) if link is not None else None

    def open_offer(self, circle_us: int) -> tuple[ValueHash, Offer] | None:
        """Return the offer of this circle that is open at a circle time, with its hash."""
        for name, steps in self._offers.items():
            offer = steps[-1][0].value.merging
            if isinstance(offer, Offer) and circle_us < offer.until_us:
                return name, offer
        return None

    def proof(self, genesis: Genesis, offer: ValueHash) -> Provenance | None:
        """Return the proof that this circle made an offer, None if this device has none."""
        steps = self._offers.get(offer)
        return Provenance(genesis, steps) if steps is not None else None

    def _has_room(self, link: Step) -> bool:
        size_bytes = self._links_bytes + len(cbor.encode(_spelled(link)))
        return len(self._links) < LINKS_MAX and size_bytes <= LINKS_BYTES_MAX

    def _keep(self, link: Step) -> None:
        self._links = (*self._links, link)
        self._links_bytes += len(cbor.encode(_spelled(link)))
        after = seats_after(link[0].value, link[2])
        assert after is not None, "tested before it counts as decided"
        self._trusted = after


def _spelled(step: Step) -> cbor.CborValue:
    decided, certificate, by = step
    return [decided.body, set_value(certificate), by.body]


def proven(step: Step) -> Proven:
    """Return the record of a decision with all that proves it."""
    decided, certificate, by = step
    return Proven(by.circle, decided.body, certificate, by.body)


def read_proof(data: bytes, verifier: Verifier, *, wanted: Name) -> Provenance:
    """Return the proof that `data` spells out, every signature of it verified.

    Errors: RemoteError, whatever the bytes. What is not `wanted` is not worth a verification.
    """
    fields = Fields.of_array(cbor.decode(data, limit_bytes=PROOF_BYTES_MAX), 2, RULE)
    born = fields.octets(0, least=1, most=PROOF_BYTES_MAX)
    listed = fields.array(1, least=1, most=LINKS_MAX + 1)
    last = Fields.of_array(listed[-1], 3, RULE).octets(0, least=1, most=VALUE_BYTES_MAX)
    if (circle_id_of(born), value_hash(last)) != wanted:
        raise Unwelcome("MRG-009", "the proof of another offer than was asked for")
    genesis = decode_genesis(born, verifier)
    if not can_merge(genesis.parameters):
        raise Malformed(RULE, "an offer of a circle that never merges, and never takes anybody in")
    trusted, slot = genesis.roster, 0
    steps: list[Step] = []
    for item in listed:
        step = _step(item, genesis)
        if step[0].value.slot <= slot:
            raise Malformed(RULE, "the decisions of a proof are in the order of their slots")
        if not vouches(trusted, step):
            raise Unwelcome("MRG-005", "too few signers of a roster in a proof are known")
        after = _verified(step, verifier)
        trusted, slot = after, step[0].value.slot
        steps.append(step)
    if not isinstance(steps[-1][0].value.merging, Offer):
        raise Malformed(RULE, "the last decision of a proof makes an offer")
    return Provenance(genesis, tuple(steps))


def _step(item: cbor.CborValue, genesis: Genesis) -> Step:
    fields = Fields.of_array(item, 3, RULE)
    decided = named(fields.octets(0, least=1, most=VALUE_BYTES_MAX))
    certificate = set_of(fields.item(1))
    by = roster_of(genesis.circle_id, fields.octets(2, least=1, most=PIECED_BYTES_MAX))
    is_certificate = certificate.kind is VoteKind.FINALIZE
    if not is_certificate or certificate.value_hash != decided.hash:
        raise Malformed(RULE, "a decision in a proof stands beside the certificate of another")
    if by.is_strict != genesis.parameters.is_strict:
        raise Malformed(RULE, "a roster in a proof counts its quorum otherwise than its genesis")
    indices = bits(certificate.bitmap)
    if len(indices) < by.quorum or indices[-1] >= by.size:
        raise Malformed(RULE, "a certificate in a proof is none of its roster")
    return decided, certificate, by


def _verified(step: Step, verifier: Verifier) -> Roster:
    """Return the voters after a decision that q of its roster signed. Errors: RemoteError."""
    decided, certificate, by = step
    key = certificate.kind, certificate.view, certificate.value_hash
    data = statement(by.circle, by.hash, decided.value.slot, key)
    signed = zip(bits(certificate.bitmap), certificate.signatures, strict=True)
    if not all(verifier.verify(by.voters[index], data, one) for index, one in signed):
        raise Unauthentic("MRG-005", "a signature in a proof does not verify")
    after = seats_after(decided.value, by)
    if after is None:
        raise Malformed(RULE, "a decision in a proof makes another roster than it says")
    return after


def known_signers(trusted: Roster, by: Roster, votes: VoteSet) -> int:
    """Return how many signers of a certificate under roster `by` have a seat in `trusted`."""
    return sum(by.voters[index] in trusted.voters for index in bits(votes.bitmap))


def vouches(trusted: Roster, step: Step) -> bool:
    """Can whoever knows only `trusted` take this decision?"""
    _, certificate, by = step
    is_same = by.hash == trusted.hash
    return is_same or known_signers(trusted, by, certificate) >= trusted.vouchers

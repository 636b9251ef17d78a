"""What an emotion and a withdrawal say: the bodies of two kinds of carried objects.

Both are one hop, belong to no circle, and share one sequence per signer, so that whatever was
said before a withdrawal stays withdrawn. No field can carry a measurement, or more than one
state: a body of another form is refused. SPEC sections Emotion (EMO) and Consent (CNS).
"""

from dataclasses import dataclass
from functools import lru_cache

from smilesync.commands import EmotionState
from smilesync.config import OBJECT_BODY_BYTES_MAX
from smilesync.errors import LocalError, Malformed, Unwelcome
from smilesync.keys import Signer
from smilesync.wire import cbor, envelope
from smilesync.wire.fields import U53_MAX, Fields
from smilesync.wire.messages import Carried, ObjectKind

_SEQUENCE = 1
_STATE = 2
_ALONE = 3
READ_MAX = 1_024
"""Bodies whose meaning is remembered: few bytes each, and equal ones come from many neighbours."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one object says. `state` None: everything said before it is withdrawn.

    `is_for_circle`: the circle may count it, too; else it is for neighbours alone.
    """

    sequence: int
    state: EmotionState | None
    is_for_circle: bool = True


def write(statement: Statement, signer: Signer) -> Carried:
    """Return the signed object that makes `statement`."""
    if not 0 <= statement.sequence <= U53_MAX:
        raise LocalError(f"sequence {statement.sequence} is out of range")
    body: dict[int, cbor.CborValue] = {_SEQUENCE: statement.sequence}
    if statement.state is None:
        return envelope.sign(ObjectKind.CONSENT, signer, body)
    body[_STATE] = int(statement.state)
    if not statement.is_for_circle:
        body[_ALONE] = True
    return envelope.sign(ObjectKind.EMOTION, signer, body)


def read(carried: Carried) -> Statement:
    """Return what `carried` says, whose signature may not have been checked yet.

    Errors: Malformed (EMO-002, CNS-002), Unwelcome for a kind that says neither.
    """
    return _read(carried.kind, carried.body)


@lru_cache(READ_MAX)
def _read(kind: int, body: bytes) -> Statement:
    value = cbor.decode(body, limit_bytes=OBJECT_BODY_BYTES_MAX)
    if kind == ObjectKind.EMOTION:
        fields = Fields.of_map(value, "EMO-002")
        sequence = fields.uint(_SEQUENCE)
        state = EmotionState(fields.uint(_STATE, most=max(EmotionState)))
        is_alone = fields.has(_ALONE)
        if is_alone and not fields.flag(_ALONE):
            raise Malformed("EMO-002", "key 3 of an emotion is true, or absent")
        fields.close()
        return Statement(sequence, state, is_for_circle=not is_alone)
    if kind == ObjectKind.CONSENT:
        fields = Fields.of_map(value, "CNS-002")
        sequence = fields.uint(_SEQUENCE)
        fields.close()
        return Statement(sequence, None)
    raise Unwelcome("EMO-001", f"kind {kind} is neither emotion nor withdrawal")

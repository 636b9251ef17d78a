"""What the device tells its own wearer: status, peers and the watch stream, as JSON fields.

docs/control.md describes every field; what is here is what may be known on the device itself.
"""

from dataclasses import dataclass
from functools import lru_cache

from smilesync.commands import EmotionState, Switch
from smilesync.ids import CircleId, PeerId
from smilesync.light import pattern as language
from smilesync.light.render import US_PER_DS
from smilesync.mesh.link import Link
from smilesync.peer import Peer
from smilesyncd.design.wardrobe import Wardrobe
from smilesyncd.driver import LocalClock
from smilesyncd.face import Face
from smilesyncd.journal import FileJournal
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.udp import UdpSocket

ALIVE_NS = 5_000_000_000
NS_PER_MS = 1_000_000
NS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Device:
    """The parts of a running daemon that can be asked about."""

    name: str
    version: str
    circle: CircleId | None
    peer: Peer
    link: Link
    face: Face
    socket: UdpSocket
    journal: FileJournal
    clock: LocalClock
    wardrobe: Wardrobe
    started_ns: int


def watch(device: Device) -> Fields:
    """Return one watch object: everything in it holds at its `monotonic_ns`."""
    now_ns = device.clock.now_ns()
    scene = device.face.scene
    timeline = device.peer.clock.timeline
    circle_us = timeline.at(now_ns) if timeline is not None else None
    kind_period = rhythm(scene.pattern) if scene.pattern is not None else None
    phase: float | None = None
    if kind_period is not None and scene.timeline is not None and kind_period[1]:
        since_us = scene.timeline.at(now_ns) - scene.start_us
        phase = since_us % kind_period[1] / kind_period[1]
    return {
        "monotonic_ns": now_ns,
        "circle_us": circle_us,
        "is_synced": device.peer.clock.is_synced,
        "rung": scene.rung.name,
        "slot": scene.slot,
        "is_selected": scene.is_selected,
        "pattern": _pattern_fields(kind_period),
        "phase": phase,
        "peers": _alive_count(device, now_ns),
        "emotion": device.peer.board.state.name.lower(),
        "consent": consent_fields(device.peer.board.switches),
        "zones": [list(codes) for codes in device.face.codes],
        "is_playing": device.face.core.is_playing,
        **suggestion_fields(device),
    }


def status(device: Device) -> Fields:
    """Return the status object."""
    now_ns = device.clock.now_ns()
    known = device.peer.statistics(now_ns)
    host, port = device.socket.address
    return {
        "name": device.name,
        "identity": device.peer.me.hex(),
        "version": device.version,
        "uptime_s": (now_ns - device.started_ns) // NS_PER_SECOND,
        "address": f"{host}:{port}",
        "rung": known.rung.name,
        "is_synced": known.is_synced,
        "circle_us": known.circle_us,
        "error_us": known.error_us,
        "emotion": known.own_state.name.lower(),
        "consent": consent_fields(known.switches),
        **suggestion_fields(device),
        "design": device.wardrobe.name,
        "circle": device.circle.hex() if device.circle is not None else None,
        "slot": known.slot,
        "view": known.view,
        "decided_slot": known.decided_slot,
        "voters": known.voters,
        "liars_borne": known.faults,
        "is_voter": known.is_voter,
        "is_amnesic": known.is_amnesic,
        "is_asking": known.is_asking,
        "neighbours": _alive_count(device, now_ns),
        "counters": _counters(device, known.dropped),
    }


def peers(device: Device) -> Fields:
    """Return what is known of the neighbours."""
    now_ns = device.clock.now_ns()
    addresses = {one.peer: one.address for one in device.link.statistics().sessions}
    emotions = dict(device.peer.board.held(now_ns))
    listed: list[Json] = []
    for peer, age_ns in device.peer.neighbours.ages_ns(now_ns):
        address = addresses.get(peer)
        emotion = emotions.get(peer)
        listed.append(
            {
                "identity": peer.hex(),
                "age_ms": age_ns // NS_PER_MS,
                "address": f"{address[0]}:{address[1]}" if address is not None else None,
                "emotion": emotion.name.lower() if emotion is not None else None,
                "is_alive": age_ns <= ALIVE_NS,
            }
        )
    return {"peers": listed}


def circle(device: Device) -> Fields:
    """Return who belongs to the circle; what is not known is null. Only of a device in one."""
    now_ns = device.clock.now_ns()
    mine = device.peer.circle
    assert mine is not None
    members = mine.members
    roster, state, wish = mine.roster, mine.around.state, members.reception.wish

    def person(identity: PeerId) -> Json:
        heard_ns = members.presence.heard_ns(identity)
        is_me = identity == device.peer.me
        is_heard = heard_ns >= 0 and not is_me
        age_ms = max(0, now_ns - heard_ns) // NS_PER_MS
        return {
            "identity": identity.hex(),
            "is_me": is_me,
            "heard_ms": age_ms if is_heard else None,
        }

    put_out = state.expelled + state.struck if state is not None else ()
    told = None
    if wish is not None:
        told = "join" if wish.leaves_after_slot is None else "leave"
    return {
        "circle": roster.circle.hex(),
        "policy": mine.around.parameters.policy.name.lower(),
        "slot": mine.slot.number,
        "quorum": roster.quorum,
        "liars_borne": roster.faults,
        "is_voter": mine.around.me is not None,
        "voters": [person(one) for one in roster.identities],
        "standby": [person(one) for one in members.standby] if state is not None else None,
        "expelled": [one.hex() for one in put_out] if state is not None else None,
        "wish": told,
    }


def consent_fields(switches: Switch) -> dict[str, Json]:
    """Return each switch by its name."""
    return {(switch.name or "").lower(): switch in switches for switch in Switch}


def suggestion_fields(device: Device) -> Fields:
    """Return the sensor's hint that waits for an answer, and what accepting it would display."""
    pending = device.peer.board.suggestion
    if pending is None:
        return {"suggestion": None, "suggested_emotion": None}
    is_activated = pending.state in (EmotionState.EXCITED, EmotionState.HIGH)
    return {
        "suggestion": "activated" if is_activated else "calm",
        "suggested_emotion": pending.state.name.lower(),
    }


@lru_cache(maxsize=8)
def rhythm(encoded: bytes) -> tuple[str, int]:
    """Return kind and period in us of a certified pattern; the period of a steady one is 0."""
    decoded = language.decode(encoded)
    return decoded.kind.name.lower(), decoded.turn_ds * US_PER_DS


def _pattern_fields(kind_period: tuple[str, int] | None) -> Json:
    if kind_period is None:
        return None
    return {"kind": kind_period[0], "period_us": kind_period[1]}


def _alive_count(device: Device, now_ns: int) -> int:
    return sum(age_ns <= ALIVE_NS for _, age_ns in device.peer.neighbours.ages_ns(now_ns))


def _counters(device: Device, dropped: tuple[tuple[str, int], ...]) -> Json:
    socket, link = device.socket.statistics(), device.link.statistics()
    frames = device.face.counts
    return {
        "frames_sent": frames.sent,
        "frames_late": frames.late,
        "frames_lost": frames.lost,
        "datagrams_received": socket.received,
        "datagrams_sent": socket.sent,
        "receive_errors": socket.receive_errors,
        "send_errors": socket.send_errors,
        "links": len(link.sessions),
        "journal_bytes": device.journal.size_bytes,
        "link_drops": dict(link.drops),
        "message_drops": dict(dropped),
    }

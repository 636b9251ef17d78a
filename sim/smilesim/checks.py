"""Everything that watches while a city runs, behind one face.

The checks see what a bystander could see: records going to the disk, messages leaving, scenes
given to lamps. They share no code with the machines they judge, except the encodings.
"""

from collections.abc import Sequence

from smilesim.boundscheck import BoundsCheck
from smilesim.circlecheck import CircleCheck
from smilesim.coverage import Coverage
from smilesim.device import FIRST_SCENE, Device, SimCircle
from smilesim.disk import read_record
from smilesim.displaycheck import DisplayCheck
from smilesim.farcheck import FarCheck
from smilesim.inputcheck import InputCheck
from smilesim.lightsample import LightSample
from smilesim.measure import Measure
from smilesim.mergecheck import MergeCheck
from smilesim.pace import Pace
from smilesim.restartcheck import RestartCheck
from smilesim.retention import PLACE_OF_KIND, kind_of
from smilesim.seatcheck import SeatCheck
from smilesim.stagecheck import StageCheck
from smilesim.successioncheck import SuccessionCheck
from smilesim.successors import Successors, binding, reached_us
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck
from smilesim.wearers import Wearer
from smilesync.commands import Command, Leave, SetConsent, SetOff, Switch
from smilesync.effects import Event, Notice, Scene
from smilesync.ids import VoterKey
from smilesync.wire import codec
from smilesync.wire.messages import (
    Ask,
    Beacons,
    Body,
    Clock,
    Decided,
    Feelings,
    Message,
    Pledge,
    Propose,
    Status,
    Told,
    Votes,
)
from smilesync.wire.records import (
    Amnesia,
    ClockReserved,
    ConsentSet,
    DecidedRecord,
    Felt,
    Finalized,
    Moved,
    Notarized,
    Nullified,
    Opened,
    Record,
    SequenceReserved,
    Shown,
)

UNWATCHED_KINDS = frozenset(
    kind_of(record)
    for record in (Opened(VoterKey(bytes(32))), Shown(0), SequenceReserved(0), Amnesia())
)
"""Kinds that no check reads when they are written; most of what is written is one of them."""


class Checks:
    """Routes what happens to those that judge, measure or draw it."""

    def __init__(
        self,
        circles: list[SimCircle],
        verifier: SignThrough,
        *,
        devices: Sequence[Device],
        violations: Violations,
        measure: Measure,
        lights: LightSample,
        pace: Pace,
        is_gentle: bool = False,
    ) -> None:
        self.violations = violations
        self.votes = VoteCheck(circles, verifier, self.violations, devices)
        self.circle = CircleCheck(self.violations, pace, self.votes.rolls, devices)
        registry = self.votes.rolls.devices
        self.successors = Successors(circles, devices, registry, verifier)
        self.merging = MergeCheck(self.violations, self.votes)
        self.succession = SuccessionCheck(
            verifier, self.violations, self.merging, registry=registry, devices=len(devices)
        )
        self.restarts = RestartCheck(verifier, self.votes, self.violations, len(devices))
        self.bounds = BoundsCheck(self.violations, self.votes, devices)
        self.display = DisplayCheck(circles, devices, self.votes, self.violations)
        self.far = FarCheck(verifier, self.votes)
        self.seats = SeatCheck(circles, devices, self.votes.rolls, self.violations)
        self.stages = StageCheck(violations)
        self.inputs = InputCheck(circles, devices, self.votes, violations, is_gentle=is_gentle)
        self.coverage = Coverage()
        self.measure = measure
        self.lights = lights
        self.pace = pace

    def sending(self, device: Device, message: Message, tick: int) -> None:
        """`device` is about to send `message`, to one or more others."""
        if isinstance(message, Clock):
            circle_us = message.circle_us
            if circle_us is not None and circle_us > device.covered_us and not device.is_villain:
                self.votes.clock_published(device, circle_us, tick)
        elif isinstance(message, Votes):
            self._votes_sent(device, message, tick)
        elif isinstance(message, Feelings):
            self._feelings_sent(device, message, tick)
        elif isinstance(message, (Beacons, Ask, Told)):
            self.far.sending(device, message, tick)
            if isinstance(message, Ask) and message.question:
                asked = codec.decode(message.question)
                if message.asker == self.far.seat(device) and isinstance(asked, Status):
                    self.restarts.sending(device, asked)
        elif device.is_villain:
            return
        elif isinstance(message, Propose):
            self.votes.proposing(device, message, tick)
        elif isinstance(message, (Decided, Body)):
            self.coverage.sent(message)
        elif isinstance(message, Status):
            self.restarts.sending(device, message)
        elif isinstance(message, Pledge):
            self.succession.sending(device, message, tick)

    def _votes_sent(self, device: Device, message: Votes, tick: int) -> None:
        if not device.is_villain:
            for votes in message.sets:
                self.votes.sending(device, message.slot, votes, tick)

    def _feelings_sent(self, device: Device, message: Feelings, tick: int) -> None:
        """A word of one's own tells the circle time (I5); those of others are passed on."""
        for one in message.feelings:
            if one.signer == device.identity and not device.is_villain:
                self.votes.clock_published(device, one.made_us, tick)

    def heard(self, device: Device, source: int, message: Message, tick: int) -> None:
        """Answers to the question of somebody's start, and what comes over others, reach `device`.

        Clock readings and carried objects need not be told.
        """
        if isinstance(message, Status):
            if message.answer and not device.is_villain:
                self.restarts.heard(device, source, message, tick)
        elif isinstance(message, (Beacons, Told)):
            answer = self.far.heard(device, message)
            if answer is not None:
                self.restarts.heard(device, *answer, tick)

    def persisted(self, device: Device, record: bytes, tick: int) -> None:
        """`record` of `device` became durable."""
        if record[PLACE_OF_KIND] in UNWATCHED_KINDS:
            return
        decoded = read_record(record)
        if isinstance(decoded, Moved):
            self._move(device, decoded, tick)
            return
        if isinstance(decoded, ConsentSet):
            self.stages.consent_set(device, decoded.switches)
        if device.is_villain:
            return
        if isinstance(decoded, ClockReserved):
            self.votes.clock_reserved(device, decoded.until_us)
            return
        self.coverage.persisted(device, decoded)
        if isinstance(decoded, (ConsentSet, Felt)):
            self.inputs.persisted(device, decoded, tick)
            if isinstance(decoded, ConsentSet):
                self.display.consent_set(device, decoded.switches)
            return
        self.votes.journalled(device, decoded, tick)
        self.circle.journalled(device, decoded, tick)
        self.seats.journalled(device, decoded, tick)
        self.merging.journalled(device, decoded, tick)
        self.succession.persisted(device, decoded, tick)
        if isinstance(decoded, DecidedRecord):
            self.inputs.journalled(device, decoded, tick)
            self.pace.decided(device, decoded, tick)
        elif isinstance(decoded, (Notarized, Nullified, Finalized)):
            if isinstance(decoded, Notarized):
                self.pace.notarized(device, decoded, tick)
            self.restarts.voted(device, tick)

    def _move(self, device: Device, record: Moved, tick: int) -> None:
        """`device` is in another circle from now on: nothing of the old one is held against it.

        A circle that it went over to by a merger has a time of its own.
        """
        is_elsewhere = self.merging.is_over(device)
        if not device.is_villain and not self.merging.moved(device, record, tick):
            self.succession.persisted(device, record, tick)
        self.successors.moved(device, record)
        self.votes.moved(device, is_elsewhere=is_elsewhere)
        self.display.moved(device)
        self.restarts.powered_on(device)

    def noticed(self, device: Device, notice: Notice, tick: int) -> None:
        """`device` reports something of the `WATCHED` kinds."""
        self.coverage.noticed(device, notice.event)
        if device.is_villain:
            return
        if notice.event is Event.EQUIVOCATION_SEEN:
            self.restarts.accused(device, notice, tick)
        elif notice.event is Event.MESSAGE_DROPPED:
            self.restarts.refused(device, notice, tick)

    def commanded(self, device: Device, command: Command, tick: int) -> None:
        """The wearer of `device` tells it something, and it is on."""
        self.bounds.commanded(device)
        if isinstance(command, Leave):  # which takes back the consent first (MEM-036)
            command = SetConsent(Switch.COLLECTIVE, on=False)
        if isinstance(command, (SetConsent, SetOff)):
            if not device.is_villain:
                self.display.commanded(device, command)
            self.stages.commanded(device, command, tick)

    def shown(self, device: Device, scene: Scene, tick: int) -> None:
        """`device` gave `scene` to its lamp."""
        if device.is_villain:
            return
        self.coverage.shown(scene)
        self.lights.shown(device, scene, tick)
        self.display.shown(device, scene, tick)
        self.measure.shown(device, is_selected=scene.is_selected, tick=tick)
        self.pace.shown(device, scene)

    def presented(self, wearer: Wearer, scene: Scene, driving: Device, tick: int) -> None:
        """The lamp of a device in several circles is given `scene`: that of one of them."""
        self.stages.shown(wearer, scene, tick)
        self.coverage.shown(scene)
        self.lights.shown(wearer.memberships[0], scene, tick)
        for device in wearer.memberships:
            if not device.is_villain:
                # Whoever does not drive shows nothing of its circle.
                self.display.shown(device, scene if device is driving else FIRST_SCENE, tick)
                self.measure.shown(device, is_selected=scene.is_selected, tick=tick)

    def darkened(self, device: Device, tick: int) -> None:
        """The lamp gets no more of `device`, and nothing of another membership yet."""
        if not device.is_villain:
            self.display.shown(device, FIRST_SCENE, tick)

    def powered_on(self, device: Device, journal: Sequence[Record], tick: int) -> None:
        """`device` starts from what its disk kept."""
        self.successors.started(device, journal)
        if not device.is_villain:
            bound = binding(journal)
            self.votes.restarted(device, bound, tick)
            self.display.restarted(device, bound, tick)
            self.succession.powered_on(device, tick)
            self.votes.clock_reserved(device, reached_us(journal))
            self.inputs.powered_on(device, journal, tick)
        self.restarts.powered_on(device)
        self.coverage.powered_on(device)
        self.measure.powered_on(device, tick)
        self.lights.powered_on(device, tick)

    def powered_off(self, device: Device, tick: int) -> None:
        """`device` is dark and silent from now on."""
        self.display.powered_off(device, tick)
        self.measure.powered_off(device, tick)
        self.lights.powered_off(device, tick)

    def paused(self, device: Device) -> None:
        """`device` draws nothing and does nothing for a while."""
        if not device.is_villain:
            self.display.paused(device)

    def resumed(self, device: Device, tick: int) -> None:
        """It goes on, and has handled what waited for it."""
        if not device.is_villain:
            self.display.resumed(device, tick)

    def end_tick(self, tick: int) -> None:
        """Everything of `tick` has happened."""
        self.display.end_tick(tick)
        self.stages.end_tick(tick)

    def sweep(self, tick: int) -> None:
        """Judge what goes on without an event; called once a second."""
        self.display.sweep(tick)
        self.bounds.sweep(tick)
        self.seats.sweep(tick)

    def finish(self, tick: int) -> None:
        """The run is over: judge what is still going on."""
        self.display.finish(tick)
        self.lights.finish(tick)

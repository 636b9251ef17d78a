"""What the daemon does with designs: keep the one that is worn, and let its wearer play.

The worn design is a file of one word beside the journal, replaced whole. It is durable before the
light follows, so that a power loss brings back what the wearer was told is worn.
"""

from collections.abc import Mapping
from pathlib import Path

import trio

from smilesync.commands import EmotionState, Switch
from smilesync.errors import Malformed, SettingsError
from smilesync.light.design import Design, from_text
from smilesync.light.improvisation import Gesture, Improvisation
from smilesync.peer import Peer
from smilesyncd import statedir
from smilesyncd.control import BadRequest
from smilesyncd.driver import LocalClock
from smilesyncd.face import Face
from smilesyncd.jsonlines import Fields, Json
from smilesyncd.vocabulary import STATES

FILE_NAME = "design"
WORD_BYTES_MAX = 1024
VERBS = ("wear", "worn", "play")
GESTURES = {gesture.value: gesture for gesture in Gesture}
STOP = "stop"


class Wardrobe:
    """The designs of one device."""

    def __init__(self, state_dir: Path, *, face: Face, peer: Peer, clock: LocalClock) -> None:
        self._path = state_dir / FILE_NAME
        self._face = face
        self._peer = peer
        self._clock = clock
        self._played: Improvisation | None = None
        self._writing = trio.Lock()
        self.worn: Design | None = None

    def open(self) -> None:
        """Wear what was worn before. Errors: SettingsError; then the standard design is worn."""
        try:
            with self._path.open("rb") as file:
                word = file.read(WORD_BYTES_MAX).decode("ascii").strip()
            self.worn = from_text(word) if word else None
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError, Malformed) as error:
            raise SettingsError(
                f"{self._path}: {error}; the standard design is worn until you put one on again: "
                "smilesync design use FILE"
            ) from error
        self._face.core.wear(self.worn)

    async def answer(self, verb: str, fields: Mapping[str, Json]) -> Fields:
        """Do what was asked for. Raises BadRequest."""
        if verb == "wear":
            await self._wear(fields.get("design"))
            return {}
        if verb == "worn":
            return {
                "design": self.worn.text() if self.worn is not None else None,
                "name": self.name,
            }
        return self._play(fields)

    @property
    def name(self) -> str | None:
        """The name of the worn design, None for the standard one."""
        return self.worn.name if self.worn is not None else None

    async def _wear(self, word: Json) -> None:
        if word is not None and not isinstance(word, str):
            raise BadRequest('"design" is a shared design, or null for the standard one')
        try:
            design = from_text(word) if word is not None else None
        except Malformed as error:
            raise BadRequest(f'"design": {error.rule}: {error.detail}') from error
        line = f"{word or ''}\n".encode("ascii")
        async with self._writing:
            try:
                # A slow card must not hold up the light.
                await trio.to_thread.run_sync(statedir.write_atomically, self._path, line)
            except OSError as error:
                raise BadRequest(f"{self._path}: {error.strerror}; nothing was changed") from error
            self.worn = design
            self._face.core.wear(design)
            self._face.wake()

    def _play(self, fields: Mapping[str, Json]) -> Fields:
        gesture, state = fields.get("gesture"), fields.get("state")
        is_stop = gesture == STOP and state is None
        if is_stop:
            self._face.core.stop_playing()
            self._face.wake()
        if is_stop or (gesture == Gesture.HOLD.value and not self._face.core.is_playing):
            # Only a gesture begins a performance, so a player left alone holds nothing for ever.
            return {"is_playing": False}
        if state is None and isinstance(gesture, str) and gesture in GESTURES:
            played = self._performance()
            played.gesture(GESTURES[gesture], self._clock.now_ns())
        elif gesture is None and isinstance(state, str) and state in STATES:
            played = self._performance(STATES[state])
            played.take_state(STATES[state], self._clock.now_ns())
        else:
            raise BadRequest(
                f'"gesture" is one of {", ".join([*GESTURES, STOP])}; or "state" is one of '
                + ", ".join(STATES)
            )
        self._face.wake()
        return {
            "is_playing": True,
            "hue": played.hue,
            "lightness": played.lightness,
            "period_s": played.period_ds / 10,
            "depth": round(played.depth / 255, 3),
        }

    def _performance(self, state: EmotionState | None = None) -> Improvisation:
        """Return the improvisation under way; begin one if there is none."""
        switches = self._peer.board.switches
        if Switch.LIT not in switches:
            raise BadRequest("the light is off; press again first: smilesync off --release")
        if Switch.SHOW not in switches:
            raise BadRequest("you show nothing now; allow it first: smilesync consent show on")
        if self._played is None or not self._face.core.is_playing:
            own = self._peer.board.state if state is None else state
            self._played = self._face.core.play(own, self._clock.now_ns())
        return self._played

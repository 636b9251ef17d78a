"""The other end of the control socket: what the commands a person types use."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair
from pathlib import Path

from smilesync.errors import SmileSyncError
from smilesyncd.jsonlines import Fields, Json, encode_line

ANSWER_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 1 << 20


class NoDaemon(SmileSyncError):
    """Nobody answers on the control socket: the text says what to type next."""


class Refused(SmileSyncError):
    """The daemon declined the request."""


def ask(path: Path, verb: str, **fields: Json) -> Fields:
    """Send one request and return its answer. Raises NoDaemon or Refused."""
    with _connected(path) as stream:
        stream.write(encode_line({"do": verb, **fields}))
        stream.flush()
        return _read(stream, path)


def watch(path: Path) -> Iterator[Fields]:
    """Yield watch objects until the daemon ends."""
    with _connected(path) as stream:
        stream.write(encode_line({"do": "watch"}))
        stream.flush()
        while True:
            try:
                yield _read(stream, path)
            except NoDaemon:
                return


@contextmanager
def _connected(path: Path) -> Iterator[BufferedRWPair]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS_MAX)
        try:
            connection.connect(str(path))
        except PermissionError:
            raise NoDaemon(
                f"{path}: this daemon belongs to another user; ask as that user"
            ) from None
        except OSError:
            raise NoDaemon(
                f"{path}: no daemon answers; start one with `smilesync run`, or name its state "
                "directory with --state-dir"
            ) from None
        with connection.makefile("rwb") as stream:
            yield stream


def _read(stream: BufferedRWPair, path: Path) -> Fields:
    try:
        line = stream.readline(ANSWER_BYTES_MAX)
        answer: Json = json.loads(line)
    except (OSError, ValueError):
        raise NoDaemon(f"{path}: the daemon went away; see its log, then `smilesync run`") from None
    if not isinstance(answer, dict):
        raise NoDaemon(f"{path}: not a daemon of this version")
    if answer.pop("ok", True) is not True:
        raise Refused(str(answer.get("error", "the daemon gave no reason")))
    return answer

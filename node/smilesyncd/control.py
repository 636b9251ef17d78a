"""The control socket: JSON lines over a Unix socket that only the daemon's own user may use.

One request per line, one answer per line; `watch` answers with a stream. Requests, lines and
connections are bounded; a malformed request is answered with an error and ends nothing but itself.
The format is described in docs/control.md.
"""

import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import trio

from smilesync.errors import SettingsError
from smilesyncd.jsonlines import Fields, Json, encode_line

LINE_BYTES_MAX = 4096
CONNECTIONS_MAX = 16
REQUESTS_PER_CONNECTION_MAX = 10_000
IDLE_SECONDS_MAX = 60
WRITE_SECONDS_MAX = 5
PROBE_SECONDS_MAX = 1
SOCKET_MODE = 0o600
PEER_CREDENTIALS = struct.Struct("3i")


class BadRequest(Exception):
    """The request is not one we know, or not well formed; the text is for the asker."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the socket offers. `answer` may raise BadRequest; `watch` yields lines by `send`."""

    answer: Callable[[str, Mapping[str, Json]], Awaitable[Fields]]
    watch: Callable[[Callable[[Fields], Awaitable[None]]], Awaitable[None]]


async def serve(
    path: Path, service: Service, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve `path` until cancelled; started once connections are accepted.

    Errors: SettingsError if the socket cannot be made.
    """
    listener = _listen(path)
    own = _file_id(path)
    try:
        async with trio.open_nursery() as nursery:
            slots = trio.Semaphore(CONNECTIONS_MAX)
            task_status.started()
            while True:
                connection, _ = await listener.accept()
                if _peer_user(connection) not in (0, os.geteuid()):
                    connection.close()
                    continue
                try:
                    slots.acquire_nowait()
                except trio.WouldBlock:
                    # Refused rather than queued: a wearer's next command must not wait behind.
                    connection.close()
                    continue
                nursery.start_soon(_serve_connection, connection, service, slots)
    finally:
        # Before closing: while it is open, no other file can be given the same number.
        if _file_id(path) == own:
            path.unlink(missing_ok=True)
        listener.close()


def parse_request(line: bytes) -> tuple[str, dict[str, Json]]:
    """Return what is asked for, and its fields. Raises BadRequest."""
    try:
        request: Json = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRequest("not a line of JSON") from None
    if not isinstance(request, dict):
        raise BadRequest('expected an object such as {"do": "status"}')
    verb = request.pop("do", None)
    if not isinstance(verb, str):
        raise BadRequest('"do" is missing or not a text')
    return verb, request


def _listen(path: Path) -> trio.socket.SocketType:
    try:
        if path.is_socket():
            # The lock on our state directory says nothing of a daemon with another one.
            if _is_answered(path):
                raise SettingsError(
                    f"{path}: control_socket: a daemon answers there; stop it, or name another "
                    "path with --control-socket"
                )
            path.unlink(missing_ok=True)
        return trio.socket.from_stdlib_socket(_bound(path))
    except OSError as error:
        raise SettingsError(
            f"{path}: control_socket: {error.strerror}; expected a path for a new socket"
        ) from error


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Not even for a moment may others connect.
        previous = os.umask(0o777 - SOCKET_MODE)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(previous)
        listener.listen(CONNECTIONS_MAX)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _is_answered(path: Path) -> bool:
    """Return whether somebody listens, be it too busily; raises OSError where nobody can tell."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_SECONDS_MAX)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except (TimeoutError, BlockingIOError):
            return True
    return True


def _file_id(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at `path` from every other, or None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _peer_user(connection: trio.socket.SocketType) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    _, user, _ = PEER_CREDENTIALS.unpack(raw)
    return int(user)


async def _serve_connection(
    connection: trio.socket.SocketType, service: Service, slots: trio.Semaphore
) -> None:
    stream = trio.SocketStream(connection)
    try:
        async with stream:
            await _Conversation(stream, service).run()
    except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
        pass  # the other side left or stopped reading, which is its right
    finally:
        slots.release()


class _Conversation:
    """One connection: lines in, answers out."""

    def __init__(self, stream: trio.SocketStream, service: Service) -> None:
        self._stream = stream
        self._service = service
        self._buffer = bytearray()

    async def run(self) -> None:
        for _ in range(REQUESTS_PER_CONNECTION_MAX):
            with trio.fail_after(IDLE_SECONDS_MAX):
                line = await self._read_line()
            if line is None:
                return
            if len(line) > LINE_BYTES_MAX:
                await self._send({"ok": False, "error": f"longer than {LINE_BYTES_MAX} bytes"})
                return
            try:
                verb, fields = parse_request(line)
                if verb == "watch":
                    await self._service.watch(self._send)
                    return
                answer = await self._service.answer(verb, fields)
            except BadRequest as error:
                await self._send({"ok": False, "error": str(error)})
            else:
                await self._send({"ok": True, **answer})

    async def _read_line(self) -> bytes | None:
        """Return the next line; None at the end; an overlong one as it is so far."""
        while b"\n" not in self._buffer and len(self._buffer) <= LINE_BYTES_MAX:
            received = await self._stream.receive_some(LINE_BYTES_MAX)
            if not received:
                return None
            self._buffer += received
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line

    async def _send(self, fields: Mapping[str, Json]) -> None:
        with trio.fail_after(WRITE_SECONDS_MAX):
            await self._stream.send_all(encode_line(fields))

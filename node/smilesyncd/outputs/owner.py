"""One process owns an output: two governors on one strip would together be none.

On Linux the lock is a name in the kernel's list of local sockets: gone the moment its process is,
the same for every user, and apart in every network namespace, as the output itself is. Elsewhere it
is a locked file in the folder for temporary files.
"""

import fcntl
import os
import socket
import sys
import tempfile
from pathlib import Path

from smilesync.errors import SettingsError

LOCAL_SOCKETS = b"\0smilesync/output/"


class Owner:
    """Holds the outputs with these names for this process until closed or dead.

    Errors: SettingsError if another process holds one of them; then none is held.
    """

    def __init__(self, *names: str) -> None:
        self._descriptors: list[int] = []
        for name in names:
            try:
                held = _hold_name(name) if sys.platform == "linux" else _hold_file(name)
            except OSError as error:
                self.close()
                raise SettingsError(
                    f"output {name}: another process drives it; stop that one first"
                ) from error
            self._descriptors.append(held)

    def close(self) -> None:
        """Let other processes have the outputs."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def _hold_name(name: str) -> int:
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        held.bind(LOCAL_SOCKETS + name.encode("utf-8", "replace")[:80])
    except OSError:
        held.close()
        raise
    return held.detach()


def _hold_file(name: str) -> int:
    safe = "".join(letter if letter.isalnum() else "-" for letter in name)
    path = Path(tempfile.gettempdir()) / f"smilesync-output-{safe}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor

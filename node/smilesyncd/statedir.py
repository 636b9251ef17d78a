"""The state directory: private to its owner, and to one daemon at a time."""

import fcntl
import os
import stat
from pathlib import Path

from smilesync.errors import SettingsError

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
LOCK_NAME = "lock"


class StateLock:
    """Holds the state directory for this process until closed or dead."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Let another daemon use the directory."""
        os.close(self._descriptor)


def prepare(directory: Path) -> None:
    """Create the directory, or check that it is ours alone. Raises SettingsError."""
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        status = directory.stat()
    except OSError as error:
        raise SettingsError(
            f"{directory}: state_dir: {error.strerror}; expected a directory to write to"
        ) from error
    _check_owner(directory, status)
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SettingsError(
            f"{directory}: state_dir: mode {stat.S_IMODE(status.st_mode):04o}, expected "
            f"{DIRECTORY_MODE:04o}; run: chmod 700 {directory}"
        )


def lock(directory: Path) -> StateLock:
    """Take the directory for this process. Raises SettingsError if another daemon has it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        descriptor = os.open(directory / LOCK_NAME, flags, FILE_MODE)
    except OSError as error:
        raise SettingsError(
            f"{directory}: state_dir: {error.strerror}; expected a directory to write to"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise SettingsError(
            f"{directory}: state_dir: in use by the daemon with process id {holder or 'unknown'}; "
            "stop that one or choose another --state-dir"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return StateLock(descriptor)


def check_private(path: Path) -> None:
    """Refuse a secret file that others may read. Raises SettingsError."""
    status = path.stat()
    _check_owner(path, status)
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SettingsError(
            f"{path}: mode {stat.S_IMODE(status.st_mode):04o}, expected {FILE_MODE:04o} because "
            f"it holds secret keys; run: chmod 600 {path}"
        )


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, durable on return; a crash leaves the old file or the new one."""
    scratch = path.with_name(path.name + ".new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    scratch.replace(path)
    sync_directory(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; the system may take it in parts."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(directory: Path) -> None:
    """Make creations and renames in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise SettingsError(
            f"{path}: owned by user {status.st_uid}, expected user {os.geteuid()} who runs this"
        )

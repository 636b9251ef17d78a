"""Debian's olad as a real receiver, in a network namespace of its own, and what it takes to run it.

olad aborts as root, its E1.31 needs an interface that is not loopback, and its web port listens
everywhere; so it runs as its own user, beside a pair of virtual interfaces, where nothing leaves.
"""

import ctypes
import http.client
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x4000_0000
ADDRESS = "10.99.0.1"
HTTP_PORT = 9090
START_SECONDS_MAX = 20.0
ARTNET_DEVICE, E131_DEVICE = "1", "2"

UNUSED_PLUGINS = (
    *("dummy", "espnet", "ftdidmx", "gpio", "karate", "kinet", "milinst", "nanoleaf", "opendmx"),
    *("openpixelcontrol", "osc", "pathport", "renard", "sandnet", "shownet", "spi", "spidmx"),
    *("stageprofi", "uartdmx", "usbdmx", "usbserial"),
)
E131_CONFIG = "enabled = true\nip = 127.0.0.1\ninput_ports = 5\noutput_ports = 2\n"
ARTNET_CONFIG = (
    "enabled = true\nip = 127.0.0.1\nnet = 0\nsubnet = 0\noutput_ports = 4\nuse_loopback = true\n"
)


def missing(*programs: str) -> str:
    """Say why namespaces with these programs cannot be used here; empty if they can."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    absent = [name for name in ("ip", "unshare", *programs) if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    trial = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "a network namespace is not allowed here" if trial.returncode else ""


@contextmanager
def private_network() -> Iterator[None]:
    """Put this thread, and the processes it starts, into a new network until the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            for words in (
                "link set lo up",
                "link add d0 type veth peer name d1",
                f"addr add {ADDRESS}/24 dev d0",
                "link set d0 up",
                "link set d1 up",
                "route add 239.0.0.0/8 dev d0",
            ):
                subprocess.run(["ip", *words.split()], check=True)
            yield
        finally:
            assert libc.setns(own, CLONE_NEWNET) == 0
    finally:
        os.close(own)


class Olad:
    """A running olad. E1.31 universe 1 and Art-Net universe 2 arrive in its own 1 and 2."""

    def __init__(self) -> None:
        self._web = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=5)

    def dmx(self, universe: int) -> list[int]:
        """Return the 512 slots of a universe; olad names none before it got any."""
        self._web.request("GET", f"/get_dmx?u={universe}")
        slots: list[int] = json.loads(self._web.getresponse().read())["dmx"]
        return slots + [0] * (512 - len(slots))

    def wait_for(self, universe: int, wanted: Sequence[int], seconds: float = 5.0) -> list[int]:
        """Return the first slots when they are as wanted, or what they are at last."""
        until_s = time.monotonic() + seconds
        while (found := self.dmx(universe)[: len(wanted)]) != list(wanted):
            if time.monotonic() > until_s:
                break
            time.sleep(0.01)
        return found

    def close(self) -> None:
        self._web.close()


@contextmanager
def running_olad() -> Iterator[Olad]:
    """Start olad in the present network, its inputs patched; nothing is left behind."""
    folder = Path(tempfile.mkdtemp(prefix="olad-"))
    user = pwd.getpwnam("olad")
    try:
        for name in UNUSED_PLUGINS:
            (folder / f"ola-{name}.conf").write_text("enabled = false\n")
        (folder / "ola-e131.conf").write_text(E131_CONFIG)
        (folder / "ola-artnet.conf").write_text(ARTNET_CONFIG)
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, -1)
        command = ["setpriv", "--reuid=olad", "--regid=nogroup", "--clear-groups"]
        command += ["env", f"HOME={folder}", "olad", "--config-dir", str(folder)]
        command += ["--interface", "lo", "--no-register-with-dns-sd", "--log-level", "1"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for_web(process)
            for device, universe in ((E131_DEVICE, "1"), (ARTNET_DEVICE, "2")):
                patch = ["ola_patch", "-d", device, "-p", "0", "-u", universe, "-i"]
                subprocess.run(patch, check=True, capture_output=True)
            olad = Olad()
            yield olad
            olad.close()
        finally:
            process.terminate()
            process.wait(10)
    finally:
        shutil.rmtree(folder)


def _wait_for_web(process: "subprocess.Popen[bytes]") -> None:
    until_s = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            probe = Olad()
            probe.dmx(1)
            probe.close()
        except OSError:
            assert process.poll() is None, f"olad ended with {process.returncode}"
            assert time.monotonic() < until_s, "olad did not start"
            time.sleep(0.1)
        else:
            return

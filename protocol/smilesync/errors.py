"""Who is at fault decides the type. Only `RemoteError` may follow from bytes off the network."""


class SmileSyncError(Exception):
    """Root of all errors of this package."""


class RemoteError(SmileSyncError):
    """A peer sent something we do not accept. Normal on a hostile network; state is untouched.

    `rule` is the SPEC requirement ID that was broken.
    """

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail


class Malformed(RemoteError):
    """The bytes do not follow the format: a peer's fault, or noise. State is untouched."""


class Unauthentic(RemoteError):
    """A signature, tag or proof does not verify: a forgery or damage. State is untouched."""


class Unwelcome(RemoteError):
    """Well formed and authentic, but too many, too old, or not for us. State is untouched."""


class LocalError(SmileSyncError):
    """Our caller misused the API. Raised before any state changes."""


class SettingsError(SmileSyncError):
    """The operator gave something unusable: names file, field and expectation. Exit code 2."""

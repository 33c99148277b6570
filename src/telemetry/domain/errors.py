"""The errors of the platform: one root, and a branch for each answer that a caller can give."""


class TelemetryError(Exception):
    """Something that the platform names; its text is one line that says what is wrong and what to change."""


class OutOfReachError(TelemetryError):
    """A queue, a store or a receiver cannot be used now.

    Nothing is lost, and the same call may succeed later; if `needs_restart`, only in a new process, because
    what this one was given is not valid any more.
    """

    needs_restart = False


class UsageError(TelemetryError):
    """A setting, an option or a file is not what it has to be.

    The same call fails until somebody changes it.
    """

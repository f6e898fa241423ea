"""What the command raises; each class is one exit code of the contract.

LoadrunnerError       1  a fault of our own
├── UsageError        2  bad usage: nothing was sent
│   └── CampaignError 2  a bad campaign file, with file, line and key
├── SafetyError       5  a safety guard refused, or an abort rule stopped the run
├── UnreachableError  6  the target could not be reached at pre-flight
└── UploadError       7  the upload failed; the spool is kept
"""


class LoadrunnerError(Exception):
    """The root; its text is written for the user and names the next step."""

    exit_code = 1


class UsageError(LoadrunnerError):
    exit_code = 2


class CampaignError(UsageError):
    """`FILE, line N, key PATH: what was found, what is allowed`."""

    def __init__(self, file: str, line: int, key: str, message: str) -> None:
        super().__init__(f"{file}, line {line}, key {key}: {message}")
        self.file = file
        self.line = line
        self.key = key
        self.message = message


class SafetyError(LoadrunnerError):
    exit_code = 5


class UnreachableError(LoadrunnerError):
    exit_code = 6


class UploadError(LoadrunnerError):
    exit_code = 7

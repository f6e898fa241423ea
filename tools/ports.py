"""The ports that the servers take, and whether they are free."""

import os
import socket

from tools.errors import ToolError


def port(variable: str, default: int) -> int:
    """A port number from the environment, which must be free. Raises ToolError."""
    text = os.environ.get(variable) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ToolError(f"{variable}={text} is not a port; name one from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as error:
            raise ToolError(
                f"port {text} is taken ({error.strerror}); name another: make {variable}=NUMBER …"
            ) from error
    return int(text)

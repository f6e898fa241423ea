"""Server-sent events as they come: when the first one with content came, and how many."""


class TokenCounter:
    """Counts `data:` lines that carry something; the closing `[DONE]` of LLM services does not."""

    __slots__ = ("_rest", "count", "first_ns")

    def __init__(self) -> None:
        self.count = 0
        self.first_ns = 0
        self._rest = b""

    def feed(self, chunk: bytes, now_ns: int) -> None:
        *lines, self._rest = (self._rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and line[5:].strip() not in (b"", b"[DONE]"):
                self.first_ns = self.first_ns or now_ns
                self.count += 1

"""A server that answers each request with the bytes that its path stands for, right or wrong."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping

Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def _sends(data: bytes, writer: asyncio.StreamWriter) -> bool:
    writer.write(data)
    await writer.drain()
    return True


def sends(data: bytes) -> Reply:
    """Answer with exactly these bytes and keep the connection."""
    return lambda _reader, writer: _sends(data, writer)


def sends_and_closes(data: bytes) -> Reply:
    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await _sends(data, writer)
        return False

    return reply


def resets() -> Reply:
    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        return False

    return reply


def pieces(*parts: bytes, pause_s: float = 0.02) -> Reply:
    """Answer in several writes with a pause between them."""

    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for number, part in enumerate(parts):
            await asyncio.sleep(pause_s if number else 0)
            await _sends(part, writer)
        return True

    return reply


def endless(head: bytes, piece: bytes) -> Reply:
    """Begin to answer, and never stop."""

    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await _sends(head, writer)
        while True:
            await _sends(piece, writer)

    return reply


def never() -> Reply:
    async def reply(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(60)
        return False

    return reply


class FaultServer:
    """Serves in a thread of its own; `requests` are the raw requests that came, in order,
    and `replies` says what each path is answered."""

    def __init__(
        self,
        replies: Mapping[str, Reply],
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.replies = dict(replies)
        self._host = host
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> "FaultServer":
        self._thread.start()
        self._up.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)
        self._loop.close()

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = await reader.readexactly(length)
        self.requests.append(head + body)
        path = head.split(b" ")[1].decode()
        return await self.replies[path](reader, writer)

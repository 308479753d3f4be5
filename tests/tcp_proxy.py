"""A TCP proxy before a server: counts what comes back, and breaks connections when told to."""

import socket
import threading
from contextlib import suppress
from typing import Self


class TcpProxy:
    """`uri` is its address; `received` are the bytes from the server so far.

    `break_after` bytes to the server, counted over all connections, all of them are broken off
    once; connections made later pass. To the server they come from the address `source`.
    """

    def __init__(self, uri: str, break_after: int | None = None, source: str = "127.0.0.1") -> None:
        host, port = uri.removeprefix("grpc://").rsplit(":", 1)
        self.received = 0
        self.breaks = 0
        self._left = break_after
        self._source = (source, 0)
        self.server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.uri = f"grpc://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.server, source_address=self._source)
            self._open += [near, far]
            threading.Thread(target=self._send, args=(near, far), daemon=True).start()
            threading.Thread(target=self._receive, args=(far, near), daemon=True).start()

    def _send(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
                if self._left is not None:
                    self._left -= len(data)
                    if self._left <= 0:
                        self._left = None
                        self.breaks += 1
                        self._break()
        self._shut(far)

    def _receive(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                self.received += len(data)
                near.sendall(data)
        self._shut(near)

    def _break(self) -> None:
        held, self._open = self._open, []
        for one in held:
            self._shut(one)
            one.close()

    def _shut(self, one: socket.socket) -> None:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self._listener.close()
        self._break()

"""A TCP proxy that cuts a connection once the server has acted and begins to answer: the reply is lost."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, suppress
from urllib.parse import urlsplit

PIECE_BYTES = 65536


class CuttingProxy:
    """In front of ``server``, a URL; ``url`` is the one to use. Requests pass untouched until ``cut`` is asked for."""

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._server = (parts.hostname or "", parts.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"{parts.scheme}://127.0.0.1:{self._listening.getsockname()[1]}"
        self._lock = threading.Lock()
        self._matching, self._left = b"", 0
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *_error: object) -> None:
        self._listening.close()

    def cut(self, matching: bytes, *, times: int = 1) -> None:
        """Swallow the answers to the next ``times`` requests that have ``matching`` in a piece as it arrives."""
        with self._lock:
            self._matching, self._left = matching, times

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        doomed = threading.Event()
        with closing(client), closing(socket.create_connection(self._server)) as server, suppress(OSError):
            back = threading.Thread(target=self._answer, args=(server, client, doomed), daemon=True)
            back.start()
            while piece := client.recv(PIECE_BYTES):
                with self._lock:
                    if self._left and self._matching in piece:
                        self._left -= 1
                        doomed.set()
                server.sendall(piece)

    def _answer(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with suppress(OSError):
            while piece := server.recv(PIECE_BYTES):
                if doomed.is_set():
                    self.cuts += 1
                    break
                client.sendall(piece)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

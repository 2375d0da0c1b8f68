"""A forwarder between a client and the server that can cut the connection after so many bytes."""

import socket
import threading


class Forwarder:
    """Forwards every connection to `target`; `sent` counts bytes from clients. Once `cut_after` of
    them have passed, the connection is cut, and new ones are refused."""

    PIECE = 1 << 16

    def __init__(self, target, cut_after=None):
        self.target, self.cut_after, self.sent = target, cut_after, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            for source, sink, counts in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._forward, args=(source, sink, counts), daemon=True).start()

    def _forward(self, source, sink, counts):
        try:
            while data := source.recv(self.PIECE):
                if counts:
                    self.sent += len(data)
                    if self.cut_after is not None and self.sent >= self.cut_after:
                        self.listener.close()
                        break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

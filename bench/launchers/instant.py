"""A server that answers at once and does nothing else: shows how precise the load clients are.

`instant.py HOST PORT`. One epoll loop, one fixed answer per request head seen.
"""

import select
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def main(host: str, port: str) -> None:
    """Serve until killed."""
    listener = socket.create_server((host, int(port)), backlog=1024)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)
            elif not answer(connections[descriptor]):
                poll.unregister(descriptor)
                connections.pop(descriptor).close()


def answer(connection: socket.socket) -> bool:
    """Answer what has arrived; false when the client has gone."""
    try:
        data = connection.recv(65536)
        if data:
            connection.sendall(ANSWER * max(1, data.count(b"\r\n\r\n")))
        return bool(data)
    except OSError:
        return False


main(*sys.argv[1:])

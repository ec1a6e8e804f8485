"""Passes connections on, resets included: relay.py PORT HOST:PORT [PORT HOST:PORT …], on 127.0.0.1."""

import socket
import struct
import sys
import threading


def reset(*sockets):
    for each in sockets:
        try:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
        except OSError:
            pass


def pump(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
    except OSError:
        reset(source, target)


def serve(port, host, to):
    with socket.create_server(("127.0.0.1", port), backlog=128) as server:
        print("relays", port, flush=True)
        while True:
            near, _ = server.accept()
            try:
                far = socket.create_connection((host, to), 10)
                far.settimeout(None)
            except OSError:
                reset(near)
                continue
            for one, other in ((near, far), (far, near)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=pump, args=(one, other), daemon=True).start()


def main():
    words = sys.argv[1:]
    threads = []
    for port, target in zip(words[::2], words[1::2]):
        host, _, to = target.rpartition(":")
        threads.append(threading.Thread(target=serve, args=(int(port), host, int(to))))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()

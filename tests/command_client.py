"""What tests run instead of a command: it hands its call on to the process that has loaded it (tests/commands.py).

It is started for each call, so it imports what the interpreter has built in and no more.
"""

import _socket
import marshal
import os
import signal
import sys

with_socket, *arguments = sys.argv[1:]
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect(with_socket)
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
server.sendmsg([b"!"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
server.sendall(marshal.dumps((arguments, dict(os.environ), os.getcwd())))  # noqa: PTH109 - pathlib is not built in
server.shutdown(_socket.SHUT_WR)
for number in (0, 1, 2):  # the call has them now, and who reads what it says waits for nobody else
    os.close(number)
said = b""
while said.count(b"\n") < 1 and (more := server.recv(64)):
    said += more
call = int(said.split(b"\n")[0])
for name in (signal.SIGINT, signal.SIGTERM):
    signal.signal(name, lambda number, _: os.kill(call, number))
while said.count(b"\n") < 2 and (more := server.recv(64)):
    said += more
code = int(said.split(b"\n")[1])
os._exit(code if code >= 0 else 128 - code)

"""Asks a table process of OpenSMTPD for a user, as smtpd does over the socket that is its standard input: smtpd_table.py PROGRAM USER"""
import socket
import struct
import subprocess
import sys

OPEN, LOOKUP, VERSION, USERINFO = 2, 6, 2, 16
HEADER = struct.Struct("=IHHII")


def asked(here, kind, data):
    here.sendall(HEADER.pack(kind, HEADER.size + len(data), 0, 0, 0) + data)
    answer = here.recv(HEADER.size, socket.MSG_WAITALL)
    return here.recv(HEADER.unpack(answer)[1] - HEADER.size, socket.MSG_WAITALL) if answer else b""


here, there = socket.socketpair()
with subprocess.Popen(sys.argv[1].split(), stdin=there) as table:
    there.close()
    asked(here, OPEN, struct.pack("=I2048s", VERSION, b"users"))
    answer = asked(here, LOOKUP, struct.pack("=iQ", USERINFO, 0) + sys.argv[2].encode() + b"\0")
    print(answer[4:].rstrip(b"\0").decode())
    here.close()

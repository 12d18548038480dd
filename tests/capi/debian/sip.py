"""Asks a SIP server on 127.0.0.1 for ada's options, again after each half second without an answer, as RFC 3261 does,
until there is one: sip.py PORT. The script ends where the server ends."""
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
    here.settimeout(0.5)
    here.bind(("127.0.0.1", 0))
    lines = [
        "OPTIONS sip:ada@127.0.0.1 SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK1" % here.getsockname()[1],
        "From: <sip:a@127.0.0.1>;tag=1",
        "To: <sip:ada@127.0.0.1>",
        "Call-ID: 1",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 9",
        "Content-Length: 0",
        "",
        "",
    ]
    while True:
        here.sendto("\r\n".join(lines).encode(), ("127.0.0.1", int(sys.argv[1])))
        try:
            print(here.recv(4096).decode().splitlines()[0])
            break
        except TimeoutError:
            pass

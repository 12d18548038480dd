"""Logs in to a file server on 127.0.0.1: ftp.py PORT"""
import ftplib
import sys

server = ftplib.FTP()
server.connect("127.0.0.1", int(sys.argv[1]))
for password in ("wrong", "sesame"):
    try:
        print(server.login("ada", password))
    except ftplib.error_perm as refused:
        print(refused)

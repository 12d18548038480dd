"""Debian's python3-mysqldb, unchanged: mysqldb.py PORT USER PASSWORD CA"""
import sys
import tempfile

import MySQLdb

port, user, password, ca = sys.argv[1:]


def connect(ca):
    return MySQLdb.connect(host="127.0.0.1", port=int(port), user=user, passwd=password, ssl={"ca": ca}, charset="utf8mb4")


connection = connect(ca)
cursor = connection.cursor()
cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
print(cursor.fetchone()[1])
cursor.execute("SELECT %s + 1, %s, NULL", (41, "café"))
number, text, nothing = cursor.fetchone()
print(number, text, "NULL" if nothing is None else nothing)
try:
    connect("/etc/ssl/certs/ca-certificates.crt")
    print("accepted")
except MySQLdb.OperationalError as error:
    print("refused" if error.args[0] == 2026 else error)
maps = [line.split()[-1] for line in open("/proc/self/maps") if "libmariadb" in line]
print("\n".join(sorted(set(maps))))

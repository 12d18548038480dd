"""MariaDB Connector/Python, unchanged: connector_python.py PORT USER PASSWORD CA"""
import sys
from decimal import Decimal

import mariadb

port, user, password, ca = sys.argv[1:]


def connect(ca):
    return mariadb.connect(host="127.0.0.1", port=int(port), user=user, password=password, database="test", ssl_ca=ca)


connection = connect(ca)
cursor = connection.cursor()
cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
print(cursor.fetchone()[1])
cursor.execute("SELECT ? + 1, ?, NULL", (41, "café"))
number, text, nothing = cursor.fetchone()
print(number, text, "NULL" if nothing is None else nothing)
try:
    connect("/etc/ssl/certs/ca-certificates.crt")
    print("accepted")
except mariadb.Error as error:
    print("refused" if error.errno == 2026 else error)
maps = [line.split()[-1] for line in open("/proc/self/maps") if "libmariadb" in line]
print("\n".join(sorted(set(maps))))

# Rows by the statement's callbacks.
cursor.execute("DROP TABLE IF EXISTS connector")
cursor.execute("CREATE TABLE connector (number INT, text VARCHAR(30), price DECIMAL(10, 2), at DATETIME)")
rows = [(1, "one", Decimal("1.50"), None), (2, None, None, "2026-01-02 03:04:05"), (3, "three" * 5, Decimal("2.00"), None)]
cursor.executemany("INSERT INTO connector VALUES (?, ?, ?, ?)", rows)
print("inserted", cursor.rowcount)
cursor.execute("SELECT * FROM connector WHERE number > ? ORDER BY number", (0,))
print(cursor.fetchall())
prepared = connection.cursor(prepared=True)
for number in (3, 1, 2, 4):
    prepared.execute("SELECT text, ? FROM connector WHERE number = ?", (number * 10, number))
    print(prepared.fetchall())
binary = connection.cursor(binary=True)
binary.execute("SELECT price, at FROM connector ORDER BY number")
print(binary.fetchmany(2), binary.fetchone(), binary.fetchone())
try:
    cursor.executemany("INSERT INTO nowhere VALUES (?)", [(1,), (2,)])
except mariadb.Error as error:
    print(error.errno, error.sqlstate)
cursor.execute("DROP TABLE connector")
connection.change_user(user, password, "test")
connection.reset()
connection.reconnect()
connection.ping()
connection.close()

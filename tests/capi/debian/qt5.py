"""Debian's QMYSQL of Qt 5, through PyQt: qt5.py PORT USER PASSWORD CA"""
import sys

from PyQt5.QtCore import QCoreApplication
from PyQt5.QtSql import QSqlDatabase, QSqlQuery

port, user, password, ca = sys.argv[1:]
application = QCoreApplication(sys.argv)
database = QSqlDatabase.addDatabase("QMYSQL")
database.setHostName("127.0.0.1")
database.setPort(int(port))
database.setUserName(user)
database.setPassword(password)
database.setDatabaseName("test")
database.setConnectOptions("SSL_CA=" + ca)
if not database.open():
    sys.exit(database.lastError().text())
query = QSqlQuery(database)
query.prepare("SELECT home FROM users WHERE name = ?")
query.addBindValue("ada")
query.exec_()
query.next()
print(query.value(0))

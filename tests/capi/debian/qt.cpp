// Debian's QMYSQL of Qt 6: program PORT USER PASSWORD CA
#include <QtCore/QCoreApplication>
#include <QtCore/QVariant>
#include <QtSql/QSqlDatabase>
#include <QtSql/QSqlError>
#include <QtSql/QSqlQuery>
#include <iostream>

int main(int count, char** words) {
    QCoreApplication application(count, words);
    QSqlDatabase database = QSqlDatabase::addDatabase("QMYSQL");
    database.setHostName("127.0.0.1");
    database.setPort(std::atoi(words[1]));
    database.setUserName(words[2]);
    database.setPassword(words[3]);
    database.setDatabaseName("test");
    database.setConnectOptions(QString("SSL_CA=%1").arg(words[4]));
    if (!database.open()) {
        std::cout << database.lastError().text().toStdString() << std::endl;
        return 1;
    }
    QSqlQuery query(database);
    query.prepare("SELECT home FROM users WHERE name = ?");
    query.addBindValue("ada");
    query.exec();
    query.next();
    std::cout << query.value(0).toString().toStdString() << std::endl;
}

// Debian's libmysqlcppconn: program PORT USER PASSWORD CA
#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>
#include <iostream>
#include <memory>

int main(int, char** words) {
    try {
        sql::ConnectOptionsMap options;
        options["hostName"] = sql::SQLString(std::string("tcp://127.0.0.1:") + words[1]);
        options["userName"] = sql::SQLString(words[2]);
        options["password"] = sql::SQLString(words[3]);
        options["schema"] = sql::SQLString("test");
        options["sslCA"] = sql::SQLString(words[4]);
        options["sslEnforce"] = true;
        std::unique_ptr<sql::Connection> connection(get_driver_instance()->connect(options));
        std::unique_ptr<sql::PreparedStatement> statement(
            connection->prepareStatement("SELECT home FROM users WHERE name = ?"));
        statement->setString(1, "ada");
        std::unique_ptr<sql::ResultSet> rows(statement->executeQuery());
        rows->next();
        std::cout << rows->getString("home") << std::endl;
    } catch (const sql::SQLException& error) {
        std::cout << error.getErrorCode() << ' ' << error.what() << std::endl;
        return 1;
    }
}

// Debian's mysql++: program PORT USER PASSWORD CA
#include <cstdlib>
#include <iostream>
#include <mysql++/mysql++.h>

int main(int, char** words) {
    try {
        mysqlpp::Connection connection;
        connection.set_option(new mysqlpp::SslOption(nullptr, nullptr, words[4]));
        connection.connect("test", "127.0.0.1", words[2], words[3], std::atoi(words[1]));
        mysqlpp::Query query = connection.query("SELECT home FROM users WHERE name = %0q");
        query.parse();
        mysqlpp::StoreQueryResult rows = query.store("ada");
        std::cout << rows.at(0)["home"] << std::endl;
    } catch (const std::exception& error) {
        std::cout << error.what() << std::endl;
        return 1;
    }
}

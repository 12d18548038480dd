/* Debian's CppDB with its MySQL driver: program PORT USER PASSWORD */
#include <cppdb/frontend.h>
#include <iostream>
#include <string>

int main(int, char **words) {
    try {
        cppdb::session session(std::string("mysql:host=127.0.0.1;database=test;port=") + words[1] + ";user=" + words[2] +
                               ";password='" + words[3] + "'");
        cppdb::result row = session << "SELECT home FROM users WHERE name = ?" << "ada" << cppdb::row;
        std::cout << row.get<std::string>("home") << std::endl;
    } catch (const std::exception &error) {
        std::cout << error.what() << std::endl;
        return 1;
    }
}

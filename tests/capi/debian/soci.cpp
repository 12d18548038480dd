// Debian's SOCI: program PORT USER PASSWORD CA
#include <iostream>
#include <soci/soci.h>
#include <soci/mysql/soci-mysql.h>

int main(int, char** words) {
    try {
        std::string place = "host=127.0.0.1 db=test port=" + std::string(words[1]) + " user=" + words[2];
        soci::session session(soci::mysql, place + " password=" + words[3] + " sslca='" + words[4] + "'");
        std::string name = "ada", home;
        session << "SELECT home FROM users WHERE name = :name", soci::use(name), soci::into(home);
        std::cout << home << std::endl;
    } catch (const std::exception& error) {
        std::cout << error.what() << std::endl;
        return 1;
    }
}

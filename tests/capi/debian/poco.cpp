// Debian's POCO: program PORT USER PASSWORD CA
#include <Poco/Data/MySQL/Connector.h>
#include <Poco/Data/Session.h>
#include <iostream>

using namespace Poco::Data::Keywords;

int main(int, char** words) {
    try {
        Poco::Data::MySQL::Connector::registerConnector();
        std::string place = "host=127.0.0.1;db=test;port=" + std::string(words[1]) + ";user=" + words[2];
        Poco::Data::Session session("MySQL", place + ";password=" + words[3]);
        std::string name = "ada", home;
        session << "SELECT home FROM users WHERE name = ?", into(home), use(name), now;
        std::cout << home << std::endl;
    } catch (const Poco::Exception& error) {
        std::cout << error.displayText() << std::endl;
        return 1;
    }
}

/* Debian's libzdb: program PORT USER PASSWORD */
#include <stdio.h>
#include <zdb.h>

int main(int count, char **words) {
    char place[256];
    snprintf(place, sizeof place, "mysql://127.0.0.1:%s/test?user=%s&password=%s&use-ssl=true", words[1], words[2], words[3]);
    ConnectionPool_T pool = ConnectionPool_new(URL_new(place));
    int failed = 0;
    TRY {
        ConnectionPool_start(pool);
        Connection_T connection = ConnectionPool_getConnection(pool);
        PreparedStatement_T statement = Connection_prepareStatement(connection, "SELECT home FROM users WHERE name = ?");
        PreparedStatement_setString(statement, 1, "ada");
        ResultSet_T rows = PreparedStatement_executeQuery(statement);
        ResultSet_next(rows);
        puts(ResultSet_getString(rows, 1));
        Connection_close(connection);
    }
    ELSE {
        puts(Exception_frame.message);
        failed = 1;
    }
    END_TRY;
    return failed;
}

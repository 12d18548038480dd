/* LOAD DATA LOCAL as a prepared statement: loaded SOCKET FILE. */
#include <mysql.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **words) {
    if (count < 3)
        return 2;
    char sql[300];
    MYSQL *mysql = mysql_init(NULL);
    if (!mysql_real_connect(mysql, "localhost", "u", "pw", NULL, 0, words[1], 0)) {
        printf("%u %s\n", mysql_errno(mysql), mysql_error(mysql));
        return 1;
    }
    MYSQL_STMT *it = mysql_stmt_init(mysql), *other = mysql_stmt_init(mysql);
    snprintf(sql, sizeof sql, "LOAD DATA LOCAL INFILE '%s' INTO TABLE t", words[2]);
    if (mysql_stmt_prepare(it, sql, strlen(sql)) || mysql_stmt_prepare(other, "SELECT 1", 8))
        return 3;
    /* The server asks for this file, for another one, for this one again, and where the statement names none. */
    for (int at = 0; at < 4; at++) {
        MYSQL_STMT *now = at == 3 ? other : it;
        int answer = mysql_stmt_execute(now);
        printf("%d %u %s\n", answer, mysql_stmt_errno(now), mysql_stmt_error(now));
    }
    mysql_stmt_close(it);
    mysql_stmt_close(other);
    mysql_close(mysql);
    return 0;
}

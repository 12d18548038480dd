/* The program of the manual's chapter: mysql_ssl_set before mysql_real_connect, mysql_get_ssl_cipher after it. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>

/* manual HOST PORT USER PASSWORD CA [CERT KEY] */
int main(int count, char **words) {
    MYSQL *mysql = mysql_init(NULL);
    if (count < 6)
        return 2;
    if (*words[5])
        mysql_ssl_set(mysql, count > 7 ? words[7] : NULL, count > 7 ? words[6] : NULL, words[5], NULL, NULL);
    if (!mysql_real_connect(mysql, words[1], words[3], words[4], NULL, atoi(words[2]), NULL, 0)) {
        printf("%u %s %s\n", mysql_errno(mysql), mysql_sqlstate(mysql), mysql_error(mysql));
        mysql_close(mysql);
        return 1;
    }
    const char *cipher = mysql_get_ssl_cipher(mysql);
    printf("%s\n", cipher ? cipher : "none");
    if (mysql_query(mysql, "SHOW STATUS LIKE 'Ssl_cipher'")) {
        printf("%s\n", mysql_error(mysql));
        return 1;
    }
    MYSQL_RES *result = mysql_store_result(mysql);
    MYSQL_ROW row = mysql_fetch_row(result);
    printf("%s\n", row ? row[1] : "no row");
    mysql_free_result(result);
    mysql_close(mysql);
    mysql_server_end();
    return 0;
}

/* One attempt to connect, with the option that the first word names; prints the cipher, or the error. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* outcomes OPTION HOST PORT USER PASSWORD SOCKET CA */
int main(int count, char **words) {
    if (count < 8)
        return 2;
    const char *option = words[1], *ca = words[7], *socket = *words[6] ? words[6] : NULL;
    unsigned long flags = 0;
    my_bool on = 1;
    int refused;
    MYSQL *mysql = mysql_init(NULL);
    if (!strcmp(option, "ssl_set"))
        mysql_ssl_set(mysql, NULL, NULL, NULL, NULL, NULL);
    else if (!strcmp(option, "enforce"))
        mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &on);
    else if (!strcmp(option, "ca"))
        mysql_ssl_set(mysql, NULL, NULL, ca, NULL, NULL);
    else if (!strcmp(option, "missing-ca"))
        mysql_ssl_set(mysql, NULL, NULL, "/nonexistent/ca.pem", NULL, NULL);
    else if (!strcmp(option, "missing-key"))
        mysql_ssl_set(mysql, "/nonexistent/key.pem", NULL, ca, NULL, NULL);
    else if (!strcmp(option, "bad-cipher"))
        mysql_ssl_set(mysql, NULL, NULL, NULL, NULL, "NOSUCH");
    else if (!strcmp(option, "old-cipher")) {
        mysql_ssl_set(mysql, NULL, NULL, NULL, NULL, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256");
        mysql_options(mysql, MYSQL_OPT_TLS_VERSION, "TLSv1.2");
    } else if (!strcmp(option, "verify")) {
        mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
        mysql_ssl_set(mysql, NULL, NULL, ca, NULL, NULL);
    } else if (!strcmp(option, "bad-version"))
        printf("%d ", mysql_options(mysql, MYSQL_OPT_TLS_VERSION, "SSLv99"));
    else if (!strcmp(option, "unknown"))
        refused = mysql_options(mysql, (enum mysql_option)100, &on), printf("%d %u ", refused, mysql_errno(mysql));
    else if (!strcmp(option, "client-ssl"))
        flags = CLIENT_SSL;
    else if (!strcmp(option, "bad-flag"))
        flags = 1UL << 27;
    else if (strcmp(option, "plain"))
        return 2;
    if (mysql_real_connect(mysql, words[2], words[4], words[5], NULL, atoi(words[3]), socket, flags)) {
        const char *cipher = mysql_get_ssl_cipher(mysql);
        printf("OK %s %s\n", cipher ? cipher : "none", mysql_get_host_info(mysql));
    } else
        printf("%u %s %s\n", mysql_errno(mysql), mysql_sqlstate(mysql), mysql_error(mysql));
    mysql_close(mysql);
    return 0;
}

/* Connections by connection strings: connections HOST PORT USER PASSWORD CA. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *host, *port, *user, *password, *ca;

/* Puts the values into the text: $h, $p, $u, $w and $c. */
static void try(const char *text) {
    char whole[1024] = "";
    MYSQL_RES *result;
    MYSQL *mysql = mysql_init(NULL);
    const char *at;
    for (at = text; *at; at++) {
        char one[2] = {*at, 0};
        const char *value = one;
        if (*at == '$') {
            at++;
            value = *at == 'h' ? host : *at == 'p' ? port : *at == 'u' ? user : *at == 'w' ? password : ca;
        }
        strcat(whole, value);
    }
    if (!mariadb_connect(mysql, whole)) {
        printf("%s: %u %s%s\n", text, mysql_errno(mysql), mysql_sqlstate(mysql), strstr(mysql_error(mysql), "hidden") ? " tells the password" : "");
    } else {
        mysql_query(mysql, "SELECT IFNULL(DATABASE(), 'none')");
        result = mysql_store_result(mysql);
        printf("%s: %s, %s\n", text, mysql_fetch_row(result)[0], mysql_get_ssl_cipher(mysql) ? "TLS" : "no TLS");
        mysql_free_result(result);
    }
    mysql_close(mysql);
}

/* A program that sets the flag in the struct, and whose connection the server ends. */
static void reconnect(void) {
    MYSQL *mysql = mysql_init(NULL), *other = mysql_init(NULL);
    unsigned number = (unsigned)strtoul(port, NULL, 10);
    mysql_ssl_set(mysql, NULL, NULL, ca, NULL, NULL);
    mysql_ssl_set(other, NULL, NULL, ca, NULL, NULL);
    if (!mysql_real_connect(mysql, host, user, password, NULL, number, NULL, 0) ||
        !mysql_real_connect(other, host, user, password, NULL, number, NULL, 0))
        printf("%s%s\n", mysql_error(mysql), mysql_error(other));
    printf("character set %d\n", mysql_set_character_set(mysql, "no such"));
    mysql->options.reconnect = 1;
    unsigned long former = mysql_thread_id(mysql);
    mysql_kill(other, former);
    /* The original learns that the connection is gone by the first failure at most. */
    if (mysql_query(mysql, "DO 1"))
        mysql_query(mysql, "DO 1");
    printf("again: %u, %s\n", mysql_errno(mysql), mysql_thread_id(mysql) == former ? "the same" : "another");
    mysql_close(mysql);
    mysql_close(other);
}

int main(int count, char **words) {
    if (count < 6)
        return 2;
    host = words[1], port = words[2], user = words[3], password = words[4], ca = words[5];
    try("host=$h;port=$p;user=$u;password=$w;ssl_ca=$c;database=test");
    try("host=$h; port=$p; user={$u}; password={$w}; ssl-ca={$c}; ssl_verify_server_cert=0;");
    try("servername=$h;port=$p;user=$u;passwd=$w;tls-ca=$c;db=test;unknown=1;bare");
    try("host=$h;port=$p;user=$u;password=hidden;ssl_ca=$c");
    try("host=$h;port=$p;user=$u;password=hidden;ssl_ca=/etc/ssl/certs/ca-certificates.crt");
    try("host=$h;port=$p;user=$u;password=hidden;ssl_ca=/nowhere.pem");
    try("host=no.such.host.invalid;user=$u;password=hidden");
    try("=;;={}");
    try("host=$h;;password=hidden");
    reconnect();
    return 0;
}

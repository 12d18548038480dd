/* A process without a free descriptor, and a connection whose descriptor the program has closed and uses again: descriptors SOCKET. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static MYSQL *connected(const char *host, const char *socket) {
    MYSQL *mysql = mysql_init(NULL);
    if (!mysql_real_connect(mysql, host, "u", "pw", NULL, 1, socket, 0))
        printf("connect %u\n", mysql_errno(mysql));
    else if (mysql_query(mysql, "DO 1"))
        printf("first %u\n", mysql_errno(mysql));
    return mysql;
}

/* Puts a pipe into the descriptor's place, from which nothing can be read. */
static void reuse(MYSQL *mysql) {
    int ends[2], descriptor = mysql_get_socket(mysql);
    if (pipe(ends) || dup2(ends[0], descriptor) < 0)
        exit(1);
    close(ends[0]);
}

int main(int count, char **words) {
    if (count < 2)
        return 2;
    alarm(60);
    MYSQL *mysql = connected("localhost", words[1]);
    reuse(mysql);
    printf("query %d", mysql_query(mysql, "SELECT 1"));
    printf(" %u\n", mysql_errno(mysql));
    mysql_close(mysql);

    mysql = connected("localhost", words[1]);
    if (mysql_send_query(mysql, "SELECT 1", 8))
        return 3;
    reuse(mysql);
    printf("answer %d", mysql_read_query_result(mysql) != 0);
    printf(" %d\n", mysql_errno(mysql) == 2006 || mysql_errno(mysql) == 2013);
    mysql_close(mysql);

    struct rlimit none;
    getrlimit(RLIMIT_NOFILE, &none);
    none.rlim_cur = dup(0);
    close((int)none.rlim_cur);
    setrlimit(RLIMIT_NOFILE, &none);
    mysql_close(connected("127.0.0.1", NULL));
    mysql_close(connected("localhost", words[1]));
    return 0;
}

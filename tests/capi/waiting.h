/* What the programs with non-blocking calls share. No call may block. */
#include <mysql.h>
#include <errmsg.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *host, *user, *password, *ca;
static unsigned port;
/* How often calls were suspended. */
static int waits;
/* A connection to the test's relay: "n" tells of a new connection, "r" lets a piece of the server's bytes through, and "q" ends the
   connection. So a call that blocked for the server would never end. */
static int relay = -1;

/* Waits for the events of the mask, as the manual says; a call that asks for none of them, or for a socket that is none, is a fault. */
static int events(MYSQL *mysql, int mask) {
    struct pollfd socket = {mysql_get_socket(mysql), 0, 0};
    int timeout = mask & MYSQL_WAIT_TIMEOUT ? (int)mysql_get_timeout_value_ms(mysql) : 20000;
    if (socket.fd < 0 || !(mask & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE))) {
        printf("a mask of %d for the socket %d\n", mask, socket.fd);
        exit(1);
    }
    socket.events = (mask & MYSQL_WAIT_READ ? POLLIN : 0) | (mask & MYSQL_WAIT_WRITE ? POLLOUT : 0);
    waits++;
    if (relay >= 0 && (mask & MYSQL_WAIT_READ) && write(relay, "r", 1) != 1)
        exit(1);
    int ready = poll(&socket, 1, timeout);
    if (ready == 0 && !(mask & MYSQL_WAIT_TIMEOUT)) {
        printf("nothing came\n");
        exit(1);
    }
    if (ready == 0)
        return MYSQL_WAIT_TIMEOUT;
    int came = 0;
    if (socket.revents & (POLLIN | POLLHUP | POLLERR))
        came |= MYSQL_WAIT_READ;
    if (socket.revents & POLLOUT)
        came |= MYSQL_WAIT_WRITE;
    return came;
}

/* Runs a pair to its end: the name of the call, where the answer goes, the handle, what belongs to it, and the other arguments. */
#define RUN(call, answer, mysql, of, ...)                                                           \
    do {                                                                                            \
        int mask = call##_start(answer, of, ##__VA_ARGS__);                                         \
        while (mask) {                                                                              \
            int came = events(mysql, mask);                                                         \
            mask = call##_cont(answer, of, came);                                                   \
        }                                                                                           \
    } while (0)

static void must(int good, const char *what, MYSQL *mysql) {
    if (!good) {
        printf("%s: %u %s\n", what, mysql ? mysql_errno(mysql) : 0, mysql ? mysql_error(mysql) : "");
        exit(1);
    }
}

/* A handle with the options of these programs, in the given memory or in new memory. */
static MYSQL *prepared(MYSQL *memory) {
    MYSQL *mysql = mysql_init(memory);
    my_bool is_set = 0;
    must(mysql_options(mysql, MYSQL_OPT_NONBLOCK, 0) == 0, "the option", mysql);
    must(mysql_get_option(mysql, MYSQL_OPT_NONBLOCK, &is_set) == 0 && is_set, "the option's value", mysql);
    mysql_ssl_set(mysql, NULL, NULL, ca, NULL, NULL);
    my_bool verify = 1;
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (relay >= 0 && write(relay, "n", 1) != 1)
        exit(1);
    return mysql;
}

static MYSQL *connected(MYSQL *mysql, unsigned long flags) {
    MYSQL *answer = (MYSQL *)1;
    RUN(mysql_real_connect, &answer, mysql, mysql, host, user, password, NULL, port, NULL, flags);
    must(answer == mysql, "connect", mysql);
    must(mysql_get_ssl_cipher(mysql) != NULL, "the cipher", mysql);
    return mysql;
}

static void closed(MYSQL *mysql) {
    int mask = mysql_close_start(mysql);
    while (mask)
        mask = mysql_close_cont(mysql, events(mysql, mask));
}

static void ran(MYSQL *mysql, const char *sql) {
    int answer = 7;
    RUN(mysql_real_query, &answer, mysql, mysql, sql, strlen(sql));
    must(answer == 0, sql, mysql);
}

/* The result's rows, by mysql_fetch_row; frees the result. */
static int rows(MYSQL *mysql, MYSQL_RES *result, const char *first) {
    int count = 0;
    for (;;) {
        MYSQL_ROW row = (MYSQL_ROW)1;
        RUN(mysql_fetch_row, &row, mysql, result);
        if (!row)
            break;
        if (count++ == 0)
            must(!strcmp(row[0], first), "the first row", mysql);
    }
    must(mysql_errno(mysql) == 0, "the last row", mysql);
    int mask = mysql_free_result_start(result);
    while (mask)
        mask = mysql_free_result_cont(result, events(mysql, mask));
    return count;
}

static MYSQL_RES *stored(MYSQL *mysql) {
    MYSQL_RES *result = NULL;
    RUN(mysql_store_result, &result, mysql, mysql);
    must(result != NULL, "store", mysql);
    return result;
}

/* Takes the arguments CASE HOST PORT USER PASSWORD CA, and connects to the relay, if there is one; the name of the case. */
static const char *begun(int count, char **words) {
    if (count < 7)
        exit(2);
    host = words[2];
    port = atoi(words[3]);
    user = words[4];
    password = words[5];
    ca = words[6];
    if (getenv("RELAY")) {
        struct sockaddr_in there = {AF_INET, htons(atoi(getenv("RELAY"))), {htonl(INADDR_LOOPBACK)}, {0}};
        relay = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(relay, (struct sockaddr *)&there, sizeof(there)))
            exit(3);
    }
    return words[1];
}

static int fails(MYSQL *mysql, unsigned number) {
    return mysql_errno(mysql) == number && mysql_error(mysql)[0];
}

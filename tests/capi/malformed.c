/* What a server's malformed answers come to: malformed SOCKET block|start store|use. */
#include <mysql.h>
#include <errmsg.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_blocking, is_stored;
static volatile unsigned long sum;

static int events(MYSQL *mysql, int mask) {
    struct pollfd socket = {mysql_get_socket(mysql), 0, 0};
    socket.events = (mask & MYSQL_WAIT_READ ? POLLIN : 0) | (mask & MYSQL_WAIT_WRITE ? POLLOUT : 0);
    if (poll(&socket, 1, mask & MYSQL_WAIT_TIMEOUT ? (int)mysql_get_timeout_value_ms(mysql) : 20000) < 1)
        return MYSQL_WAIT_TIMEOUT;
    return (socket.revents & (POLLIN | POLLHUP | POLLERR) ? MYSQL_WAIT_READ : 0) | (socket.revents & POLLOUT ? MYSQL_WAIT_WRITE : 0);
}

/* A call in either form. */
#define RUN(call, answer, of, ...)                                                                  \
    do {                                                                                            \
        if (is_blocking) {                                                                          \
            answer = call(of, ##__VA_ARGS__);                                                       \
        } else {                                                                                    \
            int mask = call##_start(&answer, of, ##__VA_ARGS__);                                    \
            while (mask)                                                                            \
                mask = call##_cont(&answer, of, events(mysql, mask));                               \
        }                                                                                           \
    } while (0)

static int failed(const char *step, unsigned number, const char *text) {
    printf("%s %u %s\n", step, number, text);
    return 1;
}

/* All results of a query, with each byte of each value. */
static int results(MYSQL *mysql) {
    int answer = 7;
    do {
        MYSQL_RES *result = NULL;
        if (is_stored)
            RUN(mysql_store_result, result, mysql);
        else
            result = mysql_use_result(mysql);
        if (!result && mysql_errno(mysql))
            return failed("rows", mysql_errno(mysql), mysql_error(mysql));
        for (MYSQL_ROW row = (MYSQL_ROW)1; result && row;) {
            RUN(mysql_fetch_row, row, result);
            unsigned long *lengths = row ? mysql_fetch_lengths(result) : NULL;
            for (unsigned at = 0; row && at < mysql_num_fields(result); at++)
                for (unsigned long byte = 0; row[at] && byte <= lengths[at]; byte++)
                    sum += row[at][byte];
        }
        unsigned number = mysql_errno(mysql);
        if (number) {
            failed("rows", number, mysql_error(mysql));
            mysql_free_result(result);
            return 1;
        }
        mysql_free_result(result);
        RUN(mysql_next_result, answer, mysql);
        if (answer > 0)
            return failed("next", mysql_errno(mysql), mysql_error(mysql));
    } while (answer == 0);
    return 0;
}

static int statement(MYSQL *mysql, MYSQL_STMT *it) {
    int answer = 7;
    unsigned long cursor = CURSOR_TYPE_READ_ONLY;
    MYSQL_BIND binds[4];
    char buffers[4][64];
    memset(binds, 0, sizeof(binds));
    for (int at = 0; at < 4; at++) {
        binds[at].buffer_type = MYSQL_TYPE_STRING;
        binds[at].buffer = buffers[at];
        binds[at].buffer_length = sizeof(buffers[at]);
    }
    RUN(mysql_stmt_prepare, answer, it, "SELECT ?", 8);
    if (answer)
        return failed("prepare", mysql_stmt_errno(it), mysql_stmt_error(it));
    if (mysql_stmt_param_count(it) > 4 || mysql_stmt_field_count(it) > 4)
        return failed("counts", 1, "");
    mysql_stmt_bind_param(it, binds);
    if (!is_stored)
        mysql_stmt_attr_set(it, STMT_ATTR_CURSOR_TYPE, &cursor);
    RUN(mysql_stmt_execute, answer, it);
    if (answer)
        return failed("execute", mysql_stmt_errno(it), mysql_stmt_error(it));
    mysql_stmt_bind_result(it, binds);
    if (is_stored)
        RUN(mysql_stmt_store_result, answer, it);
    while (!answer) {
        RUN(mysql_stmt_fetch, answer, it);
        if (answer == MYSQL_DATA_TRUNCATED)
            answer = 0;
    }
    if (answer == 1)
        return failed("fetch", mysql_stmt_errno(it), mysql_stmt_error(it));
    return 0;
}

int main(int count, char **words) {
    if (count < 4)
        return 2;
    is_blocking = strcmp(words[2], "start") != 0;
    is_stored = strcmp(words[3], "use") != 0;
    unsigned seconds = 10;
    int answer = 7;
    MYSQL *mysql = mysql_init(NULL), *connected = NULL;
    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &seconds);
    RUN(mysql_real_connect, connected, mysql, "localhost", "u", "pw", NULL, 0, words[1], CLIENT_MULTI_STATEMENTS | CLIENT_LOCAL_FILES);
    int is_over = !connected && failed("connect", mysql_errno(mysql), mysql_error(mysql));
    if (!is_over) {
        RUN(mysql_query, answer, mysql, "SELECT 1");
        is_over = answer ? failed("query", mysql_errno(mysql), mysql_error(mysql)) : results(mysql);
    }
    if (!is_over) {
        MYSQL_STMT *it = mysql_stmt_init(mysql);
        is_over = statement(mysql, it);
        mysql_stmt_close(it);
    }
    if (!is_over)
        printf("nothing failed\n");
    mysql_close(mysql);
    return 0;
}

/* Calls from the functions of a LOCAL INFILE handler on the handle whose statement sends the file: callbacks SOCKET. */
#include <mysql.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "misuse.h"

static const char *const sql = "LOAD DATA LOCAL INFILE 'x' INTO TABLE t";
/* The server reads nothing of this file. */
static const char *const unread = "LOAD DATA LOCAL INFILE 'y' INTO TABLE t";
static MYSQL *mysql;
static MYSQL_STMT *statement;
/* The number of pieces before the end, and those given. */
static int most = 3, pieces, ended, is_failing;

static int init(void **data, const char *name, void *given) {
    misuse(mysql, statement);
    pieces = 0;
    *data = given;
    return strcmp(name, most == 3 ? "x" : "y") != 0;
}

static int piece(void *data, char *buffer, unsigned room) {
    misuse(mysql, statement);
    if (pieces++ == most)
        return is_failing ? -1 : 0;
    memset(buffer, 'x', room);
    return (int)room;
}

static void end(void *data) {
    misuse(mysql, statement);
    ended++;
}

static int error(void *data, char *text, unsigned room) {
    misuse(mysql, statement);
    snprintf(text, room, "no more");
    return 1234;
}

/* Goes on with the statement until it is over, or until it waits for one of these events. */
static int went_on(int mask, int *answer, int until) {
    while (mask && !(mask & until)) {
        struct pollfd socket = {mysql_get_socket(mysql), 0, 0};
        socket.events = (mask & MYSQL_WAIT_READ ? POLLIN : 0) | (mask & MYSQL_WAIT_WRITE ? POLLOUT : 0);
        if (poll(&socket, 1, 20000) != 1)
            exit(1);
        int came = (socket.revents & (POLLIN | POLLHUP) ? MYSQL_WAIT_READ : 0) | (socket.revents & POLLOUT ? MYSQL_WAIT_WRITE : 0);
        mask = mysql_real_query_cont(answer, mysql, came);
    }
    return mask & until;
}

int main(int count, char **words) {
    int answer = 7;
    unsigned seconds = 5;
    mysql = mysql_init(NULL);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &seconds);
    if (count < 2 || !mysql_real_connect(mysql, "localhost", "u", "pw", NULL, 0, words[1], CLIENT_LOCAL_FILES)) {
        printf("%s\n", mysql_error(mysql));
        return 1;
    }
    statement = mysql_stmt_init(mysql);
    mysql_set_local_infile_handler(mysql, init, piece, end, error, mysql);
    for (is_failing = 0; is_failing < 2; is_failing++) {
        int failed = mysql_query(mysql, sql);
        printf("%d %u %s\n", failed, mysql_errno(mysql), mysql_error(mysql));
        went_on(mysql_real_query_start(&answer, mysql, sql, strlen(sql)), &answer, 0);
        printf("%d %u %s\n", answer, mysql_errno(mysql), mysql_error(mysql));
    }
    if (mysql_ping(mysql) || mysql_stmt_close(statement))
        printf("%s\n", mysql_error(mysql));
    /* A file that is asked for when nobody reads the statement's answer any more. */
    if (mysql_send_query(mysql, sql, strlen(sql)) || mysql_reset_connection(mysql))
        printf("%s\n", mysql_error(mysql));
    /* The handle is closed while a piece waits: the end function is called, and can't use the handle. */
    statement = NULL;
    is_failing = 0;
    most = 1000;
    if (!went_on(mysql_real_query_start(&answer, mysql, unread, strlen(unread)), &answer, MYSQL_WAIT_WRITE))
        printf("it did not wait\n");
    mysql_close(mysql);
    printf("%d ends\n", ended);
    return misuses > 100 ? 0 : 1;
}

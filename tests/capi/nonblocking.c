/* The non-blocking calls, one case after the other: nonblocking CASE HOST PORT USER PASSWORD CA. */
#include "waiting.h"
#include <sys/wait.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void statements(MYSQL *mysql, const char *sql) {
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    int answer = 7;
    RUN(mysql_stmt_prepare, &answer, mysql, statement, sql, strlen(sql));
    must(answer == 0, "prepare", mysql);
    MYSQL_BIND in = {0}, out = {0};
    char text[16] = "";
    unsigned long length = 0;
    in.buffer_type = out.buffer_type = MYSQL_TYPE_STRING;
    out.buffer = text;
    out.buffer_length = sizeof(text);
    out.length = &length;
    must(mysql_stmt_bind_param(statement, &in) == 0, "bind", mysql);
    my_bool flag = 7;
    RUN(mysql_stmt_send_long_data, &flag, mysql, statement, 0, "lo", 2);
    must(flag == 0, "a piece", mysql);
    RUN(mysql_stmt_send_long_data, &flag, mysql, statement, 0, "ng", 2);
    must(flag == 0, "another piece", mysql);
    for (int round = 0; round < 3; round++) {
        RUN(mysql_stmt_execute, &answer, mysql, statement);
        must(answer == 0, "execute", mysql);
        must(mysql_stmt_bind_result(statement, &out) == 0, "bind the result", mysql);
        if (round == 1) {
            RUN(mysql_stmt_store_result, &answer, mysql, statement);
            must(answer == 0 && mysql_stmt_num_rows(statement) == 1, "store", mysql);
        }
        if (round < 2) {
            RUN(mysql_stmt_fetch, &answer, mysql, statement);
            must(answer == 0 && length == 4 && !memcmp(text, "long", 4), "fetch", mysql);
            RUN(mysql_stmt_fetch, &answer, mysql, statement);
            must(answer == MYSQL_NO_DATA, "the end", mysql);
        }
        RUN(mysql_stmt_next_result, &answer, mysql, statement);
        must(answer == -1, "no further result", mysql);
        RUN(mysql_stmt_free_result, &flag, mysql, statement);
        must(flag == 0, "free the result", mysql);
        in.buffer = "long";
        in.buffer_length = 4;
        must(mysql_stmt_bind_param(statement, &in) == 0, "bind", mysql);
    }
    RUN(mysql_stmt_reset, &flag, mysql, statement);
    must(flag == 0, "reset", mysql);
    RUN(mysql_stmt_close, &flag, mysql, statement);
    must(flag == 0, "close the statement", mysql);
}

/* A bulk execution, and a cursor whose rows are fetched two at a time. A server that has neither gets a command for each row, and sends the
   rows at once. */
static void many(MYSQL *mysql, int few) {
    char table[32], sql[96];
    int answer = 7, values[5] = {1, 2, 3, 4, 5}, value = 0, sum = 0, fetches = 0;
    my_bool flag = 7;
    unsigned count = 5;
    unsigned long kind = CURSOR_TYPE_READ_ONLY, prefetch = 2;
    sprintf(table, "many_%d", (int)getpid());
    sprintf(sql, "CREATE TABLE %s (one INT PRIMARY KEY)", table);
    ran(mysql, sql);
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    MYSQL_BIND in = {0}, out = {0};
    in.buffer_type = out.buffer_type = MYSQL_TYPE_LONG;
    in.buffer = values;
    out.buffer = &value;
    sprintf(sql, "INSERT INTO %s VALUES (?)", table);
    RUN(mysql_stmt_prepare, &answer, mysql, statement, sql, strlen(sql));
    must(answer == 0 && mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &count) == 0, "prepare", mysql);
    must(mysql_stmt_bind_param(statement, &in) == 0, "bind", mysql);
    RUN(mysql_stmt_execute, &answer, mysql, statement);
    must(answer == 0 && mysql_stmt_affected_rows(statement) == 5, "the bulk execution", mysql);
    RUN(mysql_stmt_close, &flag, mysql, statement);
    statement = mysql_stmt_init(mysql);
    sprintf(sql, "SELECT one FROM %s ORDER BY one", table);
    RUN(mysql_stmt_prepare, &answer, mysql, statement, sql, strlen(sql));
    must(answer == 0 && mysql_stmt_attr_set(statement, STMT_ATTR_CURSOR_TYPE, &kind) == 0, "prepare", mysql);
    must(mysql_stmt_attr_set(statement, STMT_ATTR_PREFETCH_ROWS, &prefetch) == 0, "the rows of a fetch", mysql);
    must(mysql_stmt_bind_result(statement, &out) == 0, "bind the result", mysql);
    RUN(mysql_stmt_execute, &answer, mysql, statement);
    must(answer == 0, "open the cursor", mysql);
    for (;;) {
        int before = waits;
        RUN(mysql_stmt_fetch, &answer, mysql, statement);
        fetches += waits > before;
        if (answer != 0)
            break;
        sum += value;
        /* Other calls are possible meanwhile. */
        ran(mysql, "SELECT 1");
        must(rows(mysql, stored(mysql), "1") == 1, "a row besides the cursor's", mysql);
    }
    must(answer == MYSQL_NO_DATA && sum == 15, "the cursor's rows", mysql);
    must(relay < 0 || few || fetches >= 3, "fetches were suspended", mysql);
    RUN(mysql_stmt_execute, &answer, mysql, statement);
    must(answer == 0, "open the cursor again", mysql);
    RUN(mysql_stmt_fetch, &answer, mysql, statement);
    must(answer == 0 && value == 1, "its first row", mysql);
    RUN(mysql_stmt_free_result, &flag, mysql, statement);
    must(flag == 0, "close the cursor", mysql);
    RUN(mysql_stmt_execute, &answer, mysql, statement);
    must(answer == 0, "open the cursor a third time", mysql);
    RUN(mysql_stmt_store_result, &answer, mysql, statement);
    must(answer == 0 && mysql_stmt_num_rows(statement) == 5, "store the cursor's rows", mysql);
    RUN(mysql_stmt_close, &flag, mysql, statement);
    must(flag == 0, "close the statement", mysql);
    sprintf(sql, "DROP TABLE %s", table);
    ran(mysql, sql);
}

/* Each pair once. The answers of calls that a server may not have are told. */
static void all(int few) {
    MYSQL *mysql = connected(prepared(NULL), CLIENT_MULTI_STATEMENTS);
    int answer = 7;
    my_bool flag = 7;
    RUN(mysql_query, &answer, mysql, mysql, "SELECT 1");
    must(answer == 0, "query", mysql);
    must(rows(mysql, stored(mysql), "1") == 1, "rows", mysql);
    RUN(mysql_send_query, &answer, mysql, mysql, "SELECT 1 UNION ALL SELECT 2", 27);
    must(answer == 0, "send", mysql);
    RUN(mysql_read_query_result, &flag, mysql, mysql);
    must(flag == 0, "read", mysql);
    must(rows(mysql, mysql_use_result(mysql), "1") == 2, "used rows", mysql);
    ran(mysql, "SELECT 1 UNION ALL SELECT 2");
    MYSQL_RES *result = mysql_use_result(mysql);
    int mask = mysql_free_result_start(result);
    while (mask)
        mask = mysql_free_result_cont(result, events(mysql, mask));
    ran(mysql, "SELECT 1");
    must(rows(mysql, stored(mysql), "1") == 1, "rows after rows that were not read", mysql);
    RUN(mysql_autocommit, &flag, mysql, mysql, 0);
    must(flag == 0, "autocommit", mysql);
    RUN(mysql_commit, &flag, mysql, mysql);
    must(flag == 0, "commit", mysql);
    RUN(mysql_rollback, &flag, mysql, mysql);
    must(flag == 0, "rollback", mysql);
    RUN(mysql_ping, &answer, mysql, mysql);
    must(answer == 0, "ping", mysql);
    RUN(mysql_set_character_set, &answer, mysql, mysql, "latin1");
    must(few || (answer == 0 && !strcmp(mysql_character_set_name(mysql), "latin1")), "the character set", mysql);
    const char *statistics = NULL;
    RUN(mysql_stat, &statistics, mysql, mysql);
    must(few || (statistics && strstr(statistics, "Uptime")), "statistics", mysql);
    RUN(mysql_set_server_option, &answer, mysql, mysql, MYSQL_OPTION_MULTI_STATEMENTS_ON);
    must(few || answer == 0, "server option", mysql);
    if (!few) {
        ran(mysql, "SELECT 1; SELECT 2");
        must(rows(mysql, stored(mysql), "1") == 1, "the first result", mysql);
        RUN(mysql_next_result, &answer, mysql, mysql);
        must(answer == 0, "the next result", mysql);
        must(rows(mysql, stored(mysql), "2") == 1, "the second result", mysql);
    }
    RUN(mysql_next_result, &answer, mysql, mysql);
    must(answer == -1, "no further result", mysql);
    statements(mysql, "SELECT ?");
    RUN(mysql_select_db, &answer, mysql, mysql, "test");
    must(few || answer == 0, "the database", mysql);
    if (answer == 0)
        many(mysql, few);
    if (!few) {
        ran(mysql, "CREATE OR REPLACE TABLE columns_of (one INT, two INT)");
        result = NULL;
        RUN(mysql_list_fields, &result, mysql, mysql, "columns_of", NULL);
        must(result && mysql_num_fields(result) == 2, "columns", mysql);
        mysql_free_result(result);
        /* A statement for each of them. */
        RUN(mysql_refresh, &answer, mysql, mysql, REFRESH_STATUS | REFRESH_TABLES);
        must(answer == 0, "refresh", mysql);
        RUN(mysql_reset_connection, &answer, mysql, mysql);
        must(answer == 0, "reset", mysql);
    }
    RUN(mysql_kill, &answer, mysql, mysql, 4000000000UL);
    must(answer == 1 && mysql_errno(mysql) != 0, "a connection that is none", mysql);
    RUN(mysql_dump_debug_info, &answer, mysql, mysql);
    must(answer == 0, "the server's state", mysql);
    /* An account that may not stop the server. */
    ran(mysql, "CREATE USER IF NOT EXISTS 'weak'@'%' IDENTIFIED BY 'pw'");
    RUN(mysql_change_user, &flag, mysql, mysql, "weak", password, NULL);
    must(flag == 0, "change user", mysql);
    RUN(mysql_shutdown, &answer, mysql, mysql, SHUTDOWN_DEFAULT);
    must(answer == 1 && mysql_errno(mysql) != 0, "the server refuses to stop", mysql);
    ran(mysql, "SELECT 'end'");
    must(rows(mysql, stored(mysql), "end") == 1, "rows", mysql);
    closed(mysql);
    must(relay < 0 || waits > 25, "calls were suspended", NULL);
}

/* A program that polls on its own between mysql_send_query and mysql_read_query_result, and reads the rows without blocking. */
static void sent(void) {
    MYSQL *mysql = connected(prepared(NULL), 0);
    const char *sql = getenv("SQL");
    for (int round = 0; round < 3; round++) {
        must(mysql_send_query(mysql, sql, strlen(sql)) == 0, "send", mysql);
        struct pollfd socket = {mysql_get_socket(mysql), POLLIN, 0};
        must(poll(&socket, 1, 10000) == 1, "the answer can be seen", mysql);
        if (round == 0) {
            must(mysql_read_query_result(mysql) == 0, "read", mysql);
        } else {
            my_bool flag = 7;
            RUN(mysql_read_query_result, &flag, mysql, mysql);
            must(flag == 0, "read", mysql);
        }
        printf("%d\n", rows(mysql, mysql_use_result(mysql), "1"));
    }
    closed(mysql);
}

static MYSQL_STMT *statement_of(MYSQL *mysql) {
    int answer = 7;
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    RUN(mysql_stmt_prepare, &answer, mysql, statement, "SELECT 1", 8);
    must(answer == 0, "prepare", mysql);
    return statement;
}

/* Calls at the wrong time give 2014. */
static void misused(void) {
    MYSQL_RES *result = NULL;
    /* More rows than the relay lets through at once. */
    const char *many = getenv("SQL");
    int answer = 7;
    my_bool flag = 7;
    MYSQL *same = (MYSQL *)1;
    MYSQL *mysql = prepared(NULL);
    must(mysql_real_query_cont(&answer, mysql, MYSQL_WAIT_READ) == 0 && answer != 0, "cont", mysql);
    must(fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "cont's error", mysql);
    must(mysql_close_cont(mysql, 0) == 0 && fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "close_cont", mysql);
    must(mysql_real_query_start(&answer, mysql, "SELECT 1", 8) == 0 && answer != 0 && fails(mysql, CR_SERVER_GONE_ERROR), "start", mysql);
    connected(mysql, 0);
    MYSQL_STMT *statement = statement_of(mysql);
    must(mysql_stmt_execute_cont(&answer, statement, 0) == 0 && answer == 1, "execute_cont", mysql);
    must(mysql_stmt_errno(statement) == CR_COMMANDS_OUT_OF_SYNC, "execute_cont's error", mysql);
    must(mysql_read_query_result(mysql) != 0 && fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "read without a query", mysql);
    /* The relay holds the answer back. */
    int mask = mysql_real_query_start(&answer, mysql, "SELECT 0", 8);
    must(mask == MYSQL_WAIT_READ, "start", mysql);
    /* After a fork the child has no part in the call. */
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
        mysql_real_query_cont(&answer, mysql, MYSQL_WAIT_READ);
        _exit(answer != 0 && fails(mysql, CR_SERVER_GONE_ERROR) ? 0 : 1);
    }
    must(waitpid(child, &status, 0) == child && status == 0, "the child", mysql);
    must(mysql_query(mysql, "SELECT 1") != 0 && fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "query", mysql);
    must(mysql_ping_start(&answer, mysql) == 0 && answer != 0 && fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "ping", mysql);
    must(mysql_ping_cont(&answer, mysql, MYSQL_WAIT_READ) == 0 && fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "another's cont", mysql);
    must(mysql_options(mysql, MYSQL_OPT_NONBLOCK, 0) != 0, "the option", mysql);
    must(mysql_store_result(mysql) == NULL && mysql_use_result(mysql) == NULL, "results", mysql);
    must(mysql_real_connect_start(&same, mysql, host, user, password, NULL, port, NULL, 0) == 0 && !same, "connect", mysql);
    must(mysql_stmt_close(statement) != 0 && mysql_stmt_errno(statement) == CR_COMMANDS_OUT_OF_SYNC, "close a statement", mysql);
    must(mysql_stmt_close_start(&flag, statement) == 0 && flag == 1, "close a statement", mysql);
    while (mask)
        mask = mysql_real_query_cont(&answer, mysql, events(mysql, mask));
    must(answer == 0, "the call went on", mysql);
    must(rows(mysql, stored(mysql), "0") == 1, "its row", mysql);
    must(mysql_stmt_close(statement) == 0, "close the statement", mysql);
    /* The handle is closed while a call is suspended, for each kind of call. */
    must(mysql_real_query_start(&answer, mysql, "SELECT 1", 8) == MYSQL_WAIT_READ, "start", mysql);
    mysql_close(mysql);
    mysql = connected(prepared(NULL), 0);
    statement = statement_of(mysql);
    must(mysql_stmt_execute_start(&answer, statement) == MYSQL_WAIT_READ, "execute", mysql);
    closed(mysql);
    must(mysql_stmt_close(statement) == 0, "close the statement of a closed handle", NULL);
    mysql = connected(prepared(NULL), 0);
    must(mysql_send_query(mysql, many, strlen(many)) == 0, "send", mysql);
    RUN(mysql_read_query_result, &flag, mysql, mysql);
    must(mysql_store_result_start(&result, mysql) == MYSQL_WAIT_READ, "store", mysql);
    mysql_close(mysql);
    mysql = connected(prepared(NULL), 0);
    ran(mysql, many);
    result = mysql_use_result(mysql);
    must(result && mysql_free_result_start(result) == MYSQL_WAIT_READ, "free", mysql);
    mysql_close(mysql);
    mysql = connected(prepared(NULL), 0);
    ran(mysql, many);
    result = mysql_use_result(mysql);
    MYSQL_ROW row;
    while ((mask = mysql_fetch_row_start(&row, result)) == 0)
        must(row != NULL, "a row", mysql);
    mysql_free_result(result);
    must(fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "free a result whose row is waited for", mysql);
    mysql_close(mysql);
    mysql_free_result(result);
    mysql = connected(prepared(NULL), 0);
    statement = statement_of(mysql);
    RUN(mysql_stmt_prepare, &answer, mysql, statement, many, strlen(many));
    RUN(mysql_stmt_execute, &answer, mysql, statement);
    must(mysql_stmt_close_start(&flag, statement) == MYSQL_WAIT_READ, "close the statement", mysql);
    mysql_close(mysql);
    mysql = prepared(NULL);
    mask = mysql_real_connect_start(&same, mysql, host, user, password, NULL, port, NULL, 0);
    must(mask & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE), "connect", mysql);
    mysql_close(mysql);
}

/* Timeouts are events for which the program waits, and errors once it says that they came. */
static void late(void) {
    MYSQL *mysql = prepared(NULL), *answer = (MYSQL *)1;
    unsigned seconds = 1;
    mysql_options(mysql, getenv("CONNECT") ? MYSQL_OPT_CONNECT_TIMEOUT : MYSQL_OPT_READ_TIMEOUT, &seconds);
    double begun = now();
    if (getenv("CONNECT")) {
        int mask = mysql_real_connect_start(&answer, mysql, host, user, password, NULL, port, NULL, 0);
        must(mask & MYSQL_WAIT_TIMEOUT, "the mask", mysql);
        must(mysql_get_timeout_value(mysql) == 1, "seconds", mysql);
        unsigned left = mysql_get_timeout_value_ms(mysql);
        must(left > 0 && left <= 1000, "milliseconds", mysql);
        while (mask)
            mask = mysql_real_connect_cont(&answer, mysql, events(mysql, mask));
        must(answer == NULL && mysql_errno(mysql), "connected to a silent server", mysql);
    } else {
        int failed = 7;
        connected(mysql, 0);
        relay = -1;
        begun = now();
        int mask = mysql_real_query_start(&failed, mysql, "SELECT 1", 8);
        must(mask == (MYSQL_WAIT_READ | MYSQL_WAIT_TIMEOUT), "the mask", mysql);
        must(mysql_get_timeout_value(mysql) == 1, "seconds", mysql);
        while (mask)
            mask = mysql_real_query_cont(&failed, mysql, events(mysql, mask));
        must(failed && fails(mysql, CR_SERVER_LOST), "the error", mysql);
    }
    must(now() - begun > 900 && now() - begun < 4000, "the time", mysql);
    printf("%u %s\n", mysql_errno(mysql), mysql_error(mysql));
    mysql_close(mysql);
}

/* A server that reads nothing: the write timeout is an event, too, and ends a blocking call as well. */
static void unread(void) {
    size_t length = 12 << 20;
    char *sql = malloc(length);
    memset(sql, 'x', length);
    for (int blocks = 0; blocks < 2; blocks++) {
        MYSQL *mysql = mysql_init(NULL);
        unsigned seconds = 1;
        int answer = 7;
        mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
        must(mysql_real_connect(mysql, "localhost", user, password, NULL, 0, getenv("SOCKET"), 0) == mysql, "connect", mysql);
        double begun = now();
        if (blocks) {
            answer = mysql_real_query(mysql, sql, length);
        } else {
            int mask = mysql_real_query_start(&answer, mysql, sql, length);
            must(mask == (MYSQL_WAIT_WRITE | MYSQL_WAIT_TIMEOUT), "the mask", mysql);
            must(mysql_get_timeout_value(mysql) == 1, "seconds", mysql);
            while (mask)
                mask = mysql_real_query_cont(&answer, mysql, events(mysql, mask));
        }
        must(answer != 0 && fails(mysql, CR_SERVER_LOST), "the error", mysql);
        must(now() - begun > 900 && now() - begun < 4000, "the time", mysql);
        printf("%s\n", mysql_error(mysql));
        must(mysql_ping(mysql) != 0 && fails(mysql, CR_SERVER_GONE_ERROR), "the connection is gone", mysql);
        mysql_close(mysql);
    }
    free(sql);
}

/* The server goes away while a call is suspended; the next call finds no connection. */
static void gone(void) {
    MYSQL *mysql = connected(prepared(NULL), 0);
    int answer = 7;
    int mask = mysql_real_query_start(&answer, mysql, "SELECT 1", 8);
    must(mask == MYSQL_WAIT_READ && write(relay, "q", 1) == 1, "start", mysql);
    relay = -1;
    while (mask)
        mask = mysql_real_query_cont(&answer, mysql, events(mysql, mask));
    must(answer != 0 && fails(mysql, CR_SERVER_LOST), "the error", mysql);
    RUN(mysql_real_query, &answer, mysql, mysql, "SELECT 1", 8);
    must(answer != 0 && fails(mysql, CR_SERVER_GONE_ERROR), "the next error", mysql);
    closed(mysql);
}

/* More than the sockets' buffers hold: the call waits until the server takes bytes. */
static void large(void) {
    MYSQL *mysql = connected(prepared(NULL), 0);
    size_t length = 12 << 20;
    char *sql = malloc(length + 64);
    size_t at = sprintf(sql, "SELECT LENGTH('");
    memset(sql + at, 'x', length);
    strcpy(sql + at + length, "')");
    int answer = 7, writes = 0, small = 4096;
    setsockopt(mysql_get_socket(mysql), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    int mask = mysql_real_query_start(&answer, mysql, sql, strlen(sql));
    while (mask) {
        writes += (mask & MYSQL_WAIT_WRITE) != 0;
        int came = events(mysql, mask);
        mask = mysql_real_query_cont(&answer, mysql, came);
    }
    must(answer == 0, "a large statement", mysql);
    must(rows(mysql, stored(mysql), "12582912") == 1, "its length", mysql);
    must(writes > 0, "the call waited to write", mysql);
    free(sql);
    closed(mysql);
}

int main(int count, char **words) {
    const char *name = begun(count, words);
    if (!strcmp(name, "all"))
        all(0);
    else if (!strcmp(name, "few"))
        all(1);
    else if (!strcmp(name, "sent"))
        sent();
    else if (!strcmp(name, "misused"))
        misused();
    else if (!strcmp(name, "late"))
        late();
    else if (!strcmp(name, "gone"))
        gone();
    else if (!strcmp(name, "large"))
        large();
    else if (!strcmp(name, "unread"))
        unread();
    else
        return 2;
    mysql_server_end();
    printf("%s\n", name);
    return 0;
}

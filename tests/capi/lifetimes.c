/* A program that moves, frees and misuses things while calls are suspended: lifetimes CASE HOST PORT USER PASSWORD CA. A struct that has moved has no
   memory any more at its old place, and neither have texts that were arguments. */
#include "waiting.h"
#include <sys/mman.h>
#include <sys/wait.h>

/* More rows than the relay lets through at once. */
static const char *many;

static void *mapped(const void *content, size_t length) {
    void *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || length > 65536)
        exit(4);
    memcpy(page, content, length);
    return page;
}

static void unmapped(void *page) {
    munmap(page, 65536);
}

/* The handle at another place. The library is told by a call. */
static MYSQL *moved(MYSQL *old) {
    MYSQL *mysql = mapped(old, sizeof(*old));
    unmapped(old);
    mysql_get_socket(mysql);
    return mysql;
}

/* A connected handle whose memory is the program's own. */
static MYSQL *own(void) {
    return connected(prepared(mapped("", 1)), 0);
}

static void left(MYSQL *mysql) {
    closed(mysql);
    unmapped(mysql);
}

static MYSQL_RES *used(MYSQL *mysql) {
    ran(mysql, many);
    MYSQL_RES *result = mysql_use_result(mysql);
    must(result != NULL, "use", mysql);
    return result;
}

static void works(MYSQL *mysql) {
    ran(mysql, "SELECT 'end'");
    must(rows(mysql, stored(mysql), "end") == 1, "the connection goes on", mysql);
}

static MYSQL_STMT *prepared_as(MYSQL *mysql, const char *sql) {
    int answer = 7;
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    RUN(mysql_stmt_prepare, &answer, mysql, statement, sql, strlen(sql));
    must(answer == 0, "prepare", mysql);
    return statement;
}

static void a_freed_result(void) {
    MYSQL *mysql = own();
    MYSQL_RES *result = used(mysql);
    int mask = mysql_free_result_start(result);
    must(mask == MYSQL_WAIT_READ, "free", mysql);
    /* It is being freed already. */
    mysql_free_result(result);
    must(fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "free it a second time", mysql);
    MYSQL_ROW row = (MYSQL_ROW)1;
    must(mysql_fetch_row_start(&row, result) == 0 && !row && mysql_fetch_row(result) == NULL, "a row of it", mysql);
    must(mysql_free_result_start(result) == 0 && fails(mysql, CR_COMMANDS_OUT_OF_SYNC), "free it a third time", mysql);
    mysql = moved(mysql);
    while (mask)
        mask = mysql_free_result_cont(result, events(mysql, mask));
    must(mysql_errno(mysql) == 0, "freed", mysql);
    works(mysql);
    /* Closing the handle frees it, too. */
    result = used(mysql);
    must(mysql_free_result_start(result) == MYSQL_WAIT_READ, "free", mysql);
    mysql = moved(mysql);
    left(mysql);
}

static void a_row(void) {
    MYSQL *mysql = own();
    MYSQL_RES *result = used(mysql);
    MYSQL_ROW row;
    int mask;
    while ((mask = mysql_fetch_row_start(&row, result)) == 0)
        must(row != NULL, "a row", mysql);
    mysql = moved(mysql);
    while (mask)
        mask = mysql_fetch_row_cont(&row, result, events(mysql, mask));
    must(row != NULL, "the row", mysql);
    rows(mysql, result, row[0]);
    works(mysql);
    left(mysql);
}

static void a_closed_statement(void) {
    MYSQL *mysql = own();
    MYSQL_STMT *statement = prepared_as(mysql, many);
    int answer = 7;
    my_bool flag = 7;
    RUN(mysql_stmt_execute, &answer, mysql, statement);
    must(answer == 0, "execute", mysql);
    int mask = mysql_stmt_close_start(&flag, statement);
    must(mask == MYSQL_WAIT_READ, "close", mysql);
    must(mysql_stmt_close(statement) != 0 && mysql_stmt_errno(statement) == CR_COMMANDS_OUT_OF_SYNC, "close it a second time", mysql);
    mysql = moved(mysql);
    while (mask)
        mask = mysql_stmt_close_cont(&flag, statement, events(mysql, mask));
    must(flag == 0, "closed", mysql);
    works(mysql);
    left(mysql);
}

static void a_statement(void) {
    MYSQL *mysql = own();
    MYSQL_STMT *statement = prepared_as(mysql, many), *other = prepared_as(mysql, "SELECT 1");
    int answer = 7, foreign = 7;
    int mask = mysql_stmt_execute_start(&answer, statement);
    must(mask == MYSQL_WAIT_READ, "execute", mysql);
    must(mysql_stmt_reset(statement) != 0 && mysql_stmt_errno(statement) == CR_COMMANDS_OUT_OF_SYNC, "reset", mysql);
    must(mysql_stmt_execute_cont(&foreign, other, MYSQL_WAIT_READ) == 0 && foreign == 1, "go on by another statement", mysql);
    must(mysql_stmt_errno(other) == CR_COMMANDS_OUT_OF_SYNC, "its error", mysql);
    /* After a fork the child has no part in the call, and is told so on the statement. */
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
        int refused = mysql_stmt_execute_cont(&answer, statement, MYSQL_WAIT_READ) == 0 && answer == 1;
        refused = refused && mysql_stmt_errno(statement) == CR_SERVER_GONE_ERROR && fails(mysql, CR_SERVER_GONE_ERROR);
        mysql_close(mysql);
        _exit(refused ? 0 : 1);
    }
    must(waitpid(child, &status, 0) == child && status == 0, "the child", mysql);
    mysql = moved(mysql);
    while (mask)
        mask = mysql_stmt_execute_cont(&answer, statement, events(mysql, mask));
    must(answer == 0 && mysql_stmt_errno(statement) == 0 && !*mysql_stmt_error(statement), "the refused call's error is gone", mysql);
    RUN(mysql_stmt_store_result, &answer, mysql, statement);
    must(answer == 0, "store", mysql);
    mask = mysql_stmt_prepare_start(&answer, other, "SELECT", 6);
    must(mask == MYSQL_WAIT_READ, "prepare", mysql);
    must(mysql_stmt_field_count(other) == 0 && !mariadb_stmt_fetch_fields(other), "no columns meanwhile", mysql);
    while (mask)
        mask = mysql_stmt_prepare_cont(&answer, other, events(mysql, mask));
    must(answer != 0 && mysql_stmt_field_count(other) == 0 && !mariadb_stmt_fetch_fields(other), "no columns after an error", mysql);
    must(mysql_stmt_close(other) == 0 && mysql_stmt_close(statement) == 0, "close", mysql);
    works(mysql);
    left(mysql);
}

/* A connection that is being made: the handle's new place is the answer. */
static void a_connection(void) {
    MYSQL *mysql = prepared(mapped("", 1)), *answer = NULL;
    char *texts[3] = {mapped(host, strlen(host) + 1), mapped(user, strlen(user) + 1), mapped(password, strlen(password) + 1)};
    int mask = mysql_real_connect_start(&answer, mysql, texts[0], texts[1], texts[2], NULL, port, NULL, 0);
    must(mask != 0, "connect", mysql);
    for (int at = 0; at < 3; at++)
        unmapped(texts[at]);
    mysql = moved(mysql);
    while (mask)
        mask = mysql_real_connect_cont(&answer, mysql, events(mysql, mask));
    must(answer == mysql, "connected", mysql);
    works(mysql);
    left(mysql);
}

/* Texts that are freed once the call has begun, also where it has to wait before it needs them. */
static void arguments(void) {
    MYSQL *mysql = own();
    MYSQL_STMT *statement = prepared_as(mysql, many), *long_one = prepared_as(mysql, "SELECT ?");
    int answer = 7;
    my_bool flag = 7;
    RUN(mysql_stmt_execute, &answer, mysql, statement);
    must(answer == 0, "execute", mysql);
    char *sql = mapped("SELECT 'prepared'", 18);
    int mask = mysql_stmt_prepare_start(&answer, statement, sql, 17);
    unmapped(sql);
    while (mask)
        mask = mysql_stmt_prepare_cont(&answer, statement, events(mysql, mask));
    must(answer == 0, "prepare", mysql);
    char *piece = mapped("piece", 5);
    mask = mysql_stmt_send_long_data_start(&flag, long_one, 0, piece, 5);
    unmapped(piece);
    while (mask)
        mask = mysql_stmt_send_long_data_cont(&flag, long_one, events(mysql, mask));
    must(flag == 0 && mysql_stmt_close(long_one) == 0 && mysql_stmt_close(statement) == 0, "a piece", mysql);
    char *texts[3] = {mapped(user, strlen(user) + 1), mapped(password, strlen(password) + 1), mapped("test", 5)};
    mask = mysql_change_user_start(&flag, mysql, texts[0], texts[1], texts[2]);
    for (int at = 0; at < 3; at++)
        unmapped(texts[at]);
    mysql = moved(mysql);
    while (mask)
        mask = mysql_change_user_cont(&flag, mysql, events(mysql, mask));
    /* Some servers have no such database. */
    must(flag == 0 || mysql_errno(mysql), "change user", mysql);
    if (flag == 0) {
        char *name = mapped("utf8mb4", 8);
        mask = mysql_set_character_set_start(&answer, mysql, name);
        unmapped(name);
        while (mask)
            mask = mysql_set_character_set_cont(&answer, mysql, events(mysql, mask));
        works(mysql);
    }
    left(mysql);
}

/* A result whose rows were dropped under it, and another one that took its place. */
static void a_left_result(void) {
    int answer = 7;
    MYSQL *mysql = own();
    MYSQL_RES *result = used(mysql), *other;
    /* Some servers refuse the reset; the rows are dropped nevertheless. */
    RUN(mysql_reset_connection, &answer, mysql, mysql);
    other = used(mysql);
    must(mysql_fetch_row(result) == NULL && result->handle == NULL && other->handle == mysql, "the former result has ended", mysql);
    left(mysql);
    must(mysql_fetch_row(other) == NULL, "no row without a connection", NULL);
    mysql_free_result(other);
    mysql_free_result(result);
}

/* A struct that is zeroed before its new place was told, and a statement whose handle the program has taken away, as DBD::MariaDB does. */
static void forgotten(void) {
    MYSQL *old = own(), *mysql;
    MYSQL_STMT *statement = prepared_as(old, "SELECT 1"), *kept = prepared_as(old, "SELECT 2");
    mysql = mapped(old, sizeof(*old));
    memset(old, 0, sizeof(*old));
    must(mysql_stmt_close(statement) == 0, "close a statement of a zeroed struct", NULL);
    kept->mysql = NULL;
    must(mysql_stmt_close(kept) == 0, "close a statement without a handle", NULL);
    works(mysql);
    unmapped(old);
    left(mysql);
    old = own();
    MYSQL_RES *result = used(old);
    mysql = mapped(old, sizeof(*old));
    memset(old, 0, sizeof(*old));
    mysql_free_result(result);
    unmapped(old);
    mysql_get_socket(mysql);
    left(mysql);
}

int main(int count, char **words) {
    const char *name = begun(count, words);
    many = getenv("SQL");
    a_freed_result();
    a_row();
    a_closed_statement();
    a_statement();
    a_connection();
    arguments();
    a_left_result();
    forgotten();
    mysql_server_end();
    printf("%s\n", name);
    return 0;
}

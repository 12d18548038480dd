/* Lengths that can't be, of parameters and texts: lengths HOST PORT USER PASSWORD CA [all]. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDLESS ((unsigned long)-1)
#define TOO_LONG (1UL << 47)

static MYSQL *mysql;

static void told(const char *what, int answer, MYSQL_STMT *statement) {
    unsigned error = statement ? mysql_stmt_errno(statement) : mysql_errno(mysql);
    printf("%s: %d %u, then %d\n", what, answer, error, mysql_ping(mysql));
}

static void parameter(const char *what, enum enum_field_types type, unsigned long length, unsigned rows) {
    char text[] = "hello", out[64] = "";
    char *texts[] = {text, "you"};
    unsigned long lengths[] = {length, length};
    MYSQL_BIND bind, result;
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    const char *sql = rows ? "INSERT INTO test.lengths VALUES (?)" : "SELECT ?";
    mysql_stmt_prepare(statement, sql, ENDLESS);
    memset(&bind, 0, sizeof bind);
    memset(&result, 0, sizeof result);
    bind.buffer_type = type;
    bind.buffer = rows ? (void *)texts : text;
    bind.buffer_length = sizeof text;
    bind.length = lengths;
    mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &rows);
    mysql_stmt_bind_param(statement, &bind);
    int failed = mysql_stmt_execute(statement);
    if (!failed && !rows) {
        result.buffer_type = MYSQL_TYPE_STRING;
        result.buffer = out;
        result.buffer_length = sizeof out;
        mysql_stmt_bind_result(statement, &result);
        printf("%d %s\n", mysql_stmt_fetch(statement), out);
        mysql_stmt_free_result(statement);
    }
    told(what, failed, statement);
    mysql_stmt_close(statement);
}

static void escaped(unsigned long length) {
    char text[8] = "abc";
    unsigned long written = mysql_real_escape_string(mysql, text, "x", length);
    printf("escaped %lu %d\n", written, text[0]);
}

int main(int count, char **words) {
    mysql = mysql_init(NULL);
    if (count < 6)
        return 2;
    mysql_ssl_set(mysql, NULL, NULL, words[5], NULL, NULL);
    if (!mysql_real_connect(mysql, words[1], words[3], words[4], "test", (unsigned)atoi(words[2]), NULL, 0)) {
        printf("%s\n", mysql_error(mysql));
        return 1;
    }
    mysql_query(mysql, "CREATE OR REPLACE TABLE test.lengths (t TEXT)");
    parameter("a text up to its NUL", MYSQL_TYPE_STRING, ENDLESS, 0);
    parameter("a BLOB up to its NUL", MYSQL_TYPE_BLOB, ENDLESS, 0);
    parameter("rows up to their NUL", MYSQL_TYPE_STRING, ENDLESS, 2);
    parameter("a text", MYSQL_TYPE_STRING, TOO_LONG, 0);
    parameter("a BLOB", MYSQL_TYPE_LONG_BLOB, TOO_LONG, 0);
    parameter("a number as text", MYSQL_TYPE_NEWDECIMAL, TOO_LONG, 0);
    parameter("rows", MYSQL_TYPE_STRING, TOO_LONG, 2);
    escaped(ENDLESS);
    if (count > 6) {
        /* The original reads behind these. */
        char text[64] = "abc";
        size_t from = TOO_LONG, to = sizeof text;
        int error = 0;
        MYSQL_STMT *statement = mysql_stmt_init(mysql);
        told("a query", mysql_real_query(mysql, "SELECT 1", TOO_LONG), NULL);
        told("a query that is sent", mysql_send_query(mysql, "SELECT 1", ENDLESS - 1), NULL);
        told("a statement", mysql_stmt_prepare(statement, "SELECT ?", TOO_LONG), statement);
        told("at once", mariadb_stmt_execute_direct(statement, "SELECT ?", TOO_LONG), statement);
        mysql_stmt_prepare(statement, "SELECT ?", ENDLESS);
        told("long data", mysql_stmt_send_long_data(statement, 0, "a", ENDLESS), statement);
        mysql_stmt_close(statement);
        escaped(TOO_LONG);
        escaped(ENDLESS / 2);
        unsigned long written = mysql_escape_string(text, "x", ENDLESS);
        printf("plain %lu %d\n", written, text[0]);
        strcpy(text, "abc");
        written = mysql_hex_string(text, "x", ENDLESS);
        printf("hexadecimal %lu %d\n", written, text[0]);
        MARIADB_CHARSET_INFO *charset = mariadb_get_charset_by_name("latin1");
        from = mariadb_convert_string("x", &from, charset, text, &to, charset, &error);
        printf("converted %d %d\n", from == (size_t)-1, error);
    }
    mysql_query(mysql, "SELECT GROUP_CONCAT(t ORDER BY t) FROM test.lengths");
    MYSQL_RES *rows = mysql_store_result(mysql);
    if (rows)
        printf("%s\n", mysql_fetch_row(rows)[0]);
    mysql_free_result(rows);
    mysql_query(mysql, "DROP TABLE test.lengths");
    mysql_close(mysql);
    return 0;
}

/* Every type of column in every type of buffer: what mysql_stmt_fetch says and writes. Two libraries must print the same. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MYSQL *mysql;

static void give_up(const char *what, const char *why) {
    printf("%s: %s\n", what, why);
    exit(1);
}

static void run(const char *sql) {
    if (mysql_query(mysql, sql)) give_up(sql, mysql_error(mysql));
}

static const struct {
    const char *name;
    enum enum_field_types type;
    int is_unsigned;
    unsigned long room;
} buffers[] = {
    {"TINY", MYSQL_TYPE_TINY, 0, 1},         {"TINY U", MYSQL_TYPE_TINY, 1, 1},   {"SHORT", MYSQL_TYPE_SHORT, 0, 2},
    {"SHORT U", MYSQL_TYPE_SHORT, 1, 2},     {"LONG", MYSQL_TYPE_LONG, 0, 4},     {"LONG U", MYSQL_TYPE_LONG, 1, 4},
    {"LONGLONG", MYSQL_TYPE_LONGLONG, 0, 8}, {"LONGLONG U", MYSQL_TYPE_LONGLONG, 1, 8},
    {"FLOAT", MYSQL_TYPE_FLOAT, 0, 4},       {"DOUBLE", MYSQL_TYPE_DOUBLE, 0, 8}, {"STRING", MYSQL_TYPE_STRING, 0, 60},
    {"STRING 3", MYSQL_TYPE_STRING, 0, 3},   {"BLOB", MYSQL_TYPE_BLOB, 0, 60},    {"DATE", MYSQL_TYPE_DATE, 0, sizeof(MYSQL_TIME)},
    {"TIME", MYSQL_TYPE_TIME, 0, sizeof(MYSQL_TIME)}, {"DATETIME", MYSQL_TYPE_DATETIME, 0, sizeof(MYSQL_TIME)},
};

static int is_time(int b) { return buffers[b].room == sizeof(MYSQL_TIME); }
static int is_text(int b) { return buffers[b].type == MYSQL_TYPE_STRING || buffers[b].type == MYSQL_TYPE_BLOB; }

/* Whether MariaDB's library gives what the value is. It has zero for a number as a time and for text that is none, the year for a time as a
   number, the bytes for a BLOB as a number, shortened digits for a text that is too short, and no error for 2^64-1 as -1. */
static int is_compared(const char *name, int b) {
    char kind = *name;
    if (kind == 'h' || kind == 'i' || kind == 'j') return is_text(b) || (is_time(b) && (kind != 'i' || buffers[b].type == MYSQL_TYPE_TIME));
    if (is_time(b)) return 0;
    if (kind == 'm') return is_text(b);
    if (kind == 'l') return buffers[b].type != MYSQL_TYPE_FLOAT && buffers[b].type != MYSQL_TYPE_DOUBLE;
    if (kind == 'e' || kind == 'f') return buffers[b].room != 3;
    return strcmp(name, "du") || buffers[b].is_unsigned || buffers[b].room == 8 || is_text(b);
}

static void show(int b, const unsigned char *buffer, unsigned long length) {
    if (is_time(b)) {
        MYSQL_TIME time;
        memcpy(&time, buffer, sizeof time);
        printf(" %04u-%02u-%02u %d %02u:%02u:%02u.%06lu", time.year, time.month, time.day, time.neg, time.hour, time.minute, time.second,
               time.second_part);
        return;
    }
    printf(" ");
    unsigned long shown = length < buffers[b].room ? length : buffers[b].room;
    for (unsigned long i = 0; i < shown; i++)
        printf(buffers[b].type == MYSQL_TYPE_STRING && buffer[i] >= 32 ? "%c" : "%02x", buffer[i]);
}

static void column(const char *name, int b, int stored) {
    char sql[80];
    unsigned char buffer[80];
    unsigned long length;
    my_bool is_null, error;
    MYSQL_BIND bind;
    memset(&bind, 0, sizeof bind);
    bind.buffer_type = buffers[b].type, bind.is_unsigned = buffers[b].is_unsigned, bind.buffer = buffer;
    bind.buffer_length = buffers[b].room, bind.length = &length, bind.is_null = &is_null, bind.error = &error;
    snprintf(sql, sizeof sql, "SELECT %s FROM matrix ORDER BY id", name);
    MYSQL_STMT *s = mysql_stmt_init(mysql);
    if (mysql_stmt_prepare(s, sql, strlen(sql)) || mysql_stmt_execute(s) || mysql_stmt_bind_result(s, &bind) ||
        (stored && mysql_stmt_store_result(s)))
        give_up(sql, mysql_stmt_error(s));
    printf("%s in %s:", name, buffers[b].name);
    int outcome;
    for (;;) {
        memset(buffer, 0, sizeof buffer);
        length = 0, is_null = error = 0;
        outcome = mysql_stmt_fetch(s);
        if (outcome != 0 && outcome != MYSQL_DATA_TRUNCATED) break;
        printf(" |");
        if (is_null) {
            printf(" NULL");
            continue;
        }
        if (outcome || error) printf(" cut");
        /* What a buffer has where the value does not fit into its type is nobody's business. */
        /* MariaDB's library tells the length of text alone. */
        if (is_text(b)) printf(" %lu", length);
        if (!error || is_text(b)) show(b, buffer, is_text(b) ? length : buffers[b].room);
    }
    printf(" %s\n", outcome == MYSQL_NO_DATA ? "" : mysql_stmt_error(s));
    mysql_stmt_close(s);
}

/* matrix HOST PORT USER PASSWORD CA DATABASE */
int main(int count, char **words) {
    if (count < 7) return 2;
    mysql = mysql_init(NULL);
    mysql_ssl_set(mysql, NULL, NULL, words[5], NULL, NULL);
    if (!mysql_real_connect(mysql, words[1], words[3], words[4], words[6], atoi(words[2]), NULL, 0)) give_up("connect", mysql_error(mysql));
    run("DROP TABLE IF EXISTS matrix");
    run("CREATE TABLE matrix (id INT PRIMARY KEY, a TINYINT, au TINYINT UNSIGNED, b SMALLINT, bu SMALLINT UNSIGNED, c INT, cu INT UNSIGNED, "
        "d BIGINT, du BIGINT UNSIGNED, e FLOAT, f DOUBLE, g DECIMAL(12,3), h DATE, i TIME, j DATETIME, k YEAR, l VARCHAR(300), m BLOB)");
    run("INSERT INTO matrix VALUES (1, 1, 1, 1, 1, 1, 1, 1, 1, 1.5, 2.25, 12.5, '2026-11-29', '10:11:12', '2026-11-29 08:30:01', 2026, '7', 'ab')");
    run("INSERT INTO matrix VALUES (2, -128, 255, -32768, 65535, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, "
        "-0.5, -1e10, -999.125, '1999-01-02', '-100:00:01', '1999-01-02 00:00:00', 1999, 'text', '1234')");
    run("INSERT INTO matrix VALUES (3, 127, 200, 300, 40000, 70000, 3000000000, 5000000000, 9223372036854775808, 0, 0, 0, '2000-02-29', "
        "'00:00:00', '2000-02-29 23:59:59', 2000, '', '')");
    run("INSERT INTO matrix (id) VALUES (4)");
    run("INSERT INTO matrix VALUES (5, 0, 0, 0, 0, 20261129, 20261129, 20261129083001, 0, 100, 123456789, 1, '2026-01-01', '01:00:00', '2026-01-01 01:00:00', 2001, "
        "'2026-03-04 05:06:07', '2026-03-04')");
    static const char *names[] = {"a", "au", "b", "bu", "c", "cu", "d", "du", "e", "f", "g", "h", "i", "j", "k", "l", "m"};
    for (unsigned n = 0; n < sizeof names / sizeof *names; n++)
        for (unsigned b = 0; b < sizeof buffers / sizeof *buffers; b++)
            if (is_compared(names[n], b)) column(names[n], b, (n + b) % 2);
    run("DROP TABLE matrix");
    mysql_close(mysql);
    return 0;
}

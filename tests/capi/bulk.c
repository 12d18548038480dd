/* Bulk executions and cursors. Prints what the server has afterwards; two libraries must print the same. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MYSQL *mysql;

#define MUST(condition)                                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            printf("line %d: %s: %s %s\n", __LINE__, #condition, mysql_error(mysql), mysql_stmt_error(s));                     \
            exit(1);                                                                                                           \
        }                                                                                                                      \
    } while (0)

static void run(const char *sql) {
    if (mysql_query(mysql, sql)) {
        printf("%s: %s\n", sql, mysql_error(mysql));
        exit(1);
    }
}

static void show(const char *sql) {
    run(sql);
    MYSQL_RES *result = mysql_store_result(mysql);
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(result))) {
        for (unsigned i = 0; i < mysql_num_fields(result); i++) printf("%s%s", i ? ", " : "", row[i] ? row[i] : "NULL");
        printf("\n");
    }
    mysql_free_result(result);
}

static MYSQL_STMT *prepared(const char *sql) {
    MYSQL_STMT *s = mysql_stmt_init(mysql);
    MUST(mysql_stmt_prepare(s, sql, strlen(sql)) == 0);
    return s;
}

static void by_column(int has_defaults) {
    run("DROP TABLE IF EXISTS bulk");
    run("CREATE TABLE bulk (id INT PRIMARY KEY, name VARCHAR(400) DEFAULT 'none', price DOUBLE, day DATE)");
    MYSQL_STMT *s = prepared("INSERT INTO bulk VALUES (?, ?, ?, ?)");
    static char large[301];
    memset(large, 'l', 300);
    int ids[5] = {1, 2, 3, 4, 5};
    char *names[5] = {"one", "two and more", "", large, "five"};
    unsigned long lengths[5] = {3, 3, 0, 300, (unsigned long)-1};
    double prices[5] = {1.5, -2.5, 0, 1e100, 5};
    MYSQL_TIME days[2] = {{2026, 1, 2, 0, 0, 0, 0, 0, MYSQL_TIMESTAMP_DATE}, {2025, 12, 31, 0, 0, 0, 0, 0, MYSQL_TIMESTAMP_DATE}};
    MYSQL_TIME *dates[5] = {&days[0], &days[1], &days[0], &days[0], &days[0]};
    char price_is[5] = {STMT_INDICATOR_NONE, STMT_INDICATOR_NULL, STMT_INDICATOR_NONE, STMT_INDICATOR_NONE, STMT_INDICATOR_NULL};
    char name_is[5] = {STMT_INDICATOR_NONE, STMT_INDICATOR_NONE, STMT_INDICATOR_NONE, STMT_INDICATOR_NONE, STMT_INDICATOR_NTS};
    unsigned rows = 5;
    MYSQL_BIND p[4];
    memset(p, 0, sizeof p);
    p[0].buffer_type = MYSQL_TYPE_LONG, p[0].buffer = ids;
    p[1].buffer_type = MYSQL_TYPE_STRING, p[1].buffer = names, p[1].length = lengths, p[1].u.indicator = name_is;
    p[2].buffer_type = MYSQL_TYPE_DOUBLE, p[2].buffer = prices, p[2].u.indicator = price_is;
    p[3].buffer_type = MYSQL_TYPE_DATE, p[3].buffer = dates;
    MUST(mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &rows) == 0 && mysql_stmt_bind_param(s, p) == 0);
    MUST(mysql_stmt_execute(s) == 0);
    printf("%llu rows\n", (unsigned long long)mysql_stmt_affected_rows(s));
    MUST(mysql_stmt_execute(s) != 0 && mysql_stmt_errno(s) == 1062);
    if (has_defaults) {
        for (int i = 0; i < 5; i++) ids[i] += 10;
        name_is[0] = STMT_INDICATOR_DEFAULT, name_is[1] = STMT_INDICATOR_NULL;
        MUST(mysql_stmt_execute(s) == 0);
        show("SELECT 'default', id, LEFT(name, 5) FROM bulk WHERE id > 10 ORDER BY id");
        run("DELETE FROM bulk WHERE id > 10");
    }
    MUST(mysql_stmt_close(s) == 0);
    show("SELECT id, LENGTH(name), LEFT(name, 5), price, day FROM bulk ORDER BY id");
}

static void by_row(void) {
    struct row {
        char name_is;
        char name[11];
        unsigned long length;
        long long id;
        char id_is;
    } rows[4] = {
        {STMT_INDICATOR_NTS, "changed", 0, 1, STMT_INDICATOR_NONE},
        {STMT_INDICATOR_NULL, "", 0, 2, STMT_INDICATOR_NONE},
        {STMT_INDICATOR_IGNORE_ROW, "left out", 0, 3, STMT_INDICATOR_NONE},
        {STMT_INDICATOR_NONE, "short", 2, 4, STMT_INDICATOR_NONE},
    };
    MYSQL_STMT *s = prepared("UPDATE bulk SET name = ? WHERE id = ?");
    size_t size = sizeof(struct row);
    unsigned count = 4;
    MYSQL_BIND p[2];
    memset(p, 0, sizeof p);
    p[0].buffer_type = MYSQL_TYPE_STRING, p[0].buffer = rows[0].name, p[0].length = &rows[0].length;
    p[0].u.indicator = &rows[0].name_is;
    p[1].buffer_type = MYSQL_TYPE_LONGLONG, p[1].buffer = &rows[0].id, p[1].u.indicator = &rows[0].id_is;
    MUST(mysql_stmt_attr_set(s, STMT_ATTR_ROW_SIZE, &size) == 0 && mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &count) == 0);
    MUST(mysql_stmt_bind_param(s, p) == 0 && mysql_stmt_execute(s) == 0);
    printf("%llu rows\n", (unsigned long long)mysql_stmt_affected_rows(s));
    /* The same statement again, once. */
    count = 0, size = 0;
    long long id = 5;
    unsigned long length = 4;
    p[0].buffer = "once", p[0].length = &length, p[0].u.indicator = NULL;
    p[1].buffer = &id, p[1].u.indicator = NULL;
    MUST(mysql_stmt_attr_set(s, STMT_ATTR_ROW_SIZE, &size) == 0 && mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &count) == 0);
    MUST(mysql_stmt_bind_param(s, p) == 0 && mysql_stmt_execute(s) == 0 && mysql_stmt_affected_rows(s) == 1);
    MUST(mysql_stmt_close(s) == 0);
    show("SELECT id, LEFT(name, 7) FROM bulk ORDER BY id");
}

static void cursors(void) {
    MYSQL_STMT *s = prepared("SELECT id, name FROM bulk WHERE id > ? ORDER BY id");
    unsigned long kind = CURSOR_TYPE_READ_ONLY, length, prefetch[4] = {1, 2, 5, 100};
    int least = 0, id;
    char name[8], again[8];
    my_bool is_null;
    MYSQL_BIND p, r[2], one;
    memset(&p, 0, sizeof p);
    memset(r, 0, sizeof r);
    p.buffer_type = MYSQL_TYPE_LONG, p.buffer = &least;
    r[0].buffer_type = MYSQL_TYPE_LONG, r[0].buffer = &id;
    r[1].buffer_type = MYSQL_TYPE_STRING, r[1].buffer = name, r[1].buffer_length = sizeof name, r[1].length = &length, r[1].is_null = &is_null;
    one = r[1];
    one.buffer = again;
    MUST(mysql_stmt_attr_set(s, STMT_ATTR_CURSOR_TYPE, &kind) == 0 && mysql_stmt_bind_param(s, &p) == 0);
    for (int i = 0; i < 4; i++) {
        MUST(mysql_stmt_attr_set(s, STMT_ATTR_PREFETCH_ROWS, &prefetch[i]) == 0);
        MUST(mysql_stmt_execute(s) == 0 && mysql_stmt_bind_result(s, r) == 0);
        int outcome;
        while ((outcome = mysql_stmt_fetch(s)) == 0) {
            printf("%d %s, ", id, is_null ? "NULL" : name);
            /* The cursor leaves the connection free for others. */
            run("SET @x = 1");
            MUST(mysql_stmt_fetch_column(s, &one, 1, 0) == 0 && (is_null || !strcmp(again, name)));
        }
        MUST(outcome == MYSQL_NO_DATA && mysql_stmt_fetch(s) == MYSQL_NO_DATA);
        printf("\n");
    }
    least = 3;
    prefetch[0] = 1;
    MUST(mysql_stmt_attr_set(s, STMT_ATTR_PREFETCH_ROWS, prefetch) == 0);
    MUST(mysql_stmt_execute(s) == 0 && mysql_stmt_fetch(s) == 0 && id == 4);
    MUST(mysql_stmt_execute(s) == 0 && mysql_stmt_fetch(s) == 0 && id == 4);
    MUST(mysql_stmt_free_result(s) == 0);
    run("SET @x = 2");
    MUST(mysql_stmt_execute(s) == 0 && mysql_stmt_store_result(s) == 0 && mysql_stmt_num_rows(s) == 2);
    MUST(mysql_stmt_fetch(s) == 0 && id == 4 && mysql_stmt_fetch(s) == 0 && id == 5 && mysql_stmt_fetch(s) == MYSQL_NO_DATA);
    mysql_stmt_data_seek(s, 1);
    MUST(mysql_stmt_fetch(s) == 0 && id == 5);
    MUST(mysql_stmt_execute(s) == 0 && mysql_stmt_fetch(s) == 0 && mysql_stmt_reset(s) == 0);
    least = 100;
    MUST(mysql_stmt_execute(s) == 0 && mysql_stmt_fetch(s) == MYSQL_NO_DATA);
    MUST(mysql_stmt_close(s) == 0);
    printf("cursors\n");
}

/* bulk HOST PORT USER PASSWORD CA DATABASE */
int main(int count, char **words) {
    if (count < 7) return 2;
    mysql = mysql_init(NULL);
    mysql_ssl_set(mysql, NULL, NULL, words[5], NULL, NULL);
    if (!mysql_real_connect(mysql, words[1], words[3], words[4], words[6], atoi(words[2]), NULL, 0)) {
        printf("%s\n", mysql_error(mysql));
        return 1;
    }
    by_column(!strstr(mysql_get_server_info(mysql), "Sealwire"));
    by_row();
    cursors();
    run("DROP TABLE bulk");
    mysql_close(mysql);
    return 0;
}

/* A prepared statement whose table gets other columns between its executions: altered HOST PORT USER PASSWORD CA. */
#include <mysql.h>
#include <errmsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 3

static MYSQL *mysql;
static char values[COLUMNS][32];

static void run(const char *sql) {
    if (mysql_query(mysql, sql))
        printf("%s: %u %s\n", sql, mysql_errno(mysql), mysql_error(mysql));
}

static void execute(MYSQL_STMT *statement, int stores) {
    int count;
    for (count = 0; count < COLUMNS; count++)
        strcpy(values[count], "old");
    int failed = mysql_stmt_execute(statement);
    printf("%d %u %s, %u columns", failed, mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement), mysql_stmt_field_count(statement));
    if (!failed) {
        if (stores)
            printf(", stored %d", mysql_stmt_store_result(statement));
        int fetched = mysql_stmt_fetch(statement);
        printf(", fetched %d: %s %s %s", fetched, values[0], values[1], values[2]);
    }
    printf("\n");
    mysql_stmt_free_result(statement);
}

static void play(unsigned long cursor, int stores) {
    MYSQL_BIND binds[COLUMNS];
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    static const char sql[] = "SELECT * FROM test.altered";
    int count;
    printf("cursor %lu, stores %d\n", cursor, stores);
    run("CREATE OR REPLACE TABLE test.altered (id INT, name VARCHAR(20), rights VARCHAR(20))");
    run("INSERT INTO test.altered VALUES (1, 'joe', 'none')");
    mysql_stmt_attr_set(statement, STMT_ATTR_CURSOR_TYPE, &cursor);
    if (mysql_stmt_prepare(statement, sql, strlen(sql)))
        printf("%s\n", mysql_stmt_error(statement));
    memset(binds, 0, sizeof binds);
    for (count = 0; count < COLUMNS; count++) {
        binds[count].buffer_type = MYSQL_TYPE_STRING;
        binds[count].buffer = values[count];
        binds[count].buffer_length = sizeof values[count];
    }
    mysql_stmt_bind_result(statement, binds);
    execute(statement, stores);
    run("UPDATE test.altered SET id = 2");
    run("ALTER TABLE test.altered DROP COLUMN name");
    execute(statement, stores);
    execute(statement, stores);
    run("ALTER TABLE test.altered ADD COLUMN x INT DEFAULT 99 FIRST, ADD COLUMN y INT DEFAULT 98 FIRST");
    execute(statement, stores);
    run("ALTER TABLE test.altered DROP COLUMN y");
    execute(statement, stores);
    run("ALTER TABLE test.altered MODIFY x DOUBLE");
    execute(statement, stores);
    run("DROP TABLE test.altered");
    printf("closed %d\n", mysql_stmt_close(statement));
    run("DO 1");
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
    play(CURSOR_TYPE_NO_CURSOR, 0);
    play(CURSOR_TYPE_NO_CURSOR, 1);
    play(CURSOR_TYPE_READ_ONLY, 0);
    mysql_close(mysql);
    return 0;
}

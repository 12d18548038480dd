/* Queries, results and prepared statements, in depth. Prints "values" where everything is as it should be. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MYSQL *mysql;

#define MUST(condition)                                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            printf("line %d: %s: %u %s\n", __LINE__, #condition, mysql_errno(mysql), mysql_error(mysql));                      \
            exit(1);                                                                                                           \
        }                                                                                                                      \
    } while (0)
#define MUST_STMT(condition)                                                                                                   \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            printf("line %d: %s: %u %s\n", __LINE__, #condition, mysql_stmt_errno(s), mysql_stmt_error(s));                    \
            exit(1);                                                                                                           \
        }                                                                                                                      \
    } while (0)

static int is_sealwired(void) { return strstr(mysql_get_server_info(mysql), "Sealwire") != NULL; }

static void run(const char *sql) { MUST(mysql_query(mysql, sql) == 0); }

static MYSQL_STMT *prepared(const char *sql) {
    MYSQL_STMT *s = mysql_stmt_init(mysql);
    MUST_STMT(mysql_stmt_prepare(s, sql, strlen(sql)) == 0);
    return s;
}

static void text_results(void) {
    run("SELECT 1 AS a, NULL AS b, 'x\\0y' AS c UNION ALL SELECT 22, 'bb', ''");
    MUST(mysql_field_count(mysql) == 3);
    MUST(mysql_query(mysql, "SELECT 1") != 0 && mysql_errno(mysql) == 2014);
    MYSQL_RES *result = mysql_store_result(mysql);
    MUST(result && mysql_num_rows(result) == 2 && mysql_affected_rows(mysql) == 2);
    MYSQL_FIELD *fields = mysql_fetch_fields(result);
    MUST(!strcmp(fields[0].name, "a") && fields[0].flags & NUM_FLAG && fields[0].max_length == 2 && fields[2].max_length == 3);
    MUST(mysql_fetch_field(result) == fields && mysql_field_tell(result) == 1 && mysql_field_seek(result, 0) == 1);
    MYSQL_ROW_OFFSET first = mysql_row_tell(result);
    MYSQL_ROW row = mysql_fetch_row(result);
    unsigned long *lengths = mysql_fetch_lengths(result);
    MUST(!strcmp(row[0], "1") && !row[1] && !memcmp(row[2], "x\0y", 4) && lengths[0] == 1 && lengths[1] == 0 && lengths[2] == 3);
    row = mysql_fetch_row(result);
    lengths = mysql_fetch_lengths(result);
    MUST(!strcmp(row[1], "bb") && !*row[2] && lengths[1] == 2 && lengths[2] == 0);
    MUST(!mysql_fetch_row(result) && !mysql_fetch_lengths(result));
    mysql_row_seek(result, first);
    MUST(!strcmp(mysql_fetch_row(result)[0], "1"));
    mysql_data_seek(result, 1);
    MUST(!strcmp(mysql_fetch_row(result)[0], "22"));
    mysql_data_seek(result, 7);
    MUST(!mysql_fetch_row(result));
    mysql_free_result(result);

    run("SELECT seq FROM (SELECT 1 AS seq UNION SELECT 2 UNION SELECT 3) AS t");
    result = mysql_use_result(mysql);
    MUST(mysql_fetch_row(result) && mysql_num_rows(result) == 1);
    MUST(mysql_ping(mysql) != 0 && mysql_errno(mysql) == 2014);
    mysql_free_result(result);
    MUST(mysql_ping(mysql) == 0);

    MUST(mysql_query(mysql, "SELEC") != 0 && mysql_errno(mysql) == 1064 && !strcmp(mysql_sqlstate(mysql), "42000"));
    MUST(!mysql_store_result(mysql) && mysql_ping(mysql) == 0 && mysql_errno(mysql) == 0);
}

static void changes(void) {
    run("CREATE TEMPORARY TABLE c (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT)");
    run("INSERT INTO c (t) VALUES ('a'), ('b')");
    MUST(mysql_affected_rows(mysql) == 2 && mysql_insert_id(mysql) == 1 && !mysql_store_result(mysql));
    MUST(mysql_info(mysql) && strstr(mysql_info(mysql), "Records: 2"));
    run("UPDATE c SET t = 'z' WHERE id = 2");
    MUST(mysql_affected_rows(mysql) == 1);
    char out[64], hex[16];
    MUST(mysql_real_escape_string(mysql, out, "a'b\\\n", 5) == 8 && !strcmp(out, "a\\'b\\\\\\n"));
    MUST(mysql_hex_string(hex, "\x01\xff", 2) == 4 && !strcmp(hex, "01FF"));
    run("DROP TABLE c");
}

/* The value of a row: every length up to 300, and NULL now and then. */
static int is_null(int n) { return n % 7 == 0; }
static int length_of(int n) { return n * 37 % 301; }

/* Rows that are read one by one, more than one read brings, to the end and up to the middle. */
static void many_rows(void) {
    enum { ROWS = 4000 };
    char *sql = malloc(ROWS * 320), *end = sql, text[301];
    memset(text, 'x', sizeof text);
    run("CREATE TEMPORARY TABLE r (n INT PRIMARY KEY, t VARCHAR(400))");
    end += sprintf(end, "INSERT INTO r VALUES ");
    for (int n = 0; n < ROWS; n++)
        end += is_null(n) ? sprintf(end, "(%d,NULL),", n) : sprintf(end, "(%d,'%.*s'),", n, length_of(n), text);
    end[-1] = 0;
    run(sql);
    free(sql);
    for (int last = ROWS; last > 0; last -= ROWS - 10) {
        run("SELECT n, t FROM r ORDER BY n");
        MYSQL_RES *result = mysql_use_result(mysql);
        for (int n = 0; n < last; n++) {
            MYSQL_ROW row = mysql_fetch_row(result);
            unsigned long *lengths = mysql_fetch_lengths(result);
            MUST(row && atoi(row[0]) == n && strlen(row[0]) == lengths[0] && (row[1] == NULL) == is_null(n));
            MUST(lengths[1] == (row[1] ? length_of(n) : 0) && (!row[1] || strlen(row[1]) == lengths[1]));
        }
        MUST(last < ROWS || !mysql_fetch_row(result));
        MUST(mysql_num_rows(result) == last);
        mysql_free_result(result);
        MUST(mysql_ping(mysql) == 0);

        MYSQL_STMT *s = prepared("SELECT n, t FROM r ORDER BY n");
        int number;
        unsigned long length;
        my_bool null;
        MYSQL_BIND binds[2];
        memset(binds, 0, sizeof binds);
        binds[0].buffer_type = MYSQL_TYPE_LONG, binds[0].buffer = &number;
        binds[1].buffer_type = MYSQL_TYPE_STRING, binds[1].buffer = text, binds[1].buffer_length = sizeof text;
        binds[1].length = &length, binds[1].is_null = &null;
        MUST(mysql_stmt_execute(s) == 0 && mysql_stmt_bind_result(s, binds) == 0);
        for (int n = 0; n < last; n++)
            MUST(mysql_stmt_fetch(s) == 0 && number == n && null == is_null(n) && (null || length == length_of(n)));
        MUST(last < ROWS || mysql_stmt_fetch(s) == MYSQL_NO_DATA);
        mysql_stmt_close(s);
        MUST(mysql_ping(mysql) == 0);
    }
    run("DROP TABLE r");
}

static void several_results(void) {
    MUST(mysql_set_server_option(mysql, MYSQL_OPTION_MULTI_STATEMENTS_ON) == 0);
    run("SELECT 1; SET @x = 1; SELECT 2");
    int count = 0, more;
    do {
        MYSQL_RES *result = mysql_store_result(mysql);
        if (result)
            count += atoi(mysql_fetch_row(result)[0]);
        mysql_free_result(result);
        more = mysql_next_result(mysql);
    } while (more == 0);
    MUST(more == -1 && count == 3 && !mysql_more_results(mysql));
    run("SELECT 1; SELEC");
    mysql_free_result(mysql_store_result(mysql));
    MUST(mysql_next_result(mysql) > 0 && mysql_errno(mysql) == 1064);
    run("SELECT 5");
    mysql_free_result(mysql_store_result(mysql));
}

static void types(void) {
    run("CREATE TEMPORARY TABLE v (a TINYINT, b SMALLINT UNSIGNED, c INT, d BIGINT UNSIGNED, e FLOAT, f DOUBLE, g DECIMAL(10,3), "
        "h DATE, i TIME(6), j DATETIME(6), k YEAR, l VARCHAR(100), m BLOB, n BIT(8))");
    MYSQL_STMT *s = prepared("INSERT INTO v VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    MUST(mysql_stmt_param_count(s) == 14 && mysql_stmt_field_count(s) == 0 && !mysql_stmt_result_metadata(s));
    MUST(mysql_stmt_execute(s) != 0 && mysql_stmt_errno(s) == 2031);
    signed char a = -5;
    unsigned short b = 65535;
    int c = -70000, year = 2026;
    unsigned long long d = 18446744073709551615ULL;
    float e = 1.5f;
    double f = -2.25e10;
    MYSQL_TIME date = {2026, 11, 29, 0, 0, 0, 0, 0, MYSQL_TIMESTAMP_DATE};
    MYSQL_TIME time = {0, 0, 0, 100, 5, 6, 789000, 1, MYSQL_TIMESTAMP_TIME};
    MYSQL_TIME moment = {2026, 11, 29, 8, 30, 1, 123456, 0, MYSQL_TIMESTAMP_DATETIME};
    unsigned long text_length = 4, blob_length = 0;
    my_bool is_null = 0;
    MYSQL_BIND p[14];
    memset(p, 0, sizeof p);
    p[0].buffer_type = MYSQL_TYPE_TINY, p[0].buffer = &a;
    p[1].buffer_type = MYSQL_TYPE_SHORT, p[1].buffer = &b, p[1].is_unsigned = 1;
    p[2].buffer_type = MYSQL_TYPE_LONG, p[2].buffer = &c;
    p[3].buffer_type = MYSQL_TYPE_LONGLONG, p[3].buffer = &d, p[3].is_unsigned = 1;
    p[4].buffer_type = MYSQL_TYPE_FLOAT, p[4].buffer = &e;
    p[5].buffer_type = MYSQL_TYPE_DOUBLE, p[5].buffer = &f;
    p[6].buffer_type = MYSQL_TYPE_NEWDECIMAL, p[6].buffer = "12.345", p[6].buffer_length = 6;
    p[7].buffer_type = MYSQL_TYPE_DATE, p[7].buffer = &date;
    p[8].buffer_type = MYSQL_TYPE_TIME, p[8].buffer = &time;
    p[9].buffer_type = MYSQL_TYPE_DATETIME, p[9].buffer = &moment;
    p[10].buffer_type = MYSQL_TYPE_LONG, p[10].buffer = &year;
    p[11].buffer_type = MYSQL_TYPE_STRING, p[11].buffer = "text and more", p[11].length = &text_length, p[11].is_null = &is_null;
    p[12].buffer_type = MYSQL_TYPE_BLOB, p[12].length = &blob_length;
    p[13].buffer_type = MYSQL_TYPE_LONG, p[13].buffer = &year;
    int bits = 200;
    p[13].buffer = &bits;
    MUST_STMT(mysql_stmt_bind_param(s, p) == 0);
    memset(p, 255, sizeof p);
    MUST_STMT(mysql_stmt_send_long_data(s, 12, "long ", 5) == 0 && mysql_stmt_send_long_data(s, 12, "data\0!", 6) == 0);
    MUST(mysql_stmt_send_long_data(s, 14, "", 0) != 0 && mysql_stmt_errno(s) == 2034);
    MUST_STMT(mysql_stmt_execute(s) == 0);
    MUST(mysql_stmt_affected_rows(s) == 1);
    MUST_STMT(mysql_stmt_close(s) == 0);

    s = prepared("SELECT * FROM v");
    MYSQL_RES *metadata = mysql_stmt_result_metadata(s);
    MUST(metadata && mysql_num_fields(metadata) == 14 && !strcmp(mysql_fetch_fields(metadata)[11].name, "l"));
    mysql_free_result(metadata);
    MUST_STMT(mysql_stmt_execute(s) == 0);
    long long numbers[14];
    char text[14][40];
    unsigned long lengths[14];
    my_bool nulls[14], errors[14];
    MYSQL_BIND r[14];
    memset(r, 0, sizeof r);
    for (int i = 0; i < 14; i++)
        r[i].buffer_type = MYSQL_TYPE_STRING, r[i].buffer = text[i], r[i].buffer_length = sizeof text[i], r[i].length = &lengths[i],
        r[i].is_null = &nulls[i], r[i].error = &errors[i];
    r[11].buffer_length = 2;
    MUST_STMT(mysql_stmt_bind_result(s, r) == 0);
    MUST_STMT(mysql_stmt_fetch(s) == MYSQL_DATA_TRUNCATED);
    const char *expected[14] = {"-5", "65535", "-70000", "18446744073709551615", "1.5", "-22500000000", "12.345", "2026-11-29",
                                "-100:05:06.789000", "2026-11-29 08:30:01.123456", "2026", NULL, "long data", NULL};
    for (int i = 0; i < 14; i++)
        if (expected[i] && strcmp(text[i], expected[i])) {
            printf("column %d is '%s', not '%s'\n", i, text[i], expected[i]);
            exit(1);
        }
    MUST(!memcmp(text[11], "te", 2) && lengths[11] == 4 && errors[11] == 1 && lengths[12] == 11 && !memcmp(text[12], "long data\0!", 11));
    /* sealwired's BIT is a number. */
    MUST(is_sealwired() || (lengths[13] == 1 && (unsigned char)text[13][0] == 200));
    char rest[8];
    MYSQL_BIND one;
    memset(&one, 0, sizeof one);
    one.buffer_type = MYSQL_TYPE_STRING, one.buffer = rest, one.buffer_length = sizeof rest, one.length = &lengths[0];
    MUST_STMT(mysql_stmt_fetch_column(s, &one, 11, 2) == 0);
    MUST(!strcmp(rest, "xt") && lengths[0] == 4);
    MUST(mysql_stmt_fetch(s) == MYSQL_NO_DATA);

    my_bool measured = 1;
    metadata = mysql_stmt_result_metadata(s);
    MUST_STMT(mysql_stmt_attr_set(s, STMT_ATTR_UPDATE_MAX_LENGTH, &measured) == 0);
    MUST_STMT(mysql_stmt_execute(s) == 0);
    for (int i = 0; i < 14; i++) {
        memset(&r[i], 0, sizeof r[i]);
        r[i].buffer_type = MYSQL_TYPE_LONGLONG, r[i].buffer = &numbers[i], r[i].error = &errors[i];
    }
    r[3].is_unsigned = 1;
    MYSQL_TIME back[3];
    for (int i = 7; i < 10; i++)
        r[i].buffer_type = i == 7 ? MYSQL_TYPE_DATE : i == 8 ? MYSQL_TYPE_TIME : MYSQL_TYPE_DATETIME, r[i].buffer = &back[i - 7];
    r[5].buffer_type = MYSQL_TYPE_TINY;
    MUST_STMT(mysql_stmt_bind_result(s, r) == 0);
    MUST_STMT(mysql_stmt_store_result(s) == 0 && mysql_stmt_num_rows(s) == 1);
    /* ruby-mysql2 takes the columns before the rows, and makes room by these lengths. */
    MUST(mysql_fetch_fields(metadata)[12].max_length == 11 && mysql_fetch_fields(metadata)[0].max_length == 2);
    mysql_free_result(metadata);
    MUST_STMT(mysql_stmt_fetch(s) == MYSQL_DATA_TRUNCATED);
    MUST(numbers[0] == -5 && numbers[1] == 65535 && numbers[2] == -70000 && (unsigned long long)numbers[3] == d);
    MUST(numbers[4] == 1 && errors[4] == 0 && errors[5] == 1 && numbers[6] == 12 && errors[6] == 1 && numbers[10] == 2026);
    MUST(back[0].year == 2026 && back[0].month == 11 && back[0].day == 29 && back[0].time_type == MYSQL_TIMESTAMP_DATE);
    MUST(back[1].hour == 100 && back[1].neg == 1 && back[1].second_part == 789000);
    MUST(back[2].hour == 8 && back[2].second_part == 123456 && back[2].time_type == MYSQL_TIMESTAMP_DATETIME);
    mysql_stmt_data_seek(s, 0);
    MUST(mysql_stmt_fetch(s) == MYSQL_DATA_TRUNCATED && mysql_stmt_fetch(s) == MYSQL_NO_DATA);
    MUST_STMT(mysql_stmt_free_result(s) == 0 && mysql_stmt_reset(s) == 0);
    MUST_STMT(mysql_stmt_close(s) == 0);
    run("DROP TABLE v");
}

static void unread_rows(void) {
    MYSQL_STMT *s = prepared("SELECT 1 UNION SELECT 2 UNION SELECT 3");
    int number = 0;
    MYSQL_BIND r;
    memset(&r, 0, sizeof r);
    r.buffer_type = MYSQL_TYPE_LONG, r.buffer = &number;
    MUST_STMT(mysql_stmt_bind_result(s, &r) == 0 && mysql_stmt_execute(s) == 0 && mysql_stmt_fetch(s) == 0 && number == 1);
    MUST(mysql_query(mysql, "SELECT 1") != 0 && mysql_errno(mysql) == 2014);
    MUST_STMT(mysql_stmt_execute(s) == 0 && mysql_stmt_fetch(s) == 0 && number == 1);
    MUST_STMT(mysql_stmt_free_result(s) == 0);
    run("SET @y = 1");
    unsigned long cursor = CURSOR_TYPE_READ_ONLY;
    MUST_STMT(mysql_stmt_attr_set(s, STMT_ATTR_CURSOR_TYPE, &cursor) == 0 && mysql_stmt_execute(s) == 0);
    run("SET @y = 2");
    MUST_STMT(mysql_stmt_fetch(s) == 0 && mysql_stmt_fetch(s) == 0 && number == 2);
    MUST_STMT(mysql_stmt_close(s) == 0);
    s = mysql_stmt_init(mysql);
    MUST(mysql_stmt_execute(s) != 0 && mysql_stmt_errno(s) == 2030);
    MUST(mysql_stmt_prepare(s, "SELEC", 5) != 0 && mysql_stmt_errno(s) == 1064 && !strcmp(mysql_stmt_sqlstate(s), "42000"));
    mysql_stmt_close(s);
}

/* PowerDNS drops each result of an execution, and then asks for the next one. */
static void dropped_results(void) {
    run("DROP PROCEDURE IF EXISTS two_results");
    run("CREATE PROCEDURE two_results() BEGIN SELECT 1; SELECT 2; END");
    for (int stored = 0; stored < 2; stored++) {
        MYSQL_STMT *s = prepared("SELECT 1");
        MUST_STMT(mysql_stmt_execute(s) == 0 && (!stored || mysql_stmt_store_result(s) == 0));
        MUST_STMT(mysql_stmt_free_result(s) == 0 && s->state == 6 /* fetched */);
        MUST_STMT(mysql_stmt_next_result(s) == -1 && mysql_stmt_fetch(s) == MYSQL_NO_DATA);
        MUST_STMT(mysql_stmt_execute(s) == 0 && mysql_stmt_fetch(s) == 0 && mysql_stmt_close(s) == 0);
        s = prepared("DO 1");
        MUST_STMT(mysql_stmt_execute(s) == 0 && mysql_stmt_free_result(s) == 0 && mysql_stmt_next_result(s) == -1);
        MUST_STMT(mysql_stmt_close(s) == 0);
        s = prepared("CALL two_results()");
        MUST_STMT(mysql_stmt_execute(s) == 0 && (!stored || mysql_stmt_store_result(s) == 0));
        MUST_STMT(mysql_stmt_free_result(s) == 0 && mysql_stmt_next_result(s) == 0);
        MUST_STMT(mysql_stmt_store_result(s) == 0 && mysql_stmt_num_rows(s) == 1 && mysql_stmt_free_result(s) == 0);
        MUST_STMT(mysql_stmt_next_result(s) == 0 && mysql_stmt_field_count(s) == 0);
        MUST_STMT(mysql_stmt_next_result(s) == -1 && mysql_stmt_close(s) == 0);
    }
    run("DROP PROCEDURE two_results");
}

static void session(void) {
    MY_CHARSET_INFO info;
    MUST(!strcmp(mysql_character_set_name(mysql), "utf8mb4") && mysql_set_character_set(mysql, "latin1") == 0);
    mysql_get_character_set_info(mysql, &info);
    MUST(info.number == 8 && info.mbmaxlen == 1 && mysql_set_character_set(mysql, "klingon") != 0 && mysql_errno(mysql) == 2019);
    MUST(mysql_set_character_set(mysql, "utf8mb4") == 0);
    char out[16];
    run("SET NAMES binary");
    MUST(!strcmp(mysql_character_set_name(mysql), "binary") && mysql_real_escape_string(mysql, out, "\xe9'", 2) == 3);
    if (!is_sealwired()) {
        run("SET NAMES gbk");
        MUST(!strcmp(mysql_character_set_name(mysql), "gbk") && mysql_real_escape_string(mysql, out, "\xbf\x5c'", 3) == 4);
    }
    run("SET NAMES utf8mb4");
    MUST(!strcmp(mysql_character_set_name(mysql), "utf8mb4") && mysql_real_escape_string(mysql, out, "\xe9'", 2) == 4);
    MUST(mysql_stat(mysql) && strstr(mysql_stat(mysql), "Uptime"));
    MUST(mysql_autocommit(mysql, 0) == 0 && !(mysql->server_status & SERVER_STATUS_AUTOCOMMIT) && mysql_rollback(mysql) == 0);
    MUST(mysql_autocommit(mysql, 1) == 0 && mysql_commit(mysql) == 0);
    MUST(mysql_get_server_version(mysql) > 80000 && mysql_get_proto_info(mysql) == 10 && mysql_thread_id(mysql) > 0);
    unsigned long id = mysql_thread_id(mysql);
    MUST(mysql_reset_connection(mysql) == 0 && mysql_thread_id(mysql) == id);
    unsigned timeout = 7, back = 0;
    MUST(mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &timeout) == 0 && mysql_get_option(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &back) == 0);
    MUST(back == 7 && mysql->options.connect_timeout == 7);
    MUST(mysql_send_query(mysql, "SELECT 9", 8) == 0 && mysql_read_query_result(mysql) == 0);
    MYSQL_RES *result = mysql_store_result(mysql);
    MUST(!strcmp(mysql_fetch_row(result)[0], "9"));
    mysql_free_result(result);
}

static int opened, closed;

static int begin(void **data, const char *name, void *rows) {
    opened += !strcmp(name, "/from/the/program");
    *data = rows;
    return 0;
}

static int give(void *data, char *to, unsigned room) {
    const char **rows = data;
    unsigned length = *rows ? (unsigned)strlen(*rows) : 0;
    if (length > room)
        return -1;
    memcpy(to, length ? *rows : "", length);
    *rows = NULL;
    return (int)length;
}

static void finish(void *data) { closed += data != NULL; }

static int refuse(void *data, char *to, unsigned room) {
    snprintf(to, room, "no file");
    return data ? 77 : 78;
}

static int fail(void **data, const char *name, void *rows) {
    *data = rows;
    return name != NULL;
}

static void local_files(void) {
    char path[] = "/tmp/sealwire-capi-XXXXXX", sql[200];
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("1\tone\n2\ttwo\n", file);
    fclose(file);
    run("CREATE TEMPORARY TABLE l (a INT, b TEXT)");
    snprintf(sql, sizeof sql, "LOAD DATA LOCAL INFILE '%s' INTO TABLE l", path);
    run(sql);
    MUST(mysql_affected_rows(mysql) == 2 && mysql_info(mysql) && strstr(mysql_info(mysql), "Records: 2"));
    remove(path);
    MUST(mysql_query(mysql, sql) != 0 && mysql_errno(mysql) == 2 && strstr(mysql_error(mysql), path));
    const char *rows = "3\tthree\n";
    mysql_set_local_infile_handler(mysql, begin, give, finish, refuse, &rows);
    run("LOAD DATA LOCAL INFILE '/from/the/program' INTO TABLE l");
    MUST(mysql_affected_rows(mysql) == 1 && opened == 1 && closed == 1);
    mysql_set_local_infile_handler(mysql, fail, give, finish, refuse, &rows);
    MUST(mysql_query(mysql, "LOAD DATA LOCAL INFILE '/no' INTO TABLE l") != 0);
    MUST(mysql_errno(mysql) == 77 && !strcmp(mysql_error(mysql), "no file") && closed == 2);
    mysql_set_local_infile_default(mysql);
    run("SELECT COUNT(*) FROM l");
    MYSQL_RES *result = mysql_store_result(mysql);
    MUST(!strcmp(mysql_fetch_row(result)[0], "3"));
    mysql_free_result(result);
}

/* values HOST PORT USER PASSWORD CA DATABASE */
int main(int count, char **words) {
    if (count < 7)
        return 2;
    mysql = mysql_init(NULL);
    mysql_ssl_set(mysql, NULL, NULL, words[5], NULL, NULL);
    MUST(mysql_real_connect(mysql, words[1], words[3], words[4], words[6], atoi(words[2]), NULL, 0));
    MUST(mysql_get_ssl_cipher(mysql) != NULL);
    text_results();
    changes();
    many_rows();
    several_results();
    types();
    unread_rows();
    /* sealwired has no procedures. */
    if (!is_sealwired()) dropped_results();
    session();
    /* sealwired has no LOAD DATA. */
    if (!is_sealwired()) local_files();
    mysql_close(mysql);
    mysql_server_end();
    puts("values");
    return 0;
}

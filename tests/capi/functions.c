/* What functions answer that few programs call: run with MariaDB's library and with ours, the lines are the same. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run(MYSQL *mysql, const char *sql) {
    int failed = mysql_query(mysql, sql);
    printf("%s: %d %u", sql, failed, mysql_errno(mysql));
    MYSQL_RES *result = mysql_store_result(mysql);
    MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;
    if (row)
        printf(" %s", row[0] ? row[0] : "NULL");
    mysql_free_result(result);
    /* With MariaDB's library the changes of the statement before are still there after one that has rows. */
    for (int type = row ? 6 : 0; type <= SESSION_TRACK_TRANSACTION_STATE; type++) {
        const char *data;
        size_t length;
        if (mysql_session_track_get_first(mysql, (enum enum_session_state_type)type, &data, &length))
            continue;
        do
            printf(" [%d %.*s]", type, (int)length, data);
        while (!mysql_session_track_get_next(mysql, (enum enum_session_state_type)type, &data, &length));
    }
    printf("\n");
}

/* The number is read after the call, because C evaluates arguments in any order. */
static void report(const char *what, int failed, MYSQL *mysql) {
    printf("%s: %d %u %s\n", what, failed, mysql_errno(mysql), mysql_sqlstate(mysql));
}

static void tracking(MYSQL *mysql) {
    run(mysql, "SET SESSION session_track_schema=1, session_track_state_change=1, session_track_transaction_info='CHARACTERISTICS'");
    run(mysql, "SET SESSION session_track_system_variables='autocommit,character_set_client,time_zone'");
    run(mysql, "USE test");
    run(mysql, "SET autocommit=0");
    run(mysql, "SET autocommit=1, time_zone='+01:00'");
    run(mysql, "SET NAMES latin1");
    printf("%s\n", mysql_character_set_name(mysql));
    run(mysql, "SET NAMES utf8mb4");
    run(mysql, "START TRANSACTION READ ONLY");
    run(mysql, "SELECT 1");
    run(mysql, "COMMIT");
    run(mysql, "CREATE TEMPORARY TABLE tracked (a INT)");
    run(mysql, "DROP TEMPORARY TABLE tracked");
    printf("%d\n", mysql_select_db(mysql, "mysql"));
    run(mysql, "SELECT DATABASE()");
}

struct source {
    int left, fails;
};

static int open_source(void **source, const char *name, void *wanted) {
    *source = wanted;
    printf("(open %s)", name);
    return ((struct source *)wanted)->fails == 1;
}

static int read_source(void *source, char *buffer, unsigned int room) {
    struct source *from = source;
    if (from->fails == 2)
        return -1;
    if (!from->left || room < 4)
        return 0;
    from->left--;
    memcpy(buffer, "7\n8\n", 4);
    return 4;
}

static void close_source(void *source) { printf("(close)"); }

static int explain(void *source, char *buffer, unsigned int room) {
    snprintf(buffer, room, "the source %d is broken", ((struct source *)source)->fails);
    return 4711;
}

static void load(MYSQL *mysql, const char *sql) {
    int failed = mysql_query(mysql, sql);
    printf(" %d %u %s", failed, mysql_errno(mysql), mysql_errno(mysql) == 4711 ? mysql_error(mysql) : "");
    printf(" %lld\n", failed ? -1LL : (long long)mysql_affected_rows(mysql));
}

static void files(MYSQL *mysql) {
    run(mysql, "CREATE TEMPORARY TABLE test.loaded (a INT)");
    const char *sql = "LOAD DATA LOCAL INFILE 'any name' INTO TABLE test.loaded";
    for (int fails = 0; fails < 3; fails++) {
        struct source source = {2, fails};
        mysql_set_local_infile_handler(mysql, open_source, read_source, close_source, explain, &source);
        load(mysql, sql);
    }
    mysql_set_local_infile_default(mysql);
    load(mysql, "LOAD DATA LOCAL INFILE '/dev/null' INTO TABLE test.loaded");
    printf("%d\n", mysql_query(mysql, "LOAD DATA LOCAL INFILE '/nonexistent/none' INTO TABLE test.loaded"));
    run(mysql, "SELECT COUNT(*) FROM test.loaded");
}

static void users(MYSQL *mysql, const char *user, const char *password) {
    run(mysql, "SET @kept = 5");
    report("change user", mysql_change_user(mysql, user, password, "test"), mysql);
    run(mysql, "SELECT DATABASE()");
    run(mysql, "SELECT @kept");
    report("change user", mysql_change_user(mysql, user, password, NULL), mysql);
    run(mysql, "SELECT DATABASE()");
    printf("%s\n", mysql_character_set_name(mysql));
    report("change user", mysql_change_user(mysql, user, "wrong", NULL), mysql);
}

static void commands(MYSQL *mysql) {
    report("debug", mysql_dump_debug_info(mysql), mysql);
    for (unsigned bit = 1; bit < 64; bit *= 2)
        report("refresh", mysql_refresh(mysql, bit), mysql);
    report("refresh two", mysql_refresh(mysql, 1 + 2), mysql);
    report("refresh two", mysql_refresh(mysql, 2 + 16), mysql);
    report("refresh all but 128", mysql_refresh(mysql, 127), mysql);
    MYSQL_RES *processes = mysql_list_processes(mysql);
    printf("processes %d\n", processes && mysql_num_rows(processes) > 0);
    mysql_free_result(processes);
}

/* An account without privileges for them. */
static void forbidden(MYSQL *mysql, char **words) {
    run(mysql, "CREATE USER poor@'%' IDENTIFIED BY 'pw'");
    MYSQL *poor = mysql_init(NULL);
    if (*words[5])
        mysql_ssl_set(poor, NULL, NULL, words[5], NULL, NULL);
    printf("%d\n", mysql_real_connect(poor, words[1], "poor", "pw", NULL, atoi(words[2]), NULL, 0) != NULL);
    report("debug", mysql_dump_debug_info(poor), poor);
    report("refresh", mysql_refresh(poor, 1), poor);
    report("refresh", mysql_refresh(poor, 16 + 32), poor);
    mysql_close(poor);
    run(mysql, "DROP USER poor@'%'");
}

static void plugins(MYSQL *mysql) {
    struct st_mysql_client_plugin *plugin = mysql_client_find_plugin(mysql, "mysql_native_password", MYSQL_CLIENT_AUTHENTICATION_PLUGIN);
    printf("%s %d\n", plugin ? plugin->name : "NULL", plugin ? plugin->type : -1);
    plugin = mysql_client_find_plugin(mysql, "no_such_plugin", MYSQL_CLIENT_AUTHENTICATION_PLUGIN);
    printf("%d %u\n", plugin != NULL, mysql_errno(mysql));
    plugin = mysql_load_plugin(mysql, "mysql_native_password", MYSQL_CLIENT_AUTHENTICATION_PLUGIN, 0);
    printf("%d %u\n", plugin != NULL, mysql_errno(mysql));
}

static void facts(MYSQL *mysql) {
    const char *text = "";
    unsigned number = 77;
    size_t size = 77;
    int socket = 77;
    const char **errors = NULL;
    MARIADB_CHARSET_INFO *charset = NULL;
    static const int texts[] = {8, 10, 11, 15, 16, 20, 21, 23, 26, 27}, numbers[] = {9, 13, 14, 24, 25};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int failed = mariadb_get_infov(mysql, (enum mariadb_value)texts[i], &text);
        printf("%d %d %s\n", texts[i], failed, text ? text : "NULL");
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int failed = mariadb_get_infov(mysql, (enum mariadb_value)numbers[i], &number);
        printf("%d %d %u\n", numbers[i], failed, number);
    }
    mariadb_get_infov(mysql, MARIADB_CONNECTION_SERVER_VERSION_ID, &size);
    printf("version %d\n", size == mysql_get_server_version(mysql));
    mariadb_get_infov(mysql, MARIADB_CONNECTION_SOCKET, &socket);
    printf("socket %d\n", socket == mysql_get_socket(mysql));
    mariadb_get_infov(NULL, MARIADB_CLIENT_ERRORS, &errors);
    printf("errors %d\n", errors && strstr(errors[6], "gone away") != NULL);
    mariadb_get_infov(NULL, MARIADB_CHARSET_ID, &charset, 8);
    printf("charset %s\n", charset ? charset->csname : "NULL");
    mariadb_get_infov(NULL, MARIADB_CHARSET_NAME, &charset, "gbk");
    printf("charset %u\n", charset ? charset->nr : 0);
    mariadb_get_infov(mysql, MARIADB_CONNECTION_BYTES_READ, &size);
    printf("read %d\n", size > 100);
    printf("unknown %d\n", mariadb_get_infov(mysql, (enum mariadb_value)9999, &text) != 0);
}

static void attributes(MYSQL *mysql) {
    char *names[4] = {0}, *values[4] = {0}, **to_names = names, **to_values = values;
    unsigned count = 9;
    mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "first", "1");
    mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "second", "2");
    mysql_options(mysql, MYSQL_OPT_CONNECT_ATTR_DELETE, "first");
    printf("%d", mysql_get_optionv(mysql, MYSQL_OPT_CONNECT_ATTRS, NULL, NULL, &count));
    printf(" %u", count);
    mysql_get_optionv(mysql, MYSQL_OPT_CONNECT_ATTRS, &to_names, &to_values, &count);
    for (unsigned i = 0; i < count && i < 4; i++)
        printf(" %s=%s", names[i], values[i]);
    printf("\n");
}

/* functions HOST PORT USER PASSWORD CA [commands] */
int main(int count, char **words) {
    MYSQL *mysql = mysql_init(NULL);
    if (count < 6)
        return 2;
    attributes(mysql);
    if (*words[5])
        mysql_ssl_set(mysql, NULL, NULL, words[5], NULL, NULL);
    if (!mysql_real_connect(mysql, words[1], words[3], words[4], NULL, atoi(words[2]), NULL, 0)) {
        printf("%u %s\n", mysql_errno(mysql), mysql_error(mysql));
        return 1;
    }
    if (count > 6) {
        commands(mysql);
        forbidden(mysql, words);
        mysql_close(mysql);
        return 0;
    }
    facts(mysql);
    tracking(mysql);
    files(mysql);
    commands(mysql);
    forbidden(mysql, words);
    plugins(mysql);
    users(mysql, words[3], words[4]);
    mysql_close(mysql);
    return 0;
}

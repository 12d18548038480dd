/* The functions behind MYSQL.methods, and a statement's callbacks: methods HOST PORT USER PASSWORD CA [all]. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 3

static MYSQL *mysql;

/* The driver of Python: the values of a row are set while the request is made. */
struct row {
    char text[16];
    int number;
    char indicator;
};
static struct row rows[ROWS] = {{"one", 1, STMT_INDICATOR_NONE}, {"", 2, STMT_INDICATOR_NULL}, {"three", 3, STMT_INDICATOR_NONE}};
static unsigned asked;

static my_bool give(void *data, MYSQL_BIND *binds, unsigned int number) {
    struct row *row = &((struct row *)data)[number];
    unsigned long extended = 0;
    mariadb_get_infov(mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &extended);
    asked += (extended & 4) != 0;
    if (number == ROWS)
        return 1;
    binds[0].buffer = &row->number;
    binds[1].buffer = row->text;
    binds[1].buffer_length = strlen(row->text);
    binds[1].u.indicator = &row->indicator;
    return 0;
}

static void take(void *data, unsigned int column, unsigned char **row) {
    int number;
    if (!row) {
        printf("%u NULL, ", column);
    } else if (column == 0) {
        memcpy(&number, *row, sizeof number);
        *row += sizeof number;
        printf("%u %s %d, ", column, (char *)data, number);
    } else {
        unsigned long length = mysql_net_field_length(row);
        printf("%u '%.*s', ", column, (int)length, (char *)*row);
        *row += length;
    }
}

static void told(const char *what, int answer) {
    printf("%s: %d %u %s\n", what, answer, mysql_errno(mysql), mysql_error(mysql));
}

static void show(const char *sql) {
    MYSQL_RES *result;
    MYSQL_ROW row;
    if (mysql_send_query(mysql, sql, strlen(sql)) || mysql->methods->db_read_query_result(mysql))
        return told(sql, 1);
    result = mysql_store_result(mysql);
    while ((row = mysql_fetch_row(result)))
        printf("%s %s; ", row[0], row[1] ? row[1] : "NULL");
    printf("%u rows\n", (unsigned)mysql_num_rows(result));
    mysql_free_result(result);
}

static void rows_by_callback(unsigned array_size, int direct) {
    static const char sql[] = "INSERT INTO test.methods VALUES (?, ?)";
    MYSQL_BIND binds[2];
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    unsigned count = 2;
    size_t length = 0;
    memset(binds, 0, sizeof binds);
    binds[0].buffer_type = MYSQL_TYPE_LONG;
    binds[1].buffer_type = MYSQL_TYPE_STRING;
    if (!direct)
        mysql_stmt_prepare(statement, sql, strlen(sql));
    else
        mysql_stmt_attr_set(statement, STMT_ATTR_PREBIND_PARAMS, &count);
    mysql_stmt_attr_set(statement, STMT_ATTR_CB_USER_DATA, rows);
    mysql_stmt_attr_set(statement, STMT_ATTR_CB_PARAM, give);
    mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &array_size);
    int bound = mysql_stmt_bind_param(statement, binds);
    asked = 0;
    unsigned char *request = mysql->methods->db_execute_generate_request(statement, &length, 1);
    printf("bound %d, request %d of %u, asked %u\n", bound, request != NULL, (unsigned)length, asked);
    if (request) {
        /* The request has its own values. */
        rows[0].text[0] = 'O';
        int failed = direct ? mariadb_stmt_execute_direct(statement, sql, strlen(sql)) : mysql_stmt_execute(statement);
        printf("%d %u, %u rows\n", failed, mysql_stmt_errno(statement), (unsigned)mysql_stmt_affected_rows(statement));
        rows[0].text[0] = 'o';
        /* Without a request the values are asked for. */
        asked = 0;
        failed = mysql_stmt_execute(statement);
        printf("%d %u, %u rows, asked %u\n", failed, mysql_stmt_errno(statement), (unsigned)mysql_stmt_affected_rows(statement), asked);
    } else {
        printf("%u\n", mysql_stmt_errno(statement));
    }
    mysql_stmt_close(statement);
    show("SELECT * FROM test.methods");
    mysql_query(mysql, "DELETE FROM test.methods");
}

static void early(int is_ours) {
    static const char sql[] = "SELECT number, name FROM test.methods WHERE number >= ? ORDER BY number";
    MYSQL_BIND bind;
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    unsigned count = 1;
    int least = 2, fetched;
    size_t length = 0;
    show("INSERT INTO test.methods VALUES (1, 'one'), (2, NULL), (3, 'three') RETURNING *");
    memset(&bind, 0, sizeof bind);
    bind.buffer_type = MYSQL_TYPE_LONG;
    bind.buffer = &least;
    printf("unknown %d %u\n", mysql_stmt_bind_param(statement, &bind), mysql_stmt_errno(statement) != 0);
    mysql_stmt_attr_set(statement, STMT_ATTR_PREBIND_PARAMS, &count);
    printf("known %d\n", mysql_stmt_bind_param(statement, &bind));
    unsigned char *request = mysql->methods->db_execute_generate_request(statement, &length, 1);
    printf("request %d of %u, to %u\n", request != NULL, (unsigned)length, request ? request[length - 4] : 0);
    least = 3;
    printf("executed %d\n", mariadb_stmt_execute_direct(statement, sql, strlen(sql)));
    mysql_stmt_attr_set(statement, STMT_ATTR_CB_USER_DATA, "seen");
    mysql_stmt_attr_set(statement, STMT_ATTR_CB_RESULT, take);
    while (!(fetched = mysql_stmt_fetch(statement)))
        printf("row\n");
    printf("%d\n", fetched);
    /* Anew, and stored. */
    printf("executed %d\n", mysql_stmt_execute(statement));
    printf("stored %d\n", mysql_stmt_store_result(statement));
    mysql_stmt_data_seek(statement, 0);
    while (!(fetched = mysql_stmt_fetch(statement)))
        printf("row\n");
    mysql_stmt_attr_set(statement, STMT_ATTR_CB_RESULT, NULL);
    if (is_ours) {
        /* After another number of parameters than was announced the original reads the wrong answers. */
        count = 2;
        mysql_stmt_attr_set(statement, STMT_ATTR_PREBIND_PARAMS, &count);
        printf("other number %d", mysql_stmt_prepare(statement, sql, strlen(sql)));
        printf(" %u\n", mysql_stmt_errno(statement));
    }
    printf("closed %d\n", mysql_stmt_close(statement));
}

int main(int count, char **words) {
    mysql = mysql_init(NULL);
    if (count < 6)
        return 2;
    const struct st_mariadb_methods *methods = mysql->methods;
    mysql_ssl_set(mysql, NULL, NULL, words[5], NULL, NULL);
    if (!mysql_real_connect(mysql, words[1], words[3], words[4], "test", (unsigned)atoi(words[2]), NULL, 0)) {
        printf("%s\n", mysql_error(mysql));
        return 1;
    }
    mysql_query(mysql, "CREATE OR REPLACE TABLE test.methods (number INT, name VARCHAR(20))");
    rows_by_callback(ROWS, 0);
    rows_by_callback(ROWS, 1);
    rows_by_callback(ROWS + 1, 1);
    early(count > 6);
    int type, known = 0;
    /* Without VARCHAR, NEWDATE, ENUM and SET. */
    for (type = 0; type < 256; type++)
        known += type != 14 && type != 15 && type != 247 && type != 248 && methods->db_supported_buffer_type(type) ? type : 0;
    printf("types %d\n", known);
    told("command", methods->db_command(mysql, COM_QUERY, "SELECT 1, 2", 11, 1, NULL));
    told("answer", methods->db_read_query_result(mysql));
    if (count > 6)
        methods->db_skip_result(mysql);
    else
        mysql_free_result(mysql_store_result(mysql));
    told("ping", mysql_ping(mysql));
    methods->set_error(mysql, 2013, "HY000", "no arguments");
    told("error", 0);
    methods->set_error(mysql, 1, "42000", NULL);
    printf("%u %s\n", mysql_errno(mysql), mysql_sqlstate(mysql));
    MYSQL_STMT *statement = mysql_stmt_init(mysql);
    if (count > 6) {
        /* Where the original has what this library has not. */
        printf("absent %d", methods->db_stmt_fetch(statement, NULL, NULL));
        printf(" %u", mysql_stmt_errno(statement));
        printf(", %d", methods->db_command(mysql, (enum enum_server_command)99, NULL, 0, 1, NULL));
        printf(" %u\n", mysql_errno(mysql));
    }
    methods->invalidate_stmts(mysql, "a test");
    printf("invalid %u %d\n", mysql_stmt_errno(statement), statement->mysql == NULL);
    mysql_stmt_close(statement);
    const struct st_mariadb_api *api = methods->api;
#define SAME(name) if (api->name != name) \
    printf("another " #name "\n")
    SAME(mysql_num_rows); SAME(mysql_num_fields); SAME(mysql_eof); SAME(mysql_fetch_field_direct); SAME(mysql_fetch_fields); SAME(mysql_row_tell);
    SAME(mysql_field_tell); SAME(mysql_field_count); SAME(mysql_more_results); SAME(mysql_next_result); SAME(mysql_affected_rows); SAME(mysql_autocommit);
    SAME(mysql_commit); SAME(mysql_rollback); SAME(mysql_insert_id); SAME(mysql_errno); SAME(mysql_error); SAME(mysql_info); SAME(mysql_thread_id);
    SAME(mysql_character_set_name); SAME(mysql_get_character_set_info); SAME(mysql_set_character_set); SAME(mariadb_get_infov);
    SAME(mariadb_get_info); SAME(mysql_init); SAME(mysql_ssl_set); SAME(mysql_get_ssl_cipher); SAME(mysql_change_user); SAME(mysql_real_connect);
    SAME(mysql_close); SAME(mysql_select_db); SAME(mysql_query); SAME(mysql_send_query); SAME(mysql_read_query_result); SAME(mysql_real_query);
    SAME(mysql_shutdown); SAME(mysql_dump_debug_info); SAME(mysql_refresh); SAME(mysql_kill); SAME(mysql_ping); SAME(mysql_stat); SAME(mysql_get_server_info);
    SAME(mysql_get_server_version); SAME(mysql_get_host_info); SAME(mysql_get_proto_info); SAME(mysql_list_dbs); SAME(mysql_list_tables);
    SAME(mysql_list_fields); SAME(mysql_list_processes); SAME(mysql_store_result); SAME(mysql_use_result); SAME(mysql_options); SAME(mysql_free_result);
    SAME(mysql_data_seek); SAME(mysql_row_seek); SAME(mysql_field_seek); SAME(mysql_fetch_row); SAME(mysql_fetch_lengths); SAME(mysql_fetch_field);
    SAME(mysql_escape_string); SAME(mysql_real_escape_string); SAME(mysql_thread_safe); SAME(mysql_warning_count); SAME(mysql_sqlstate);
    SAME(mysql_server_init); SAME(mysql_server_end); SAME(mysql_thread_end); SAME(mysql_thread_init); SAME(mysql_set_server_option);
    SAME(mysql_get_client_info); SAME(mysql_get_client_version); SAME(mariadb_connection); SAME(mysql_get_server_name);
    SAME(mariadb_convert_string); SAME(mysql_optionsv); SAME(mysql_get_optionv); SAME(mysql_get_option); SAME(mysql_hex_string); SAME(mysql_get_socket);
    SAME(mysql_get_timeout_value); SAME(mysql_get_timeout_value_ms); SAME(mariadb_reconnect); SAME(mysql_stmt_init); SAME(mysql_stmt_prepare);
    SAME(mysql_stmt_execute); SAME(mysql_stmt_fetch); SAME(mysql_stmt_fetch_column); SAME(mysql_stmt_store_result); SAME(mysql_stmt_param_count);
    SAME(mysql_stmt_attr_set); SAME(mysql_stmt_attr_get); SAME(mysql_stmt_bind_param); SAME(mysql_stmt_bind_result); SAME(mysql_stmt_close);
    SAME(mysql_stmt_reset); SAME(mysql_stmt_free_result); SAME(mysql_stmt_send_long_data); SAME(mysql_stmt_result_metadata);
    SAME(mysql_stmt_param_metadata); SAME(mysql_stmt_errno); SAME(mysql_stmt_error); SAME(mysql_stmt_sqlstate); SAME(mysql_stmt_row_seek);
    SAME(mysql_stmt_row_tell); SAME(mysql_stmt_data_seek); SAME(mysql_stmt_num_rows); SAME(mysql_stmt_affected_rows); SAME(mysql_stmt_insert_id);
    SAME(mysql_stmt_field_count); SAME(mysql_stmt_next_result); SAME(mysql_stmt_more_results); SAME(mariadb_stmt_execute_direct);
    SAME(mysql_reset_connection);
    mysql_query(mysql, "DROP TABLE test.methods");
    methods->db_close(mysql);
    printf("closed %d %u\n", mysql_ping(mysql) != 0, mysql_errno(mysql));
    mysql_close(mysql);
    return 0;
}

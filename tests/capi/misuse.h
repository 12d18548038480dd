/* Each kind of call on a handle whose call runs, from a function that this call has called. */
#include <errmsg.h>

static int misuses;

#define REFUSED(good)                                                                               \
    do {                                                                                            \
        misuses++;                                                                                  \
        if (!(good) || mysql_errno(mysql) != CR_COMMANDS_OUT_OF_SYNC) {                             \
            printf("%s: %u %s\n", #good, mysql_errno(mysql), mysql_error(mysql));                   \
            exit(1);                                                                                \
        }                                                                                           \
    } while (0)

/* The statement belongs to the handle, or is NULL. */
static void misuse(MYSQL *mysql, MYSQL_STMT *statement) {
    int answer = 0;
    my_bool flag = 0;
    MYSQL *other = mysql;
    unsigned seconds = 1;
    char escaped[8];
    mysql_close(mysql);
    REFUSED(1);
    REFUSED(mysql_query(mysql, "SELECT 1") != 0);
    REFUSED(mysql_send_query(mysql, "SELECT 1", 8) != 0);
    REFUSED(mysql_read_query_result(mysql) != 0);
    REFUSED(mysql_next_result(mysql) > 0);
    REFUSED(!mysql_store_result(mysql));
    REFUSED(!mysql_use_result(mysql));
    REFUSED(!mysql_list_tables(mysql, NULL));
    REFUSED(mysql_ping(mysql) != 0);
    REFUSED(mysql_select_db(mysql, "test") != 0);
    REFUSED(mysql_change_user(mysql, "u", "p", NULL) != 0);
    REFUSED(mysql_reset_connection(mysql) != 0);
    REFUSED(mysql_set_character_set(mysql, "latin1") != 0);
    REFUSED(!mysql_real_connect(mysql, "127.0.0.1", "u", "p", NULL, 1, NULL, 0));
    REFUSED(mariadb_reconnect(mysql) != 0);
    REFUSED(mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &seconds) != 0);
    REFUSED(mysql_ssl_set(mysql, NULL, NULL, NULL, NULL, NULL) != 0);
    REFUSED(!mysql_stmt_init(mysql));
    REFUSED(mysql_real_query_start(&answer, mysql, "SELECT 1", 8) == 0 && answer != 0);
    REFUSED(mysql_real_query_cont(&answer, mysql, MYSQL_WAIT_READ) == 0 && answer != 0);
    REFUSED(mysql_real_connect_start(&other, mysql, "127.0.0.1", "u", "p", NULL, 1, NULL, 0) == 0 && !other);
    REFUSED(mysql_real_connect_cont(&other, mysql, MYSQL_WAIT_READ) == 0 && !other);
    REFUSED(mysql_close_start(mysql) == 0);
    REFUSED(mysql_close_cont(mysql, MYSQL_WAIT_READ) == 0);
    if (statement) {
        REFUSED(mysql_stmt_close(statement) != 0 && mysql_stmt_errno(statement) == CR_COMMANDS_OUT_OF_SYNC);
        REFUSED(mysql_stmt_prepare(statement, "SELECT 2", 8) != 0);
        REFUSED(mysql_stmt_execute(statement) != 0);
        REFUSED(mysql_stmt_fetch(statement) == 1);
        REFUSED(mysql_stmt_close_start(&flag, statement) == 0 && flag);
    }
    /* Questions that need no connection have their answers, and nobody crashes. */
    if (mysql_get_socket(mysql) < 0)
        exit(1);
    mysql_thread_id(mysql);
    mysql_get_ssl_cipher(mysql);
    mysql_character_set_name(mysql);
    mysql_real_escape_string(mysql, escaped, "'", 1);
    mysql_get_server_version(mysql);
}

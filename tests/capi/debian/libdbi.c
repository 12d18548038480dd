/* Debian's libdbi with its MySQL driver: program PORT USER PASSWORD */
#include <dbi/dbi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
    dbi_inst instance;
    const char *text = "";
    dbi_initialize_r(NULL, &instance);
    dbi_conn connection = dbi_conn_new_r("mysql", instance);
    dbi_conn_set_option(connection, "host", "127.0.0.1");
    dbi_conn_set_option_numeric(connection, "port", atoi(words[1]));
    dbi_conn_set_option(connection, "username", words[2]);
    dbi_conn_set_option(connection, "password", words[3]);
    dbi_conn_set_option(connection, "dbname", "test");
    if (dbi_conn_connect(connection) < 0) {
        dbi_conn_error(connection, &text);
        puts(text);
        return 1;
    }
    dbi_result result = dbi_conn_query(connection, "SELECT home FROM users WHERE name = 'ada'");
    dbi_result_next_row(result);
    puts(dbi_result_get_string(result, "home"));
    dbi_result_free(result);
    dbi_shutdown_r(instance);
    return 0;
}

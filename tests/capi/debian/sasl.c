/* Debian's SASL library with its SQL module: program */
#include <sasl/sasl.h>
#include <stdio.h>

int main(void) {
    sasl_conn_t *connection;
    if (sasl_server_init(NULL, "sealwire") != SASL_OK ||
        sasl_server_new("sealwire", "localhost", "localhost", NULL, NULL, NULL, 0, &connection) != SASL_OK)
        return 1;
    int checked = sasl_checkpass(connection, "ada", 3, "sesame", 6);
    puts(checked == SASL_OK ? "the password is right" : sasl_errstring(checked, NULL, NULL));
    return checked != SASL_OK;
}

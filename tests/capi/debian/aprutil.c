/* Debian's APR utilities with their MySQL driver: program PORT USER PASSWORD */
#include <apr_dbd.h>
#include <apr_general.h>
#include <stdio.h>

int main(int count, char **words) {
    const apr_dbd_driver_t *driver;
    apr_pool_t *pool;
    apr_dbd_t *handle;
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    char params[512];
    const char *error = "";
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_dbd_init(pool);
    snprintf(params, sizeof params, "host=127.0.0.1,port=%s,user=%s,pass=%s,dbname=test", words[1], words[2], words[3]);
    if (apr_dbd_get_driver(pool, "mysql", &driver) || apr_dbd_open_ex(driver, pool, params, &handle, &error)) {
        puts(error);
        return 1;
    }
    apr_dbd_prepared_t *statement = NULL;
    apr_dbd_prepare(driver, pool, handle, "SELECT home FROM users WHERE name = %s", "home", &statement);
    apr_dbd_pvselect(driver, pool, handle, &results, statement, 0, "ada", NULL);
    if (results && apr_dbd_get_row(driver, pool, results, &row, -1) == 0) puts(apr_dbd_get_entry(driver, row, 0));
    apr_dbd_close(driver, handle);
    return 0;
}

/* Many threads, with little stack each, that connect, query and close at the same time. */
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 16, ROUNDS = 20 };

static char **words;

static void *run(void *unused) {
    for (int round = 0; round < ROUNDS; round++) {
        MYSQL *mysql = mysql_init(NULL);
        mysql_ssl_set(mysql, NULL, NULL, words[5], NULL, NULL);
        if (!mysql_real_connect(mysql, words[1], words[3], words[4], NULL, atoi(words[2]), NULL, 0) ||
            mysql_query(mysql, "SELECT 1 + 1")) {
            printf("%s\n", mysql_error(mysql));
            exit(1);
        }
        MYSQL_RES *result = mysql_store_result(mysql);
        if (!result || strcmp(mysql_fetch_row(result)[0], "2") || !mysql_get_ssl_cipher(mysql))
            exit(1);
        mysql_free_result(result);
        mysql_close(mysql);
        mysql_thread_end();
    }
    return unused;
}

/* threads HOST PORT USER PASSWORD CA */
int main(int count, char **given) {
    if (count < 6)
        return 2;
    words = given;
    pthread_attr_t little;
    pthread_attr_init(&little);
    pthread_attr_setstacksize(&little, 128 * 1024);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], &little, run, NULL))
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    puts("threads");
    return 0;
}

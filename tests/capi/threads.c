/* Many threads, with little stack each, that connect, query and close at the same time. */
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

static char **words;
static int rounds = 20;

static void *run(void *unused) {
    for (int round = 0; round < rounds; round++) {
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

/* threads HOST PORT USER PASSWORD CA [THREADS ROUNDS] */
int main(int count, char **given) {
    if (count < 6)
        return 2;
    words = given;
    int many = count > 6 ? atoi(words[6]) : 16;
    if (count > 7)
        rounds = atoi(words[7]);
    if (many > MOST)
        return 2;
    pthread_attr_t little;
    pthread_attr_init(&little);
    pthread_attr_setstacksize(&little, 128 * 1024);
    pthread_t threads[MOST];
    for (int i = 0; i < many; i++)
        if (pthread_create(&threads[i], &little, run, NULL))
            return 1;
    for (int i = 0; i < many; i++)
        pthread_join(threads[i], NULL);
    puts("threads");
    return 0;
}

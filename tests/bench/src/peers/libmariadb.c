/* MariaDB's own client library, doing what peers/mod.rs asks of the Rust drivers: see there. */
#include <mysql.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Rows of the table: see world.rs. */
#define TABLE_ROWS 1000000L

static const char *work, *security, *folder;
static int port, at_once;
static atomic_long left;
static long count;
static long long sum;

static void give_up(const char *what, MYSQL *m) {
    fprintf(stderr, "libmariadb: %s: %s\n", what, m ? mysql_error(m) : "");
    exit(1);
}

static void file(char *to, size_t size, const char *name) { snprintf(to, size, "%s/%s", folder, name); }

static MYSQL *connect_one(void) {
    MYSQL *m = mysql_init(NULL);
    if (!m) give_up("mysql_init", NULL);
    if (strcmp(security, "plain") != 0) {
        char ca[1024], cert[1024], key[1024];
        my_bool verify = 1;
        file(ca, sizeof ca, "ca.pem");
        file(cert, sizeof cert, "client-cert.pem");
        file(key, sizeof key, "client-key.pem");
        int mutual = strcmp(security, "mutual") == 0;
        mysql_ssl_set(m, mutual ? key : NULL, mutual ? cert : NULL, ca, NULL, NULL);
        mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
        mysql_options(m, MARIADB_OPT_TLS_VERSION, strcmp(security, "tls12") == 0 ? "TLSv1.2" : "TLSv1.3");
    }
    if (!mysql_real_connect(m, "127.0.0.1", "bench", "bench", NULL, port, NULL, 0)) give_up("connect", m);
    return m;
}

static int take(void) {
    long now = atomic_load(&left);
    while (now > 0)
        if (atomic_compare_exchange_weak(&left, &now, now - 1)) return 1;
    return 0;
}

static void query(MYSQL *m, const char *sql) {
    if (mysql_query(m, sql)) give_up(sql, m);
}

static void *thread(void *unused) {
    (void)unused;
    char sql[128];
    if (strcmp(work, "connect") == 0) {
        while (take()) mysql_close(connect_one());
        return NULL;
    }
    MYSQL *m = connect_one();
    MYSQL_ROW row;
    if (strcmp(work, "rows") == 0) {
        if (count > TABLE_ROWS)
            snprintf(sql, sizeof sql, "SELECT id, name, price FROM seq_1_to_%ld STRAIGHT_JOIN bench.r", count / TABLE_ROWS);
        else
            snprintf(sql, sizeof sql, "SELECT id, name, price FROM bench.r LIMIT %ld", count);
        query(m, sql);
        MYSQL_RES *result = mysql_use_result(m);
        while ((row = mysql_fetch_row(result))) {
            unsigned long *lengths = mysql_fetch_lengths(result);
            sum += atol(row[0]) + (long)lengths[1] + (long)strtod(row[2], NULL);
        }
        mysql_free_result(result);
    } else {
        int bulk = strcmp(work, "bulk") == 0;
        snprintf(sql, sizeof sql, bulk ? "SELECT REPEAT('0123456789abcdef', 1000000)" : "SELECT 1");
        while (take()) {
            query(m, sql);
            MYSQL_RES *result = mysql_use_result(m);
            row = mysql_fetch_row(result);
            if (!row) give_up("no row", m);
            if (bulk ? mysql_fetch_lengths(result)[0] != 16000000 : atol(row[0]) != 1) give_up("wrong value", m);
            mysql_free_result(result);
        }
    }
    mysql_close(m);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    work = argv[1];
    security = argv[2];
    port = atoi(argv[3]);
    at_once = atoi(argv[4]);
    count = atol(argv[5]);
    folder = argv[6];
    atomic_store(&left, count);
    mysql_library_init(0, NULL, NULL);
    struct timespec from, to, cpu;
    clock_gettime(CLOCK_MONOTONIC, &from);
    pthread_t threads[1024];
    for (int i = 0; i < at_once; i++) pthread_create(&threads[i], NULL, thread, NULL);
    for (int i = 0; i < at_once; i++) pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    if (strcmp(work, "rows") == 0) {
        long long expected = 0;
        long times = count > TABLE_ROWS ? count / TABLE_ROWS : 1, rows = count / times;
        for (long long i = 1; i <= rows; i++) expected += times * (i + 24 + i / 4);
        if (sum != expected) give_up("wrong sum", NULL);
    }
    long long wall = (to.tv_sec - from.tv_sec) * 1000000000LL + (to.tv_nsec - from.tv_nsec);
    printf("%lld %lld\n", cpu.tv_sec * 1000000000LL + cpu.tv_nsec, wall);
    return 0;
}

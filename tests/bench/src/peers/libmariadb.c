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
/* Bytes of one large value: see job.rs. */
#define BULK_VALUE 16000000L

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

/* The text of the statement that reads rows. */
static void rows_sql(char *sql, size_t size) {
    if (count > TABLE_ROWS)
        snprintf(sql, size, "SELECT id, name, price FROM seq_1_to_%ld STRAIGHT_JOIN bench.r", count / TABLE_ROWS);
    else
        snprintf(sql, size, "SELECT id, name, price FROM bench.r LIMIT %ld", count);
}

static void give_up_statement(const char *what, MYSQL_STMT *s) {
    fprintf(stderr, "libmariadb: %s: %s\n", what, mysql_stmt_error(s));
    exit(1);
}

static MYSQL_STMT *prepare(MYSQL *m, const char *sql) {
    MYSQL_STMT *s = mysql_stmt_init(m);
    if (!s) give_up("mysql_stmt_init", m);
    if (mysql_stmt_prepare(s, sql, strlen(sql))) give_up_statement(sql, s);
    return s;
}

/* Rows of a prepared statement, unbuffered: each is bound to an integer, a text and a double. */
static void binary_rows(MYSQL *m) {
    char sql[128], name[64];
    rows_sql(sql, sizeof sql);
    MYSQL_STMT *s = prepare(m, sql);
    long long id;
    double price;
    unsigned long length;
    MYSQL_BIND bind[3];
    memset(bind, 0, sizeof bind);
    bind[0].buffer_type = MYSQL_TYPE_LONGLONG;
    bind[0].buffer = &id;
    bind[1].buffer_type = MYSQL_TYPE_STRING;
    bind[1].buffer = name;
    bind[1].buffer_length = sizeof name;
    bind[1].length = &length;
    bind[2].buffer_type = MYSQL_TYPE_DOUBLE;
    bind[2].buffer = &price;
    if (mysql_stmt_execute(s) || mysql_stmt_bind_result(s, bind)) give_up_statement(sql, s);
    int outcome;
    while ((outcome = mysql_stmt_fetch(s)) == 0) sum += id + (long)length + (long)price;
    if (outcome != MYSQL_NO_DATA) give_up_statement("a row", s);
    mysql_stmt_close(s);
}

/* Sends one value as a parameter; the server answers its length. */
static void upload(MYSQL *m) {
    MYSQL_STMT *s = prepare(m, "SELECT LENGTH(?)");
    char *value = malloc(BULK_VALUE);
    if (!value) give_up("malloc", NULL);
    memset(value, 'x', BULK_VALUE);
    MYSQL_BIND sent, got;
    memset(&sent, 0, sizeof sent);
    memset(&got, 0, sizeof got);
    unsigned long size = BULK_VALUE;
    long long length;
    sent.buffer_type = MYSQL_TYPE_BLOB;
    sent.buffer = value;
    sent.buffer_length = BULK_VALUE;
    sent.length = &size;
    got.buffer_type = MYSQL_TYPE_LONGLONG;
    got.buffer = &length;
    if (mysql_stmt_bind_param(s, &sent)) give_up_statement("a parameter", s);
    while (take()) {
        length = 0;
        if (mysql_stmt_execute(s) || mysql_stmt_bind_result(s, &got)) give_up_statement("upload", s);
        if (mysql_stmt_fetch(s) || length != BULK_VALUE) give_up_statement("the value did not arrive whole", s);
        mysql_stmt_free_result(s);
    }
    mysql_stmt_close(s);
    free(value);
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
        rows_sql(sql, sizeof sql);
        query(m, sql);
        MYSQL_RES *result = mysql_use_result(m);
        while ((row = mysql_fetch_row(result))) {
            unsigned long *lengths = mysql_fetch_lengths(result);
            sum += atol(row[0]) + (long)lengths[1] + (long)strtod(row[2], NULL);
        }
        mysql_free_result(result);
    } else if (strcmp(work, "binary") == 0) {
        binary_rows(m);
    } else if (strcmp(work, "upload") == 0) {
        upload(m);
    } else {
        int bulk = strcmp(work, "bulk") == 0;
        snprintf(sql, sizeof sql, bulk ? "SELECT REPEAT('0123456789abcdef', 1000000)" : "SELECT 1");
        while (take()) {
            query(m, sql);
            MYSQL_RES *result = mysql_use_result(m);
            row = mysql_fetch_row(result);
            if (!row) give_up("no row", m);
            if (bulk ? mysql_fetch_lengths(result)[0] != BULK_VALUE : atol(row[0]) != 1) give_up("wrong value", m);
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
    if (strcmp(work, "rows") == 0 || strcmp(work, "binary") == 0) {
        long long expected = 0;
        long times = count > TABLE_ROWS ? count / TABLE_ROWS : 1, rows = count / times;
        for (long long i = 1; i <= rows; i++) expected += times * (i + 24 + i / 4);
        if (sum != expected) give_up("wrong sum", NULL);
    }
    long long wall = (to.tv_sec - from.tv_sec) * 1000000000LL + (to.tv_nsec - from.tv_nsec);
    printf("%lld %lld\n", cpu.tv_sec * 1000000000LL + cpu.tv_nsec, wall);
    return 0;
}

/* One work of a program that uses the C API, with whichever libmariadb.so.3 is loaded: capi WORK SECURITY PORT COUNT FOLDER.
   Prints the nanoseconds of processor time that the work took, and the process's largest resident memory in KB. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char *security, *folder;
static int port;
static unsigned long long bytes;

static void give_up(const char *what, const char *why) {
    fprintf(stderr, "capi: %s: %s\n", what, why);
    exit(1);
}

static MYSQL *connect_one(void) {
    MYSQL *m = mysql_init(NULL);
    if (!m) give_up("mysql_init", "no memory");
    if (strcmp(security, "plain") == 0) {
        /* Our library's number, unknown to MariaDB's: it uses TLS where the server offers it, unless it is told not to. */
        unsigned mode = 1;
        mysql_options(m, (enum mysql_option)0x53570001, &mode);
    } else {
        char ca[1024];
        my_bool verify = 1;
        snprintf(ca, sizeof ca, "%s/ca.pem", folder);
        mysql_ssl_set(m, NULL, NULL, ca, NULL, NULL);
        mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
        mysql_options(m, MARIADB_OPT_TLS_VERSION, "TLSv1.3");
    }
    if (!mysql_real_connect(m, "127.0.0.1", "bench", "bench", NULL, port, NULL, 0)) give_up("connect", mysql_error(m));
    return m;
}

/* Walks through a result as programs do: each row with its lengths, and the first byte of each value. */
static long walk(MYSQL_RES *result) {
    MYSQL_ROW row;
    long rows = 0;
    if (!result) give_up("a result", "none");
    while ((row = mysql_fetch_row(result))) {
        unsigned long *lengths = mysql_fetch_lengths(result);
        for (int i = 0; i < 3; i++) bytes += lengths[i] + (unsigned char)*row[i];
        rows++;
    }
    mysql_free_result(result);
    return rows;
}

static long prepared(MYSQL *m, const char *sql, int stored) {
    MYSQL_STMT *s = mysql_stmt_init(m);
    long long id;
    double price;
    char name[64];
    unsigned long length;
    my_bool nulls[3];
    MYSQL_BIND bind[3];
    memset(bind, 0, sizeof bind);
    bind[0].buffer_type = MYSQL_TYPE_LONGLONG, bind[0].buffer = &id, bind[0].is_null = &nulls[0];
    bind[1].buffer_type = MYSQL_TYPE_STRING, bind[1].buffer = name, bind[1].buffer_length = sizeof name;
    bind[1].length = &length, bind[1].is_null = &nulls[1];
    bind[2].buffer_type = MYSQL_TYPE_DOUBLE, bind[2].buffer = &price, bind[2].is_null = &nulls[2];
    if (mysql_stmt_prepare(s, sql, strlen(sql)) || mysql_stmt_execute(s) || mysql_stmt_bind_result(s, bind) ||
        (stored && mysql_stmt_store_result(s)))
        give_up(sql, mysql_stmt_error(s));
    long rows = 0;
    int outcome;
    while ((outcome = mysql_stmt_fetch(s)) == 0) {
        bytes += id + length + price + name[0];
        rows++;
    }
    if (outcome != MYSQL_NO_DATA) give_up("a row", mysql_stmt_error(s));
    mysql_stmt_close(s);
    return rows;
}

static long long spent(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000LL + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000LL;
}

/* The largest resident memory in KB of this program alone; that of getrusage begins with the size of the process that has started it. */
static long peak(void) {
    char line[256];
    long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof(line), status))
        if (sscanf(line, "VmHWM: %ld kB", &kilobytes) == 1) break;
    if (kilobytes == 0) give_up("VmHWM", "not in /proc/self/status");
    fclose(status);
    return kilobytes;
}

int main(int count, char **words) {
    if (count != 6) return 2;
    const char *work = words[1];
    security = words[2], port = atoi(words[3]), folder = words[5];
    long wanted = atol(words[4]), rows = 0;
    mysql_library_init(0, NULL, NULL);
    /* What a library does once, as reading the CA's file, is not what a connection costs. */
    MYSQL *m = connect_one();
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT id, name, price FROM bench.r LIMIT %ld", wanted);
    long long before = spent();
    if (strcmp(work, "connect") == 0) {
        for (; rows < wanted; rows++) mysql_close(connect_one());
    } else if (strcmp(work, "fetch") == 0) {
        rows = prepared(m, sql, 0);
    } else if (strcmp(work, "fetch-stored") == 0) {
        rows = prepared(m, sql, 1);
    } else {
        if (mysql_query(m, sql)) give_up(sql, mysql_error(m));
        rows = walk(strcmp(work, "store") == 0 ? mysql_store_result(m) : mysql_use_result(m));
    }
    long long after = spent();
    if (rows != wanted || (strcmp(work, "connect") != 0 && bytes == 0)) give_up(work, "not all of it was done");
    mysql_close(m);
    printf("%lld %ld\n", after - before, peak());
    return 0;
}

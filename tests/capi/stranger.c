/* What real programs do to a handle behind the library's back. */
#include <mysql.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *host, *user, *password, *ca;
static unsigned port;

static MYSQL *connected(MYSQL *mysql) {
    mysql = mysql_init(mysql);
    mysql_ssl_set(mysql, NULL, NULL, ca, NULL, NULL);
    if (!mysql_real_connect(mysql, host, user, password, NULL, port, NULL, 0)) {
        printf("connect: %s\n", mysql_error(mysql));
        exit(1);
    }
    return mysql;
}

static void must(int good, const char *what, MYSQL *mysql) {
    if (!good) {
        printf("%s: %u %s\n", what, mysql_errno(mysql), mysql_error(mysql));
        exit(1);
    }
}

static void answers(MYSQL *mysql, const char *what) {
    must(mysql_query(mysql, "SELECT 'yes'") == 0, what, mysql);
    MYSQL_RES *result = mysql_store_result(mysql);
    must(result && !strcmp(mysql_fetch_row(result)[0], "yes"), what, mysql);
    mysql_free_result(result);
}

static int descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* A handle by value is copied, zeroed, closed while zeroed, and copied back; results and statements go on. */
static void moved(void) {
    MYSQL here, aside;
    connected(&here);
    MYSQL_STMT *statement = mysql_stmt_init(&here);
    must(mysql_stmt_prepare(statement, "SELECT 1", 8) == 0, "prepare", &here);
    must(mysql_query(&here, "SELECT 1 UNION SELECT 2") == 0, "query", &here);
    MYSQL_RES *result = mysql_use_result(&here);
    must(mysql_fetch_row(result) != NULL, "first row", &here);
    memcpy(&aside, &here, sizeof(MYSQL));
    memset(&here, 0, sizeof(MYSQL));
    mysql_close(&here);
    mysql_close(&here);
    must(mysql_errno(&aside) == 0 && mysql_field_count(&aside) == 1, "moved", &aside);
    must(mysql_get_ssl_cipher(&aside) != NULL, "cipher", &aside);
    must(mysql_fetch_row(result) != NULL && mysql_fetch_row(result) == NULL, "rest of the rows", &aside);
    mysql_free_result(result);
    answers(&aside, "after the move");
    must(mysql_stmt_execute(statement) == 0 && mysql_stmt_store_result(statement) == 0, "statement", &aside);
    must(statement->mysql == &aside, "the statement knows its handle", &aside);
    mysql_close(&aside);
    must(statement->mysql == NULL && mysql_stmt_errno(statement) == 2056, "closed below the statement", &aside);
    must(mysql_stmt_execute(statement) != 0, "no connection", &aside);
    mysql_stmt_close(statement);
    mysql_close(&aside);
    mysql_init(&here);
    must(!mysql_real_connect(&here, host, user, password, NULL, 1, NULL, 0), "nobody listens on port 1", &here);
    mysql_close(&here);
    must(mysql_errno(&here) == 2002 && strstr(mysql_error(&here), host), "the error outlives the close", &here);
    mysql_close(&here);
    puts("moved");
}

/* ruby-mysql2 puts /dev/null over the descriptor, and closes then. */
static void null(void) {
    MYSQL *mysql = connected(NULL);
    int fd = mysql_get_socket(mysql), other = open("/dev/null", O_RDWR);
    must(fd == mysql->net.fd && fd > 0, "descriptor", mysql);
    dup2(other, fd);
    mysql_close(mysql);
    must(fcntl(fd, F_GETFD) == -1, "the number is free again", NULL);
    must(fcntl(other, F_GETFD) != -1, "no other was closed", NULL);
    close(other);
    mysql = connected(NULL);
    dup2(open("/dev/null", O_RDWR), mysql->net.fd);
    must(mysql_query(mysql, "SELECT 1") != 0, "no answer from /dev/null", mysql);
    must(mysql_errno(mysql) == 2006 || mysql_errno(mysql) == 2013, "lost", mysql);
    mysql_close(mysql);
    puts("null");
}

/* The child's end must not disturb the parent's TLS session. */
static void forked(void) {
    MYSQL *mysql = connected(NULL);
    pid_t child = fork();
    if (child == 0) {
        int failed = mysql_query(mysql, "SELECT 1");
        int gone = mysql_errno(mysql) == 2006;
        mysql_close(mysql);
        _exit(failed && gone ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    must(status == 0, "the child is told 2006", mysql);
    answers(mysql, "the parent's connection lives");
    mysql_close(mysql);
    puts("forked");
}

/* A killed connection is told as lost, at once and for ever; with MYSQL_OPT_RECONNECT the next command has a new one. */
static void killed(void) {
    MYSQL *other = connected(NULL), *mysql = connected(NULL);
    must(mysql_kill(other, mysql_thread_id(mysql)) == 0, "kill", other);
    int failed = 0;
    for (int i = 0; i < 100000 && !failed; i++)
        failed = mysql_ping(mysql);
    must(failed, "the connection ends", mysql);
    must(mysql_errno(mysql) == 2006 || mysql_errno(mysql) == 2013 || mysql_errno(mysql) < 2000, "lost", mysql);
    for (int i = 0; i < 3; i++)
        must(mysql_query(mysql, "SELECT 1") != 0 && mysql_errno(mysql) == 2006, "gone", mysql);
    must(mysql_get_ssl_cipher(mysql) == NULL && mysql->net.pvio == NULL && mysql_get_socket(mysql) == -1, "disconnected", mysql);
    mysql_close(mysql);

    my_bool on = 1;
    mysql = connected(NULL);
    mysql_options(mysql, MYSQL_OPT_RECONNECT, &on);
    unsigned long id = mysql_thread_id(mysql);
    must(mysql_kill(other, id) == 0, "kill", other);
    for (int i = 0; i < 100000 && mysql_thread_id(mysql) == id; i++)
        mysql_ping(mysql);
    must(mysql_thread_id(mysql) != id && mysql_get_ssl_cipher(mysql) != NULL, "connected again, with TLS", mysql);
    answers(mysql, "the new connection");
    mysql_close(mysql);
    mysql_close(other);
    puts("killed");
}

static void many(void) {
    int before = descriptors();
    for (int round = 0; round < 1000; round++) {
        MYSQL *mysql = connected(NULL);
        if (round % 100 == 0)
            answers(mysql, "one of many");
        mysql_close(mysql);
    }
    must(descriptors() == before, "no descriptor is left", NULL);
    puts("many");
}

/* stranger HOST PORT USER PASSWORD CA */
int main(int count, char **words) {
    if (count < 6)
        return 2;
    host = words[1], port = atoi(words[2]), user = words[3], password = words[4], ca = words[5];
    struct sigaction before;
    mysql_server_init(0, NULL, NULL);
    sigaction(SIGPIPE, NULL, &before);
    must(before.sa_handler == SIG_DFL, "SIGPIPE is left as it is", NULL);
    moved();
    null();
    forked();
    killed();
    many();
    mysql_close(NULL);
    must(mysql_ping(NULL) != 0 && mysql_errno(NULL) == 0 && mysql_fetch_row(NULL) == NULL, "NULL is no crash", NULL);
    mysql_free_result(NULL);
    return 0;
}

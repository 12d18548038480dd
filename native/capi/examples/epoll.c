/* Many connections in one thread, over verified TLS: an epoll loop with the non-blocking calls.

   epoll HOST PORT USER PASSWORD CA [CONNECTIONS]

   Each connection connects, runs a query, reads its rows and closes. No call waits: where the library has to, it says for what. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum step { CONNECT, QUERY, FETCH, FREE, CLOSE, OVER };

struct job {
    MYSQL *mysql;
    MYSQL_RES *result;
    MYSQL_ROW row;
    enum step step;
    int number, failed, rows;
    /* The events for which the current call waits, and the time until which; 0 for no limit. */
    int mask;
    long long until;
    char sql[64];
};

static const char *host, *user, *password;
static unsigned port;
static int epoll, good;

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* Begins the step's call. */
static int begin(struct job *job) {
    MYSQL *connected;
    switch (job->step) {
    case CONNECT:
        return mysql_real_connect_start(&connected, job->mysql, host, user, password, NULL, port, NULL, 0);
    case QUERY:
        snprintf(job->sql, sizeof(job->sql), "SELECT %d UNION ALL SELECT %d", job->number, job->number + 1000);
        return mysql_real_query_start(&job->failed, job->mysql, job->sql, strlen(job->sql));
    case FETCH:
        return mysql_fetch_row_start(&job->row, job->result);
    case FREE:
        return mysql_free_result_start(job->result);
    default:
        return mysql_close_start(job->mysql);
    }
}

/* Goes on with it after events. */
static int go_on(struct job *job, int events) {
    MYSQL *connected;
    switch (job->step) {
    case CONNECT:
        return mysql_real_connect_cont(&connected, job->mysql, events);
    case QUERY:
        return mysql_real_query_cont(&job->failed, job->mysql, events);
    case FETCH:
        return mysql_fetch_row_cont(&job->row, job->result, events);
    case FREE:
        return mysql_free_result_cont(job->result, events);
    default:
        return mysql_close_cont(job->mysql, events);
    }
}

/* The step after one that is over. */
static enum step next(struct job *job) {
    if (job->step == CLOSE)
        return OVER;
    if (mysql_errno(job->mysql)) {
        fprintf(stderr, "%d: %u %s\n", job->number, mysql_errno(job->mysql), mysql_error(job->mysql));
        return job->step == FETCH ? FREE : CLOSE;
    }
    switch (job->step) {
    case CONNECT:
        if (job->number == 0)
            printf("%s\n", mysql_get_ssl_cipher(job->mysql));
        return QUERY;
    case QUERY:
        job->result = mysql_use_result(job->mysql);
        return job->result ? FETCH : CLOSE;
    case FETCH:
        if (!job->row)
            return FREE;
        good += atoi(job->row[0]) == job->number + 1000 * job->rows++;
        return FETCH;
    default:
        return CLOSE;
    }
}

/* Registers the socket and the events for which the current call waits. While the connection is made, the socket may change. */
static void await(struct job *job) {
    int socket = job->mask ? mysql_get_socket(job->mysql) : -1;
    struct epoll_event event = {0};
    event.events = (job->mask & MYSQL_WAIT_READ ? EPOLLIN : 0) | (job->mask & MYSQL_WAIT_WRITE ? EPOLLOUT : 0);
    event.data.ptr = job;
    /* A socket that was closed has left the set by itself. */
    if (socket >= 0 && epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0)
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    job->until = job->mask & MYSQL_WAIT_TIMEOUT ? now() + mysql_get_timeout_value_ms(job->mysql) : 0;
}

/* Does all that can be done without waiting, once a call has begun or gone on. */
static void advance(struct job *job, int mask) {
    job->mask = mask;
    while (job->mask == 0 && (job->step = next(job)) != OVER)
        job->mask = begin(job);
    await(job);
}

int main(int count, char **words) {
    if (count < 6)
        return 2;
    host = words[1];
    port = atoi(words[2]);
    user = words[3];
    password = words[4];
    int jobs = count > 6 ? atoi(words[6]) : 16, most = 0;
    struct job *all = calloc(jobs, sizeof(struct job));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int number = 0; number < jobs; number++) {
        struct job *job = &all[number];
        my_bool verify = 1;
        unsigned seconds = 30;
        job->number = number;
        job->mysql = mysql_init(NULL);
        mysql_options(job->mysql, MYSQL_OPT_NONBLOCK, 0);
        mysql_options(job->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
        mysql_options(job->mysql, MYSQL_OPT_READ_TIMEOUT, &seconds);
        mysql_ssl_set(job->mysql, NULL, NULL, words[5], NULL, NULL);
        mysql_options(job->mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
        advance(job, begin(job));
    }
    for (;;) {
        int open = 0;
        long long first = now() + 1000;
        for (int number = 0; number < jobs; number++) {
            open += all[number].step != OVER;
            if (all[number].step != OVER && all[number].until && all[number].until < first)
                first = all[number].until;
        }
        if (open > most)
            most = open;
        if (!open)
            break;
        struct epoll_event ready[64];
        long long left = first - now();
        int came = epoll_wait(epoll, ready, 64, left > 0 ? (int)left : 0);
        for (int at = 0; at < came; at++) {
            int events = (ready[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? MYSQL_WAIT_READ : 0) |
                         (ready[at].events & EPOLLOUT ? MYSQL_WAIT_WRITE : 0);
            advance(ready[at].data.ptr, go_on(ready[at].data.ptr, events));
        }
        for (int number = 0; number < jobs; number++)
            if (all[number].step != OVER && all[number].until && all[number].until <= now())
                advance(&all[number], go_on(&all[number], MYSQL_WAIT_TIMEOUT));
    }
    printf("%d connections at once, %d rows\n", most, good);
    free(all);
    close(epoll);
    return good == 2 * jobs ? 0 : 1;
}

/* The API in random order: random SOCKET SEED STEPS. Connections, statements and results are made, used, moved and freed in any order that a
   program may, in blocking and non-blocking calls, over a server that answers by the seed, too. A call at the wrong time must give 2014. */
#include <mysql.h>
#include <errmsg.h>
#include <malloc.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS = 3, RESULTS = 6, STATEMENTS = 6, ROWS = 4, BUFFERS = 8, ROOM = 96 };

static uint64_t state;
static const char *place, *seed;
static int step, connects, refused;

static unsigned any(unsigned below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % below);
}

/* What the answer of a call means to this program. */
enum meaning { NOTHING, CONNECTED, RESULT, ROW, FREED, FETCHED, STATEMENT_CLOSED, CLOSED };

struct connection {
    MYSQL *mysql;
    int is_own, is_connected;
    /* The call that is suspended; its name is NULL where there is none. */
    struct {
        const char *name;
        enum meaning meaning;
        int mask;
        /* The statement or the result, or NULL for a call of the handle. */
        void *object;
        void *go_on;
        char answer[16];
    } call;
};

struct statement {
    MYSQL_STMT *it;
    struct connection *of;
    /* The buffers of the parameters and of the columns. */
    char in[BUFFERS][ROOM], out[BUFFERS][ROOM], *rows[BUFFERS][ROWS];
    unsigned long in_lengths[BUFFERS][ROWS], out_lengths[BUFFERS];
    my_bool is_null[BUFFERS], error[BUFFERS];
};

static struct connection connections[CONNECTIONS];
static struct statement *statements[STATEMENTS];
static MYSQL_RES *results[RESULTS];
static volatile unsigned long sum;

static void broken(const char *what, const char *detail) {
    printf("seed %s, step %d: %s: %s\n", seed, step, what, detail);
    fflush(stdout);
    abort();
}

static void expect(int good, const char *what, MYSQL *mysql) {
    if (!good)
        broken(what, mysql ? mysql_error(mysql) : "");
}

static void touch(const void *bytes, size_t length) {
    for (size_t at = 0; at < length; at++)
        sum += ((const unsigned char *)bytes)[at];
}

static void touch_row(MYSQL_RES *result, MYSQL_ROW row) {
    unsigned long *lengths = mysql_fetch_lengths(result);
    for (unsigned at = 0; row && at < mysql_num_fields(result); at++)
        if (row[at])
            touch(row[at], lengths[at] + 1);
}

static void touch_fields(const MYSQL_FIELD *fields, unsigned count) {
    for (unsigned at = 0; fields && at < count; at++) {
        touch(fields[at].name, fields[at].name_length + 1);
        touch(fields[at].org_table, fields[at].org_table_length + 1);
    }
}

/* LOCAL INFILE: each of these functions tries what it must not do. */
static void nested(struct connection *of) {
    MYSQL *mysql = of->mysql;
    switch (any(4)) {
    case 0:
        mysql_close(mysql);
        break;
    case 1:
        expect(mysql_query(mysql, "SELECT 1") != 0, "a query in a callback", mysql);
        break;
    case 2:
        expect(mysql_stmt_init(mysql) == NULL, "a statement in a callback", mysql);
        break;
    default:
        mysql_close_start(mysql);
    }
    expect(mysql_errno(mysql) == CR_COMMANDS_OUT_OF_SYNC, "a call in a callback", mysql);
    refused++;
}

static int init(void **data, const char *name, void *given) {
    touch(name, strlen(name));
    nested(given);
    *data = given;
    return any(8) == 0;
}

static int piece(void *data, char *buffer, unsigned room) {
    nested(data);
    unsigned length = any(3) ? any(2000) : 0;
    memset(buffer, 'x', length < room ? length : room);
    return any(20) ? (int)length : -1;
}

static void end(void *data) {
    nested(data);
}

static int explain(void *data, char *text, unsigned room) {
    snprintf(text, room, "no more");
    return 1234;
}

/* After a blocking call, or a _start that had nothing to wait for. While a call is suspended, the answer is 2014. */
static void out_of_turn(struct connection *of, const char *name, int has_failed) {
    expect(has_failed && mysql_errno(of->mysql) == CR_COMMANDS_OUT_OF_SYNC, name, of->mysql);
    refused++;
}

#include "random_log.h"

static void forget_result(MYSQL_RES *result) {
    for (int at = 0; at < RESULTS; at++)
        if (results[at] == result)
            results[at] = NULL;
}

static void forget_statement(MYSQL_STMT *it) {
    for (int at = 0; at < STATEMENTS; at++)
        if (statements[at] && statements[at]->it == it) {
            free(statements[at]);
            statements[at] = NULL;
        }
}

/* The handle is gone; the objects that its suspended call has freed with it are, too. */
static void closed(struct connection *of) {
    if (of->call.name && of->call.meaning == FREED)
        forget_result(of->call.object);
    if (of->call.name && of->call.meaning == STATEMENT_CLOSED)
        forget_statement(of->call.object);
    for (int at = 0; at < STATEMENTS; at++)
        if (statements[at] && statements[at]->of == of)
            statements[at]->of = NULL;
    free_logs(of);
    if (of->is_own)
        free(of->mysql);
    memset(of, 0, sizeof(*of));
}

static void keep(MYSQL_RES *result) {
    if (!result)
        return;
    touch_fields(mysql_fetch_fields(result), mysql_num_fields(result));
    for (int at = 0; at < RESULTS; at++)
        if (!results[at]) {
            results[at] = result;
            return;
        }
    /* There is no room: it is freed at once, unless another call is in the way. */
    mysql_free_result(result);
}

static void over(struct connection *of, enum meaning meaning, void *object, const void *answer) {
    void *pointer;
    memcpy(&pointer, answer, sizeof(pointer));
    switch (meaning) {
    case CONNECTED:
        expect(!pointer || pointer == of->mysql, "another handle was connected", of->mysql);
        of->is_connected = pointer != NULL;
        break;
    case RESULT:
        keep(pointer);
        break;
    case ROW:
        touch_row(object, pointer);
        break;
    case FREED:
        forget_result(object);
        break;
    case STATEMENT_CLOSED:
        if (*(const my_bool *)answer == 0)
            forget_statement(object);
        break;
    case CLOSED:
        closed(of);
        break;
    case FETCHED:
        for (int at = 0; at < STATEMENTS; at++)
            if (statements[at] && statements[at]->it == object)
                touch(statements[at]->out, sizeof(statements[at]->out));
        break;
    case NOTHING:
        break;
    }
}

/* Takes the outcome of a _start or _cont. */
static void took(struct connection *of, const char *name, enum meaning meaning, void *object, void *go_on, int mask, const void *answer) {
    if (mask == 0) {
        memset(&of->call, 0, sizeof(of->call));
        over(of, meaning, object, answer);
        return;
    }
    of->call.name = name;
    of->call.meaning = meaning;
    of->call.object = object;
    of->call.go_on = go_on;
    of->call.mask = mask;
}

/* A call of `of` on the object (NULL for the handle), blocking or not; FAILED is an expression over `answer`. */
#define CALL(type, call_name, sort, target, failed, ...)                                             \
    do {                                                                                            \
        union { type value; char room[16]; } its = {0};                                             \
        type answer;                                                                                \
        void *object = (void *)(target) == (void *)of->mysql ? NULL : (void *)(target);             \
        if (any(2)) {                                                                               \
            answer = call_name(target, ##__VA_ARGS__);                                              \
            memcpy(its.room, &answer, sizeof(answer));                                              \
            if (of->call.name)                                                                      \
                out_of_turn(of, #call_name, failed);                                                \
            else                                                                                    \
                over(of, sort, object, its.room);                                                   \
        } else {                                                                                    \
            int mask = call_name##_start(&its.value, target, ##__VA_ARGS__);                        \
            memcpy(&answer, its.room, sizeof(answer));                                              \
            if (of->call.name) {                                                                    \
                expect(mask == 0, #call_name "_start", of->mysql);                                  \
                out_of_turn(of, #call_name "_start", failed);                                       \
            } else {                                                                                \
                took(of, #call_name, sort, object, (void *)call_name##_cont, mask, its.room);       \
            }                                                                                       \
        }                                                                                           \
    } while (0)

static void go_on(struct connection *of) {
    if (!of->call.name)
        return;
    struct pollfd socket = {mysql_get_socket(of->mysql), 0, 0};
    int came = 0, mask;
    socket.events = (of->call.mask & MYSQL_WAIT_READ ? POLLIN : 0) | (of->call.mask & MYSQL_WAIT_WRITE ? POLLOUT : 0);
    if (poll(&socket, 1, any(3) ? 20 : 0) > 0) {
        came |= socket.revents & (POLLIN | POLLHUP | POLLERR) ? MYSQL_WAIT_READ : 0;
        came |= socket.revents & POLLOUT ? MYSQL_WAIT_WRITE : 0;
    }
    /* A program may be mistaken about the events. */
    if (any(8) == 0)
        came = any(16);
    void *object = of->call.object ? of->call.object : of->mysql;
    /* The answer's place is another one each time. */
    union { char room[16]; void *pointer; } answer = {{0}};
    if (of->call.meaning == FREED || of->call.meaning == CLOSED)
        mask = ((int (*)(void *, int))of->call.go_on)(object, came);
    else
        mask = ((int (*)(void *, void *, int))of->call.go_on)(&answer, object, came);
    took(of, of->call.name, of->call.meaning, of->call.object, of->call.go_on, mask, &answer);
}

static void moved(struct connection *of) {
    if (!of->is_own)
        return;
    free_logs(of);
    MYSQL *there = malloc(sizeof(MYSQL));
    memcpy(there, of->mysql, sizeof(MYSQL));
    memset(of->mysql, 0xaa, sizeof(MYSQL));
    free(of->mysql);
    of->mysql = there;
    mysql_get_socket(there);
}

static void open_one(struct connection *of) {
    if (!of->mysql) {
        unsigned seconds = 5;
        my_bool on = 1;
        of->is_own = any(2);
        of->mysql = mysql_init(of->is_own ? malloc(sizeof(MYSQL)) : NULL);
        mysql_options(of->mysql, MYSQL_OPT_READ_TIMEOUT, &seconds);
        mysql_options(of->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
        if (any(8) == 0)
            mysql_options(of->mysql, MYSQL_OPT_RECONNECT, &on);
        if (any(8) == 0)
            mysql_options(of->mysql, MYSQL_INIT_COMMAND, "SELECT 1");
        if (any(3))
            mysql_set_local_infile_handler(of->mysql, init, piece, end, explain, of);
    }
    char name[64];
    snprintf(name, sizeof(name), "%s-%d", seed, connects++);
    CALL(MYSQL *, mysql_real_connect, CONNECTED, of->mysql, answer == NULL, "localhost", name, "pw", any(2) ? "test" : NULL, 0, place,
         CLIENT_MULTI_STATEMENTS | CLIENT_LOCAL_FILES);
}

static void close_one(struct connection *of) {
    if (!any(3)) {
        int mask = mysql_close_start(of->mysql);
        /* A suspended call was dropped, with its object. */
        if (of->call.name && of->call.meaning == FREED)
            forget_result(of->call.object);
        if (of->call.name && of->call.meaning == STATEMENT_CLOSED)
            forget_statement(of->call.object);
        memset(&of->call, 0, sizeof(of->call));
        took(of, "mysql_close", CLOSED, NULL, (void *)mysql_close_cont, mask, of->call.answer);
        return;
    }
    mysql_close(of->mysql);
    closed(of);
}

static const char *sql(void) {
    static const char *const all[] = {"SELECT 1", "SELECT ?", "SELECT ?, ?", "INSERT INTO t VALUES (?)", "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
                                      "DO 1", "", "SELECT 1; SELECT 2"};
    return all[any(sizeof(all) / sizeof(*all))];
}

static void query(struct connection *of) {
    /* Texts are freed once a call has begun. */
    char *text = strdup(sql());
    unsigned long length = strlen(text);
    switch (any(4)) {
    case 0:
        CALL(int, mysql_query, NOTHING, of->mysql, answer != 0, text);
        break;
    case 1:
        CALL(int, mysql_send_query, NOTHING, of->mysql, answer != 0, text, length);
        break;
    default:
        CALL(int, mysql_real_query, NOTHING, of->mysql, answer != 0, text, length);
    }
    memset(text, 'z', length);
    free(text);
}

static void command(struct connection *of) {
    switch (any(16)) {
    case 0:
        CALL(int, mysql_ping, NOTHING, of->mysql, answer != 0);
        break;
    case 1:
        CALL(int, mysql_select_db, NOTHING, of->mysql, answer != 0, "test");
        break;
    case 2:
        CALL(my_bool, mysql_change_user, NOTHING, of->mysql, answer != 0, "other", "pw", any(2) ? "test" : NULL);
        break;
    case 3:
        CALL(int, mysql_reset_connection, NOTHING, of->mysql, answer != 0);
        break;
    case 4:
        CALL(int, mysql_set_character_set, NOTHING, of->mysql, answer != 0, "latin1");
        break;
    case 5:
        CALL(my_bool, mysql_autocommit, NOTHING, of->mysql, answer != 0, 1);
        break;
    case 6:
        CALL(my_bool, mysql_commit, NOTHING, of->mysql, answer != 0);
        break;
    case 7:
        CALL(const char *, mysql_stat, NOTHING, of->mysql, 1);
        break;
    case 8:
        CALL(int, mysql_refresh, NOTHING, of->mysql, answer != 0, any(256));
        break;
    case 9:
        CALL(int, mysql_set_server_option, NOTHING, of->mysql, answer != 0, MYSQL_OPTION_MULTI_STATEMENTS_ON);
        break;
    case 10:
        CALL(MYSQL_RES *, mysql_list_fields, RESULT, of->mysql, answer == NULL, "t", any(2) ? "%" : NULL);
        break;
    case 11:
        CALL(int, mysql_dump_debug_info, NOTHING, of->mysql, answer != 0);
        break;
    case 12:
        CALL(int, mysql_kill, NOTHING, of->mysql, answer != 0, 77);
        break;
    case 13:
        if (of->call.name)
            out_of_turn(of, "mysql_list_dbs", mysql_list_dbs(of->mysql, NULL) == NULL);
        else
            keep(mysql_list_dbs(of->mysql, "x'%"));
        break;
    case 14:
        CALL(my_bool, mysql_rollback, NOTHING, of->mysql, answer != 0);
        break;
    default:
        /* Without a suspended call these are refused; with one, they are another call's. */
        if (!of->call.name || strcmp(of->call.name, "mysql_shutdown")) {
            int answer = 0;
            expect(mysql_shutdown_cont(&answer, of->mysql, any(16)) == 0, "another call's _cont", of->mysql);
            out_of_turn(of, "mysql_shutdown_cont", answer != 0);
        }
    }
}

static void take(struct connection *of) {
    switch (any(5)) {
    case 0:
        if (of->call.name) {
            MYSQL_RES *result = mysql_use_result(of->mysql);
            out_of_turn(of, "mysql_use_result", result == NULL);
        } else {
            keep(mysql_use_result(of->mysql));
        }
        break;
    case 1:
        CALL(my_bool, mysql_read_query_result, NOTHING, of->mysql, answer != 0);
        break;
    case 2:
        CALL(int, mysql_next_result, NOTHING, of->mysql, answer > 0);
        break;
    default:
        CALL(MYSQL_RES *, mysql_store_result, RESULT, of->mysql, answer == NULL);
    }
}

static struct connection *connection_of(const MYSQL *mysql) {
    for (int at = 0; at < CONNECTIONS; at++)
        if (mysql && connections[at].mysql == mysql)
            return &connections[at];
    return NULL;
}

static void use_result(MYSQL_RES *result) {
    struct connection *of = connection_of(result->handle);
    switch (any(8)) {
    case 0:
        touch_fields(mysql_fetch_fields(result), mysql_num_fields(result));
        mysql_field_seek(result, any(4));
        mysql_fetch_field(result);
        mysql_fetch_field_direct(result, any(4));
        break;
    case 1:
        if (result->data) {
            mysql_data_seek(result, any(6));
            MYSQL_ROW_OFFSET row = mysql_row_tell(result);
            mysql_fetch_row(result);
            mysql_row_seek(result, row);
        }
        break;
    case 2:
        if (of && of->call.name) {
            mysql_free_result(result);
            out_of_turn(of, "mysql_free_result", 1);
        } else {
            mysql_free_result(result);
            forget_result(result);
        }
        break;
    case 3:
        if (of && of->call.name) {
            expect(mysql_free_result_start(result) == 0, "mysql_free_result_start", of->mysql);
            out_of_turn(of, "mysql_free_result_start", 1);
        } else if (of) {
            took(of, "mysql_free_result", FREED, result, (void *)mysql_free_result_cont, mysql_free_result_start(result), of->call.answer);
        } else {
            expect(mysql_free_result_start(result) == 0, "nothing is to be waited for", NULL);
            forget_result(result);
        }
        break;
    default:
        if (of) {
            CALL(MYSQL_ROW, mysql_fetch_row, ROW, result, answer == NULL);
        } else {
            MYSQL_ROW row = mysql_fetch_row(result);
            touch_row(result, row);
        }
    }
}

static const enum enum_field_types types[] = {MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_FLOAT,
                                              MYSQL_TYPE_DOUBLE, MYSQL_TYPE_STRING, MYSQL_TYPE_BLOB, MYSQL_TYPE_DATETIME, MYSQL_TYPE_NULL};

/* Binds of which each has room for four values of any type. */
static void bind_parameters(struct statement *s) {
    unsigned count = mysql_stmt_param_count(s->it), rows = any(4) ? 0 : 1 + any(ROWS);
    MYSQL_BIND *binds = calloc(count + 1, sizeof(*binds));
    for (unsigned at = 0; at < count; at++) {
        unsigned slot = at % BUFFERS;
        binds[at].buffer_type = types[any(6 + 4 * !rows)];
        binds[at].buffer = s->in[slot];
        if (rows && any(3) == 0) {
            binds[at].buffer_type = MYSQL_TYPE_STRING;
            for (int row = 0; row < ROWS; row++) {
                s->rows[slot][row] = s->in[slot];
                s->in_lengths[slot][row] = any(ROOM);
            }
            binds[at].buffer = s->rows[slot];
            binds[at].length = s->in_lengths[slot];
        } else if (!rows) {
            memset(s->in[slot], 0, ROOM);
            binds[at].buffer_length = any(ROOM);
        }
    }
    if (count <= BUFFERS && mysql_stmt_bind_param(s->it, binds) == 0)
        mysql_stmt_attr_set(s->it, STMT_ATTR_ARRAY_SIZE, &rows);
    free(binds);
}

static void bind_columns(struct statement *s) {
    unsigned count = mysql_stmt_field_count(s->it);
    MYSQL_BIND *binds = malloc((count + 1) * sizeof(*binds));
    memset(binds, 0, count * sizeof(*binds));
    for (unsigned at = 0; at < count; at++) {
        unsigned slot = at % BUFFERS;
        binds[at].buffer_type = types[any(10)];
        binds[at].buffer = s->out[slot];
        binds[at].buffer_length = any(ROOM);
        binds[at].length = any(2) ? &s->out_lengths[slot] : NULL;
        binds[at].is_null = any(2) ? &s->is_null[slot] : NULL;
        binds[at].error = any(2) ? &s->error[slot] : NULL;
    }
    mysql_stmt_bind_result(s->it, binds);
    free(binds);
}

static void use_columns(struct statement *s) {
    char *buffer = malloc(ROOM);
    MYSQL_BIND bind = {0};
    bind.buffer_type = types[any(9)];
    bind.buffer = buffer;
    bind.buffer_length = any(ROOM);
    mysql_stmt_fetch_column(s->it, &bind, any(5), any(3) ? 0 : any(300));
    free(buffer);
    MYSQL_RES *columns = mysql_stmt_result_metadata(s->it);
    if (columns) {
        touch_fields(mysql_fetch_fields(columns), mysql_num_fields(columns));
        mysql_free_result(columns);
    }
    touch_fields(mariadb_stmt_fetch_fields(s->it), mysql_stmt_field_count(s->it));
}

static void set_attributes(struct statement *s) {
    unsigned long cursor = any(2), prefetch = any(5);
    my_bool longest = any(2);
    mysql_stmt_attr_set(s->it, STMT_ATTR_CURSOR_TYPE, &cursor);
    mysql_stmt_attr_set(s->it, STMT_ATTR_PREFETCH_ROWS, &prefetch);
    mysql_stmt_attr_set(s->it, STMT_ATTR_UPDATE_MAX_LENGTH, &longest);
}

static void use_statement(struct statement *s) {
    struct connection *of = s->of;
    if (!of) {
        expect(mysql_stmt_execute(s->it) != 0 && mysql_stmt_fetch(s->it) != 0, "a statement without a connection", NULL);
        if (any(2)) {
            expect(mysql_stmt_close(s->it) == 0, "close it", NULL);
            forget_statement(s->it);
        }
        return;
    }
    switch (any(16)) {
    case 0:
    case 1: {
        char *text = strdup(sql());
        CALL(int, mysql_stmt_prepare, NOTHING, s->it, answer != 0, text, strlen(text));
        free(text);
        break;
    }
    case 2:
    case 3:
        bind_parameters(s);
        break;
    case 4:
        bind_columns(s);
        break;
    case 5:
    case 6:
        CALL(int, mysql_stmt_execute, NOTHING, s->it, answer != 0);
        break;
    case 7:
        CALL(int, mysql_stmt_store_result, NOTHING, s->it, answer != 0);
        break;
    case 8:
        CALL(my_bool, mysql_stmt_free_result, NOTHING, s->it, answer != 0);
        break;
    case 9:
        CALL(my_bool, mysql_stmt_reset, NOTHING, s->it, answer != 0);
        break;
    case 10:
        CALL(int, mysql_stmt_next_result, NOTHING, s->it, answer > 0);
        break;
    case 11:
        CALL(my_bool, mysql_stmt_send_long_data, NOTHING, s->it, answer != 0, any(4), "piece", 5);
        break;
    case 12:
        CALL(my_bool, mysql_stmt_close, STATEMENT_CLOSED, s->it, answer != 0);
        break;
    case 13:
        use_columns(s);
        set_attributes(s);
        break;
    case 14:
        mysql_stmt_data_seek(s->it, any(6));
        mysql_stmt_row_seek(s->it, mysql_stmt_row_tell(s->it));
        break;
    default:
        CALL(int, mysql_stmt_fetch, FETCHED, s->it, answer == 1);
    }
}

static void one_step(void) {
    struct connection *of = &connections[any(CONNECTIONS)];
    if (!of->mysql || (!of->is_connected && !of->call.name)) {
        if (any(4) || !of->mysql)
            open_one(of);
        else
            close_one(of);
        return;
    }
    MYSQL_RES *result = results[any(RESULTS)];
    struct statement **slot = &statements[any(STATEMENTS)];
    switch (any(28)) {
    case 0:
        if (any(4) == 0)
            close_one(of);
        break;
    case 1:
        moved(of);
        break;
    case 2:
        if (!*slot) {
            MYSQL_STMT *it = mysql_stmt_init(of->mysql);
            *slot = calloc(1, sizeof(**slot));
            (*slot)->it = it;
            (*slot)->of = of;
        }
        break;
    case 3:
    case 4:
    case 5:
        query(of);
        break;
    case 6:
    case 7:
        take(of);
        break;
    case 8:
        command(of);
        break;
    case 9:
        mysql_thread_id(of->mysql);
        mysql_get_ssl_cipher(of->mysql);
        touch(mysql_error(of->mysql), strlen(mysql_error(of->mysql)));
        if (mysql_info(of->mysql))
            touch(mysql_info(of->mysql), strlen(mysql_info(of->mysql)));
        if (of->mysql->db)
            touch(of->mysql->db, strlen(of->mysql->db));
        touch_fields(of->mysql->fields, of->mysql->fields ? mysql_field_count(of->mysql) : 0);
        const char *data;
        size_t length;
        if (mysql_session_track_get_first(of->mysql, SESSION_TRACK_SCHEMA, &data, &length) == 0)
            touch(data, length);
        break;
    case 10:
    case 11:
    case 12:
    case 13:
        if (result)
            use_result(result);
        break;
    case 14:
    case 15:
    case 16:
    case 17:
    case 18:
        if (*slot)
            use_statement(*slot);
        break;
    case 19:
    case 20:
    case 21:
        use_log(of);
        break;
    default:
        go_on(of);
    }
}

static void all_freed(void) {
    for (int at = 0; at < CONNECTIONS; at++)
        if (connections[at].mysql) {
            mysql_close(connections[at].mysql);
            closed(&connections[at]);
        }
    for (int at = 0; at < RESULTS; at++) {
        mysql_free_result(results[at]);
        results[at] = NULL;
    }
    for (int at = 0; at < STATEMENTS; at++)
        if (statements[at]) {
            expect(mysql_stmt_close(statements[at]->it) == 0, "close a statement at the end", NULL);
            forget_statement(statements[at]->it);
        }
}

int main(int count, char **words) {
    if (count < 4)
        return 2;
    place = words[1];
    seed = words[2];
    state = strtoull(seed, NULL, 10) * 0x9e3779b97f4a7c15ULL | 1;
    int steps = atoi(words[3]);
    alarm(300);
    /* The first half makes what a process keeps for ever. */
    size_t before = 0;
    int first = -1;
    for (step = 0; step < steps; step++) {
        one_step();
        if (step % 2000 == 1999 || step == steps - 1) {
            all_freed();
            int next = dup(0);
            close(next);
            if (first < 0)
                first = next;
            expect(next == first, "a descriptor is left", NULL);
            size_t now = mallinfo2().uordblks;
            if (before == 0 && step > steps / 2)
                before = now;
            expect(before == 0 || now < before + 65536, "memory is left", NULL);
        }
    }
    printf("%d connects, %d calls refused, %lu events\n", connects, refused, events);
    return 0;
}

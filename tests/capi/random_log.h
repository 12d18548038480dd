/* Readers of a binary log, in random order with the other calls. */
#include <mariadb_rpl.h>

enum { LOGS = 3 };

static struct log {
    MARIADB_RPL *it;
    struct connection *of;
    MARIADB_RPL_EVENT *table, *event;
} logs[LOGS];

static unsigned long events;

static void free_log(struct log *log) {
    mariadb_free_rpl_event(log->event);
    mariadb_free_rpl_event(log->table);
    mariadb_rpl_close(log->it);
    memset(log, 0, sizeof(*log));
}

/* A reader ends before its handle is freed or moved, because it has the handle's address. */
static void free_logs(const struct connection *of) {
    for (int at = 0; at < LOGS; at++)
        if (logs[at].of == of)
            free_log(&logs[at]);
}

static void init_log(struct log *log, struct connection *of) {
    log->it = mariadb_rpl_init(of->mysql);
    log->of = of;
    mariadb_rpl_optionsv(log->it, MARIADB_RPL_SERVER_ID, any(3));
    mariadb_rpl_optionsv(log->it, MARIADB_RPL_FLAGS, any(2) ? MARIADB_RPL_BINLOG_DUMP_NON_BLOCK : MARIADB_RPL_IGNORE_HEARTBEAT);
    mariadb_rpl_optionsv(log->it, MARIADB_RPL_UNCOMPRESS, any(2));
    mariadb_rpl_optionsv(log->it, MARIADB_RPL_SEMI_SYNC, any(2));
    if (any(2))
        mariadb_rpl_optionsv(log->it, MARIADB_RPL_HOST, "replica");
    /* The name is kept, and not its place. */
    char *name = strdup("bin.000001");
    mariadb_rpl_optionsv(log->it, MARIADB_RPL_FILENAME, name, (size_t)any(11));
    free(name);
}

#define TOUCH_TEXT(text) touch((text).str, (text).length)

static void touch_event(const MARIADB_RPL_EVENT *event) {
    switch (event->event_type) {
    case ROTATE_EVENT:
        TOUCH_TEXT(event->event.rotate.filename);
        break;
    case QUERY_EVENT:
        TOUCH_TEXT(event->event.query.database);
        TOUCH_TEXT(event->event.query.status);
        TOUCH_TEXT(event->event.query.statement);
        break;
    case ANNOTATE_ROWS_EVENT:
        TOUCH_TEXT(event->event.annotate_rows.statement);
        break;
    case TABLE_MAP_EVENT:
        TOUCH_TEXT(event->event.table_map.database);
        TOUCH_TEXT(event->event.table_map.table);
        TOUCH_TEXT(event->event.table_map.column_types);
        TOUCH_TEXT(event->event.table_map.metadata);
        break;
    case WRITE_ROWS_EVENT_V1:
    case UPDATE_ROWS_EVENT_V1:
    case DELETE_ROWS_EVENT_V1:
        touch(event->event.rows.row_data, event->event.rows.row_data_size);
        break;
    default:
        break;
    }
}

static void touch_rows(const MARIADB_RPL_ROW *row) {
    for (; row; row = row->next)
        for (uint32_t at = 0; at < row->column_count; at++)
            if (!row->columns[at].is_null && row->columns[at].field_type >= MYSQL_TYPE_TINY_BLOB)
                TOUCH_TEXT(row->columns[at].val.str);
}

static void fetch_event(struct log *log) {
    /* The memory of the last event is used again, or is freed later, or keeps a table's description. */
    MARIADB_RPL_EVENT *before = log->event;
    if (before && before->event_type == TABLE_MAP_EVENT) {
        mariadb_free_rpl_event(log->table);
        log->table = before;
        before = NULL;
    } else if (any(2)) {
        mariadb_free_rpl_event(before);
        before = NULL;
    }
    log->event = mariadb_rpl_fetch(log->it, before);
    touch(mariadb_rpl_error(log->it), strlen(mariadb_rpl_error(log->it)));
    if (log->of->call.name)
        out_of_turn(log->of, "mariadb_rpl_fetch", !log->event);
    if (log->event) {
        events++;
        touch_event(log->event);
    }
}

static void use_log(struct connection *of) {
    struct log *log = &logs[any(LOGS)];
    if (!log->it) {
        init_log(log, of);
        return;
    }
    switch (any(8)) {
    case 0:
    case 1: {
        int failed = mariadb_rpl_open(log->it);
        if (log->of->call.name)
            out_of_turn(log->of, "mariadb_rpl_open", failed);
        break;
    }
    case 2:
        if (any(4) == 0)
            free_log(log);
        break;
    case 3:
    case 4:
        if (log->table && log->event)
            touch_rows(mariadb_rpl_extract_rows(log->it, log->table, log->event));
        break;
    default:
        fetch_event(log);
    }
}

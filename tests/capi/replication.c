/* Prints the events of a binary log: replication HOST PORT USER PASSWORD CA CHECKSUM FILE, or replication FILE. With SOCKET=path the server is
   behind a Unix socket, without TLS; with REPLICA=host the server lists this reader under that host, port 3307. */
#include <mysql.h>
#include <mariadb_rpl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(const char *name, const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    printf(" %s=", name);
    for (size_t i = 0; bytes && i < length; i++)
        printf(at[i] >= 0x20 && at[i] < 0x7f && at[i] != '\\' ? "%c" : "\\%02x", at[i]);
}

#define TEXT(string) put(#string, (string).str, (string).length)
#define DATA(string) put(#string, (string).data, (string).length)
#define NUMBER(number) printf(" " #number "=%llu", (unsigned long long)(number))

static void print_time(const MYSQL_TIME *at) {
    printf("%s%u-%u-%u %u:%u:%u.%lu type %d", at->neg ? "-" : "", at->year, at->month, at->day, at->hour, at->minute, at->second,
           at->second_part, (int)at->time_type);
}

static void print_value(const MARIADB_RPL_VALUE *value) {
    printf("  %d ", (int)value->field_type);
    if (value->is_null) {
        printf("NULL\n");
        return;
    }
    switch (value->field_type) {
    case MYSQL_TYPE_TINY: printf("%d", (int8_t)value->val.ll); break;
    case MYSQL_TYPE_SHORT: printf("%d", (int16_t)value->val.ll); break;
    case MYSQL_TYPE_INT24: printf("%d", (int32_t)((uint32_t)value->val.ll << 8) >> 8); break;
    case MYSQL_TYPE_LONG: printf("%d", (int32_t)value->val.ll); break;
    case MYSQL_TYPE_LONGLONG: printf("%lld", (long long)value->val.ll); break;
    case MYSQL_TYPE_YEAR: case MYSQL_TYPE_ENUM: case MYSQL_TYPE_SET:
        printf("%llu", (unsigned long long)value->val.ull);
        break;
    case MYSQL_TYPE_TIMESTAMP: case MYSQL_TYPE_TIMESTAMP2:
        printf("%u.%06u", value->val.ts.second, value->val.ts.second_part);
        break;
    case MYSQL_TYPE_FLOAT: printf("%g", value->val.f); break;
    case MYSQL_TYPE_DOUBLE: printf("%.17g", value->val.d); break;
    case MYSQL_TYPE_DATE: case MYSQL_TYPE_TIME: case MYSQL_TYPE_DATETIME: print_time(&value->val.tm); break;
    default: TEXT(value->val.str); break;
    }
    printf("\n");
}

static void print_rows(MARIADB_RPL *rpl, MARIADB_RPL_EVENT *table, MARIADB_RPL_EVENT *event) {
    const MARIADB_RPL_ROW *row = mariadb_rpl_extract_rows(rpl, table, event);
    if (!row)
        printf(" no rows: %u %s\n", mariadb_rpl_errno(rpl), mariadb_rpl_error(rpl));
    for (; row; row = row->next) {
        printf(" row\n");
        for (uint32_t i = 0; i < row->column_count; i++)
            print_value(&row->columns[i]);
    }
}

static void print_event(const MARIADB_RPL_EVENT *event) {
    printf("%d server %u length %u next %u flags %u semi %d %d", (int)event->event_type, event->server_id, event->event_length,
           event->next_event_pos, event->flags, event->is_semi_sync, event->semi_sync_flags);
    switch (event->event_type) {
    case ROTATE_EVENT: NUMBER(event->event.rotate.position); TEXT(event->event.rotate.filename); break;
    case FORMAT_DESCRIPTION_EVENT:
        NUMBER(event->event.format_description.format);
        printf(" %s", event->event.format_description.server_version);
        NUMBER(event->event.format_description.header_len);
        TEXT(event->event.format_description.post_header_lengths);
        break;
    case QUERY_EVENT: case QUERY_COMPRESSED_EVENT:
        NUMBER(event->event.query.errornr);
        TEXT(event->event.query.database); TEXT(event->event.query.status); TEXT(event->event.query.statement);
        break;
    case GTID_LIST_EVENT:
        for (uint32_t i = 0; i < event->event.gtid_list.gtid_cnt; i++)
            printf(" %u-%u-%llu", event->event.gtid_list.gtid[i].domain_id, event->event.gtid_list.gtid[i].server_id,
                   event->event.gtid_list.gtid[i].sequence_nr);
        break;
    case BINLOG_CHECKPOINT_EVENT: TEXT(event->event.checkpoint.filename); break;
    case XID_EVENT: NUMBER(event->event.xid.transaction_nr); break;
    case GTID_EVENT:
        NUMBER(event->event.gtid.sequence_nr); NUMBER(event->event.gtid.domain_id); NUMBER(event->event.gtid.flags);
        NUMBER(event->event.gtid.format_id); NUMBER(event->event.gtid.gtrid_len); NUMBER(event->event.gtid.bqual_len);
        TEXT(event->event.gtid.xid);
        break;
    case ANNOTATE_ROWS_EVENT: TEXT(event->event.annotate_rows.statement); break;
    case TABLE_MAP_EVENT: {
        const struct st_mariadb_rpl_table_map_event *map = &event->event.table_map;
        TEXT(map->database); TEXT(map->table); NUMBER(map->column_count); TEXT(map->column_types); TEXT(map->metadata);
        put("nulls", map->null_indicator, (map->column_count + 7) / 8);
        put("signed", map->signed_indicator, map->signed_indicator ? 1 : 0);
        DATA(map->column_names); DATA(map->geometry_types); NUMBER(map->default_charset); DATA(map->column_charsets);
        DATA(map->simple_primary_keys); DATA(map->prefixed_primary_keys); DATA(map->set_values); DATA(map->enum_values);
        NUMBER(map->enum_set_default_charset); DATA(map->enum_set_column_charsets);
        break;
    }
    case RAND_EVENT: NUMBER(event->event.rand.first_seed); NUMBER(event->event.rand.second_seed); break;
    case INTVAR_EVENT: NUMBER(event->event.intvar.type); NUMBER(event->event.intvar.value); break;
    case USER_VAR_EVENT:
        TEXT(event->event.uservar.name); NUMBER(event->event.uservar.is_null); NUMBER(event->event.uservar.type);
        NUMBER(event->event.uservar.charset_nr); TEXT(event->event.uservar.value);
        break;
    case BEGIN_LOAD_QUERY_EVENT: NUMBER(event->event.begin_load_query.file_id); put("data", event->event.begin_load_query.data, 4); break;
    case EXECUTE_LOAD_QUERY_EVENT:
        NUMBER(event->event.execute_load_query.file_id); NUMBER(event->event.execute_load_query.ofs1);
        NUMBER(event->event.execute_load_query.ofs2); NUMBER(event->event.execute_load_query.duplicate_flag);
        TEXT(event->event.execute_load_query.schema); TEXT(event->event.execute_load_query.statement);
        break;
    case WRITE_ROWS_EVENT_V1: case UPDATE_ROWS_EVENT_V1: case DELETE_ROWS_EVENT_V1:
    case WRITE_ROWS_COMPRESSED_EVENT_V1: case UPDATE_ROWS_COMPRESSED_EVENT_V1: case DELETE_ROWS_COMPRESSED_EVENT_V1:
        NUMBER(event->event.rows.type); NUMBER(event->event.rows.flags); NUMBER(event->event.rows.column_count);
        NUMBER(event->event.rows.compressed);
        put("columns", event->event.rows.column_bitmap, (event->event.rows.column_count + 7) / 8);
        if (event->event.rows.column_update_bitmap)
            put("updated", event->event.rows.column_update_bitmap, (event->event.rows.column_count + 7) / 8);
        put("data", event->event.rows.row_data, event->event.rows.row_data_size);
        break;
    default: break;
    }
    printf("\n");
}

int main(int count, char **arguments) {
    MYSQL *mysql = NULL;
    const char *socket = getenv("SOCKET");
    if (count > 2) {
        mysql = mysql_init(NULL);
        if (getenv("REPLICA"))
            mysql_optionsv(mysql, MARIADB_OPT_RPL_REGISTER_REPLICA, getenv("REPLICA"), 3307);
        if (!socket)
            mysql_ssl_set(mysql, NULL, NULL, arguments[5], NULL, NULL);
        if (!mysql_real_connect(mysql, socket ? NULL : arguments[1], arguments[3], arguments[4], NULL, atoi(arguments[2]), socket, 0)) {
            printf("connect %u %s\n", mysql_errno(mysql), mysql_error(mysql));
            return 1;
        }
        if (!socket)
            printf("%s\n", mysql_get_ssl_cipher(mysql));
        char sql[256];
        snprintf(sql, sizeof(sql), "SET @master_binlog_checksum='%s', @mariadb_slave_capability=4", arguments[6]);
        if (mysql_query(mysql, sql)) {
            printf("set %u %s\n", mysql_errno(mysql), mysql_error(mysql));
            return 1;
        }
    }
    MARIADB_RPL *rpl = mariadb_rpl_init(mysql);
    if (!rpl) {
        printf("init %u %s\n", mysql_errno(mysql), mysql_error(mysql));
        return 1;
    }
    mariadb_rpl_optionsv(rpl, MARIADB_RPL_SERVER_ID, 77);
    mariadb_rpl_optionsv(rpl, MARIADB_RPL_START, 4UL);
    mariadb_rpl_optionsv(rpl, MARIADB_RPL_FLAGS, MARIADB_RPL_BINLOG_DUMP_NON_BLOCK | MARIADB_RPL_BINLOG_SEND_ANNOTATE_ROWS);
    mariadb_rpl_optionsv(rpl, MARIADB_RPL_VERIFY_CHECKSUM, 1);
    mariadb_rpl_optionsv(rpl, MARIADB_RPL_UNCOMPRESS, 1);
    mariadb_rpl_optionsv(rpl, MARIADB_RPL_FILENAME, arguments[count - 1], (size_t)0);
    const char *name = NULL;
    size_t length = 0;
    unsigned int flags = 0, id = 0;
    unsigned long start = 0;
    mariadb_rpl_get_optionsv(rpl, MARIADB_RPL_FILENAME, &name, &length);
    mariadb_rpl_get_optionsv(rpl, MARIADB_RPL_FLAGS, &flags);
    mariadb_rpl_get_optionsv(rpl, MARIADB_RPL_SERVER_ID, &id);
    mariadb_rpl_get_optionsv(rpl, MARIADB_RPL_START, &start);
    printf("options %d %u %u %lu\n", length == strlen(arguments[count - 1]) && !memcmp(name, arguments[count - 1], length), flags, id, start);
    if (mariadb_rpl_open(rpl)) {
        printf("open %u %s\n", mysql ? mysql_errno(mysql) : mariadb_rpl_errno(rpl), mysql ? mysql_error(mysql) : mariadb_rpl_error(rpl));
        return 1;
    }
    MARIADB_RPL_EVENT *event = NULL, *reused = NULL, *table = NULL;
    int turn = 0;
    for (;;) {
        /* Every other event is in the memory of an earlier one. */
        MARIADB_RPL_EVENT *into = turn++ % 2 ? reused : NULL;
        if (into)
            reused = NULL;
        event = mariadb_rpl_fetch(rpl, into);
        if (!event)
            break;
        print_event(event);
        if (event->event_type == TABLE_MAP_EVENT) {
            mariadb_free_rpl_event(table);
            table = event;
            continue;
        }
        if (table && (IS_ROW_EVENT(event)))
            print_rows(rpl, table, event);
        mariadb_free_rpl_event(reused);
        reused = event;
    }
    printf("end %u %s, %u %s\n", mariadb_rpl_errno(rpl), mariadb_rpl_error(rpl), mysql ? mysql_errno(mysql) : 0,
           mysql ? mysql_error(mysql) : "");
    mariadb_free_rpl_event(reused);
    mariadb_free_rpl_event(table);
    mariadb_rpl_close(rpl);
    if (mysql)
        mysql_close(mysql);
    return 0;
}

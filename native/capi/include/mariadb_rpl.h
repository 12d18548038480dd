/* Reading the binary log of a server or of a file, as MariaDB Connector/C 3.3 does: the types, numbers and functions.

   mariadb_rpl_init(mysql), options, mariadb_rpl_open, then mariadb_rpl_fetch until it gives NULL: the end where mariadb_rpl_errno is 0. */

#ifndef SEALWIRE_MARIADB_RPL_H
#define SEALWIRE_MARIADB_RPL_H

#include "mysql.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MARIADB_RPL_VERSION 2
#define MARIADB_RPL_REQUIRED_VERSION 2

/* MARIADB_RPL_FLAGS: end at the end of the log; send ANNOTATE_ROWS events; skip heartbeats. */
#define MARIADB_RPL_BINLOG_DUMP_NON_BLOCK 1
#define MARIADB_RPL_BINLOG_SEND_ANNOTATE_ROWS 2
#define MARIADB_RPL_IGNORE_HEARTBEAT (1 << 17)

/* Bits of the flags of MariaDB's GTID event. */
#define FL_STANDALONE 1
#define FL_GROUP_COMMIT_ID 2
#define FL_TRANSACTIONAL 4
#define FL_ALLOW_PARALLEL 8
#define FL_WAITED 16
#define FL_DDL 32
#define FL_PREPARED_XA 64
#define FL_COMPLETED_XA 128

/* Bits of an event's flags. */
#define LOG_EVENT_BINLOG_IN_USE_F 0x0001
#define LOG_EVENT_THREAD_SPECIFIC_F 0x0004
#define LOG_EVENT_SUPPRESS_USE_F 0x0008
#define LOG_EVENT_ARTIFICIAL_F 0x0020
#define LOG_EVENT_RELAY_LOG_F 0x0040
#define LOG_EVENT_IGNORABLE_F 0x0080
#define LOG_EVENT_NO_FILTER_F 0x0100
#define LOG_EVENT_SKIP_REPLICATION_F 0x8000

/* Bits of a row event's flags. */
#define STMT_END_F 1
#define NO_FOREIGN_KEY_CHECKS_F 2
#define RELAXED_UNIQUE_KEY_CHECKS_F 4
#define COMPLETE_ROWS_F 8

/* The options, with the types of their arguments. */
enum mariadb_rpl_option {
    MARIADB_RPL_FILENAME = 0,        /* const char *, size_t: 0 where the name ends with a NUL */
    MARIADB_RPL_START = 1,           /* unsigned long: the position of the first event, in the log of a server */
    MARIADB_RPL_SERVER_ID = 2,       /* unsigned int */
    MARIADB_RPL_FLAGS = 3,           /* unsigned int */
    MARIADB_RPL_VERIFY_CHECKSUM = 7, /* unsigned int; this library verifies them always */
    MARIADB_RPL_UNCOMPRESS = 8,      /* unsigned int: inflate the statements of QUERY_COMPRESSED events */
    MARIADB_RPL_HOST = 9,            /* const char *: the host under which SHOW REPLICA HOSTS lists this replica */
    MARIADB_RPL_PORT = 10,           /* unsigned int: its port */
    MARIADB_RPL_EXTRACT_VALUES = 11, /* unsigned int */
    MARIADB_RPL_SEMI_SYNC = 12       /* unsigned int: acknowledge events where the server asks for it */
};

enum mariadb_rpl_event {
    UNKNOWN_EVENT = 0,
    QUERY_EVENT = 2,
    STOP_EVENT = 3,
    ROTATE_EVENT = 4,
    INTVAR_EVENT = 5,
    RAND_EVENT = 13,
    USER_VAR_EVENT = 14,
    FORMAT_DESCRIPTION_EVENT = 15,
    XID_EVENT = 16,
    BEGIN_LOAD_QUERY_EVENT = 17,
    EXECUTE_LOAD_QUERY_EVENT = 18,
    TABLE_MAP_EVENT = 19,
    WRITE_ROWS_EVENT_V1 = 23,
    UPDATE_ROWS_EVENT_V1 = 24,
    DELETE_ROWS_EVENT_V1 = 25,
    INCIDENT_EVENT = 26,
    HEARTBEAT_LOG_EVENT = 27,
    WRITE_ROWS_EVENT = 30,
    UPDATE_ROWS_EVENT = 31,
    DELETE_ROWS_EVENT = 32,
    GTID_LOG_EVENT = 33,
    ANONYMOUS_GTID_LOG_EVENT = 34,
    PREVIOUS_GTIDS_LOG_EVENT = 35,
    XA_PREPARE_LOG_EVENT = 38,
    ANNOTATE_ROWS_EVENT = 160,
    BINLOG_CHECKPOINT_EVENT = 161,
    GTID_EVENT = 162,
    GTID_LIST_EVENT = 163,
    START_ENCRYPTION_EVENT = 164,
    QUERY_COMPRESSED_EVENT = 165,
    WRITE_ROWS_COMPRESSED_EVENT_V1 = 166,
    UPDATE_ROWS_COMPRESSED_EVENT_V1 = 167,
    DELETE_ROWS_COMPRESSED_EVENT_V1 = 168,
    WRITE_ROWS_COMPRESSED_EVENT = 169,
    UPDATE_ROWS_COMPRESSED_EVENT = 170,
    DELETE_ROWS_COMPRESSED_EVENT = 171,
    ENUM_END_EVENT = 172
};

enum mariadb_row_event_type { WRITE_ROWS = 0, UPDATE_ROWS = 1, DELETE_ROWS = 2 };

typedef enum { RPL_SERVER_MYSQL = 0, RPL_SERVER_MARIADB = 1, RPL_SERVER_COUNT = 2 } RPL_SERVER_TYPE;

/* Bytes without a NUL behind them. */
typedef struct { char *str; size_t length; } MARIADB_STRING;
typedef struct { const unsigned char *data; size_t length; } MARIADB_CONST_DATA;

typedef struct st_mariadb_gtid {
    unsigned int domain_id;
    unsigned int server_id;
    unsigned long long sequence_nr;
} MARIADB_GTID;

typedef struct st_rpl_timestamp {
    uint32_t second; /* since 1970, in UTC */
    uint32_t second_part; /* microseconds */
} MARIADB_TIMESTAMP;

typedef struct st_mariadb_rpl {
    unsigned int version;
    MYSQL *mysql;
    char *filename;
    uint32_t filename_length;
    uint32_t server_id;
    unsigned long start_position;
    uint16_t flags;
    uint8_t fd_header_len;
    uint8_t use_checksum;
    uint8_t artificial_checksum;
    uint8_t verify_checksum;
    uint8_t post_header_len[ENUM_END_EVENT];
    void *fp;
    uint32_t error_no;
    char error_msg[MYSQL_ERRMSG_SIZE];
    uint8_t uncompress;
    char *host;
    uint32_t port;
    uint8_t extract_values;
    char nonce[12];
    uint8_t encrypted;
    uint8_t is_semi_sync;
    RPL_SERVER_TYPE server_type;
    uint16_t num_post_header_lengths;
} MARIADB_RPL;

typedef struct st_mariadb_rpl_value {
    enum enum_field_types field_type;
    uint8_t is_null;   /* also where the column is not in the image: see the event's bitmaps */
    uint8_t is_signed; /* the log says that the number has a sign, which then is in all of ll */
    union {
        int64_t ll;
        uint64_t ull;
        float f;
        double d;
        MYSQL_TIME tm;
        MARIADB_TIMESTAMP ts;
        MARIADB_STRING str;
    } val;
} MARIADB_RPL_VALUE;

/* An image of a row. An UPDATE has two of each row: before and after the change. */
typedef struct st_rpl_mariadb_row {
    uint32_t column_count;
    MARIADB_RPL_VALUE *columns;
    struct st_rpl_mariadb_row *next;
} MARIADB_RPL_ROW;

struct st_mariadb_rpl_rotate_event { unsigned long long position; MARIADB_STRING filename; };

struct st_mariadb_rpl_query_event {
    uint32_t thread_id;
    uint32_t seconds;
    MARIADB_STRING database;
    uint32_t errornr;
    MARIADB_STRING status;
    MARIADB_STRING statement;
};

struct st_mariadb_rpl_previous_gtid_event { MARIADB_CONST_DATA content; };

struct st_mariadb_rpl_gtid_list_event { uint32_t gtid_cnt; MARIADB_GTID *gtid; };

struct st_mariadb_rpl_format_description_event {
    uint16_t format;
    char *server_version;
    uint32_t timestamp;
    uint8_t header_len;
    MARIADB_STRING post_header_lengths;
};

struct st_mariadb_rpl_checkpoint_event { MARIADB_STRING filename; };

struct st_mariadb_rpl_xid_event { uint64_t transaction_nr; };

struct st_mariadb_rpl_gtid_event {
    uint64_t sequence_nr;
    uint32_t domain_id;
    uint8_t flags;
    uint64_t commit_id;
    uint32_t format_id;
    uint8_t gtrid_len;
    uint8_t bqual_len;
    MARIADB_STRING xid;
};

struct st_mariadb_rpl_annotate_rows_event { MARIADB_STRING statement; };

struct st_mariadb_rpl_table_map_event {
    unsigned long long table_id;
    MARIADB_STRING database;
    MARIADB_STRING table;
    uint32_t column_count;
    MARIADB_STRING column_types;
    MARIADB_STRING metadata;
    unsigned char *null_indicator;
    unsigned char *signed_indicator;
    MARIADB_CONST_DATA column_names;
    MARIADB_CONST_DATA geometry_types;
    uint32_t default_charset;
    MARIADB_CONST_DATA column_charsets;
    MARIADB_CONST_DATA simple_primary_keys;
    MARIADB_CONST_DATA prefixed_primary_keys;
    MARIADB_CONST_DATA set_values;
    MARIADB_CONST_DATA enum_values;
    uint8_t enum_set_default_charset;
    MARIADB_CONST_DATA enum_set_column_charsets;
};

struct st_mariadb_rpl_rand_event { unsigned long long first_seed; unsigned long long second_seed; };

struct st_mariadb_rpl_intvar_event { unsigned long long value; uint8_t type; };

struct st_mariadb_begin_load_query_event { uint32_t file_id; unsigned char *data; };

struct st_mariadb_start_encryption_event { uint8_t scheme; uint32_t key_version; char nonce[12]; };

struct st_mariadb_execute_load_query_event {
    uint32_t thread_id;
    uint32_t execution_time;
    MARIADB_STRING schema;
    uint16_t error_code;
    uint32_t file_id;
    uint32_t ofs1;
    uint32_t ofs2;
    uint8_t duplicate_flag;
    MARIADB_STRING status_vars;
    MARIADB_STRING statement;
};

struct st_mariadb_rpl_uservar_event {
    MARIADB_STRING name;
    uint8_t is_null;
    uint8_t type;
    uint32_t charset_nr;
    MARIADB_STRING value;
    uint8_t flags;
};

struct st_mariadb_rpl_rows_event {
    enum mariadb_row_event_type type;
    uint64_t table_id;
    uint16_t flags;
    uint32_t column_count;
    unsigned char *column_bitmap;
    unsigned char *column_update_bitmap;
    unsigned char *null_bitmap;
    size_t row_data_size;
    void *row_data;
    size_t extra_data_size;
    void *extra_data;
    uint8_t compressed;
    uint32_t row_count;
};

struct st_mariadb_rpl_heartbeat_event { MARIADB_STRING filename; };

struct st_mariadb_rpl_xa_prepare_log_event {
    uint8_t one_phase;
    uint32_t format_id;
    uint32_t gtrid_len;
    uint32_t bqual_len;
    MARIADB_STRING xid;
};

struct st_mariadb_gtid_log_event { uint8_t commit_flag; char source_id[16]; uint64_t sequence_nr; };

typedef struct st_mariadb_rpl_event {
    MA_MEM_ROOT memroot;
    unsigned char *raw_data;
    size_t raw_data_size;
    size_t raw_data_ofs;
    unsigned int checksum;
    char ok;
    enum mariadb_rpl_event event_type;
    unsigned int timestamp;
    unsigned int server_id;
    unsigned int event_length;
    unsigned int next_event_pos;
    unsigned short flags;
    union {
        struct st_mariadb_rpl_rotate_event rotate;
        struct st_mariadb_rpl_query_event query;
        struct st_mariadb_rpl_format_description_event format_description;
        struct st_mariadb_rpl_gtid_list_event gtid_list;
        struct st_mariadb_rpl_checkpoint_event checkpoint;
        struct st_mariadb_rpl_xid_event xid;
        struct st_mariadb_rpl_gtid_event gtid;
        struct st_mariadb_rpl_annotate_rows_event annotate_rows;
        struct st_mariadb_rpl_table_map_event table_map;
        struct st_mariadb_rpl_rand_event rand;
        struct st_mariadb_rpl_intvar_event intvar;
        struct st_mariadb_rpl_uservar_event uservar;
        struct st_mariadb_rpl_rows_event rows;
        struct st_mariadb_rpl_heartbeat_event heartbeat;
        struct st_mariadb_rpl_xa_prepare_log_event xa_prepare_log;
        struct st_mariadb_begin_load_query_event begin_load_query;
        struct st_mariadb_execute_load_query_event execute_load_query;
        struct st_mariadb_gtid_log_event gtid_log;
        struct st_mariadb_start_encryption_event start_encryption;
        struct st_mariadb_rpl_previous_gtid_event previous_gtid;
    } event;
    uint8_t is_semi_sync;
    uint8_t semi_sync_flags;
    MARIADB_RPL *rpl;
} MARIADB_RPL_EVENT;

#define IS_ROW_EVENT(event)                                                                            \
    (((event)->event_type >= WRITE_ROWS_EVENT_V1 && (event)->event_type <= DELETE_ROWS_EVENT_V1) ||    \
     ((event)->event_type >= WRITE_ROWS_EVENT && (event)->event_type <= DELETE_ROWS_EVENT) ||          \
     ((event)->event_type >= WRITE_ROWS_COMPRESSED_EVENT_V1 && (event)->event_type < ENUM_END_EVENT))

#define mariadb_rpl_init(mysql) mariadb_rpl_init_ex((mysql), MARIADB_RPL_VERSION)

/* A reader of the log of the server behind a handle, or of a file where mysql is NULL. */
MARIADB_RPL *mariadb_rpl_init_ex(MYSQL *mysql, unsigned int version);
int mariadb_rpl_optionsv(MARIADB_RPL *rpl, enum mariadb_rpl_option option, ...);
int mariadb_rpl_get_optionsv(MARIADB_RPL *rpl, enum mariadb_rpl_option option, ...);
int mariadb_rpl_open(MARIADB_RPL *rpl);
/* The next event, in the memory of event where that is not NULL. Where the answer is NULL, event was freed. */
MARIADB_RPL_EVENT *mariadb_rpl_fetch(MARIADB_RPL *rpl, MARIADB_RPL_EVENT *event);
void mariadb_free_rpl_event(MARIADB_RPL_EVENT *event);
/* The rows of a row event; they live as long as it. */
MARIADB_RPL_ROW *mariadb_rpl_extract_rows(MARIADB_RPL *rpl, MARIADB_RPL_EVENT *table_map, MARIADB_RPL_EVENT *rows);
unsigned int mariadb_rpl_errno(MARIADB_RPL *rpl);
const char *mariadb_rpl_error(MARIADB_RPL *rpl);
void mariadb_rpl_close(MARIADB_RPL *rpl);

#ifdef __cplusplus
}
#endif

#endif

/* The C API of Sealwire's libmariadb.so.3: the types, numbers and functions of MariaDB Connector/C 3.3 on 64-bit Linux.

   Programs that were built with MariaDB's own header run with this library as they are. This header is for new ones. */

#ifndef SEALWIRE_MYSQL_H
#define SEALWIRE_MYSQL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MYSQL_VERSION_ID 101119
#define MARIADB_VERSION_ID 101119
#define MARIADB_CLIENT_VERSION_STR "10.11.19"
#define MARIADB_PACKAGE_VERSION "3.3.20"
#define MARIADB_PACKAGE_VERSION_ID 30320
#define MYSQL_PORT 3306
#define PROTOCOL_VERSION 10
#define STDCALL
#define HAVE_SEALWIRE 1

#define MYSQL_ERRMSG_SIZE 512
#define SQLSTATE_LENGTH 5
#define SCRAMBLE_LENGTH 20

typedef char my_bool;
typedef unsigned long long my_ulonglong;
typedef int my_socket;

/* Flags for mysql_real_connect. */
#define CLIENT_MYSQL 1UL
#define CLIENT_FOUND_ROWS 2UL
#define CLIENT_LONG_FLAG 4UL
#define CLIENT_CONNECT_WITH_DB 8UL
#define CLIENT_NO_SCHEMA 16UL
#define CLIENT_COMPRESS 32UL
#define CLIENT_ODBC 64UL
#define CLIENT_LOCAL_FILES 128UL
#define CLIENT_IGNORE_SPACE 256UL
#define CLIENT_INTERACTIVE 1024UL
#define CLIENT_SSL 2048UL
#define CLIENT_TRANSACTIONS 8192UL
#define CLIENT_MULTI_STATEMENTS (1UL << 16)
#define CLIENT_MULTI_RESULTS (1UL << 17)
#define CLIENT_PS_MULTI_RESULTS (1UL << 18)
#define CLIENT_SSL_VERIFY_SERVER_CERT (1UL << 30)
#define CLIENT_REMEMBER_OPTIONS (1UL << 31)

/* Bits of MYSQL.server_status. */
#define SERVER_STATUS_IN_TRANS 1
#define SERVER_STATUS_AUTOCOMMIT 2
#define SERVER_MORE_RESULTS_EXIST 8
#define SERVER_STATUS_NO_BACKSLASH_ESCAPES 512
#define SERVER_PS_OUT_PARAMS 4096

/* Bits of mysql_refresh. */
#define REFRESH_GRANT 1
#define REFRESH_LOG 2
#define REFRESH_TABLES 4
#define REFRESH_HOSTS 8
#define REFRESH_STATUS 16

/* Bits of MYSQL_FIELD.flags. */
#define NOT_NULL_FLAG 1
#define PRI_KEY_FLAG 2
#define UNIQUE_KEY_FLAG 4
#define MULTIPLE_KEY_FLAG 8
#define BLOB_FLAG 16
#define UNSIGNED_FLAG 32
#define ZEROFILL_FLAG 64
#define BINARY_FLAG 128
#define ENUM_FLAG 256
#define AUTO_INCREMENT_FLAG 512
#define TIMESTAMP_FLAG 1024
#define SET_FLAG 2048
#define NO_DEFAULT_VALUE_FLAG 4096
#define ON_UPDATE_NOW_FLAG 8192
#define NUM_FLAG 32768

enum enum_field_types {
    MYSQL_TYPE_DECIMAL = 0,
    MYSQL_TYPE_TINY = 1,
    MYSQL_TYPE_SHORT = 2,
    MYSQL_TYPE_LONG = 3,
    MYSQL_TYPE_FLOAT = 4,
    MYSQL_TYPE_DOUBLE = 5,
    MYSQL_TYPE_NULL = 6,
    MYSQL_TYPE_TIMESTAMP = 7,
    MYSQL_TYPE_LONGLONG = 8,
    MYSQL_TYPE_INT24 = 9,
    MYSQL_TYPE_DATE = 10,
    MYSQL_TYPE_TIME = 11,
    MYSQL_TYPE_DATETIME = 12,
    MYSQL_TYPE_YEAR = 13,
    MYSQL_TYPE_NEWDATE = 14,
    MYSQL_TYPE_VARCHAR = 15,
    MYSQL_TYPE_BIT = 16,
    MYSQL_TYPE_TIMESTAMP2 = 17,
    MYSQL_TYPE_DATETIME2 = 18,
    MYSQL_TYPE_TIME2 = 19,
    MYSQL_TYPE_JSON = 245,
    MYSQL_TYPE_NEWDECIMAL = 246,
    MYSQL_TYPE_ENUM = 247,
    MYSQL_TYPE_SET = 248,
    MYSQL_TYPE_TINY_BLOB = 249,
    MYSQL_TYPE_MEDIUM_BLOB = 250,
    MYSQL_TYPE_LONG_BLOB = 251,
    MYSQL_TYPE_BLOB = 252,
    MYSQL_TYPE_VAR_STRING = 253,
    MYSQL_TYPE_STRING = 254,
    MYSQL_TYPE_GEOMETRY = 255
};

enum mysql_status {
    MYSQL_STATUS_READY = 0,
    MYSQL_STATUS_GET_RESULT = 1,
    MYSQL_STATUS_USE_RESULT = 2,
    MYSQL_STATUS_QUERY_SENT = 3,
    MYSQL_STATUS_FETCHING_DATA = 5,
    MYSQL_STATUS_STMT_RESULT = 8
};

enum mysql_option {
    MYSQL_OPT_CONNECT_TIMEOUT = 0,
    MYSQL_OPT_COMPRESS = 1,
    MYSQL_OPT_NAMED_PIPE = 2,
    MYSQL_INIT_COMMAND = 3,
    MYSQL_READ_DEFAULT_FILE = 4,
    MYSQL_READ_DEFAULT_GROUP = 5,
    MYSQL_SET_CHARSET_DIR = 6,
    MYSQL_SET_CHARSET_NAME = 7,
    MYSQL_OPT_LOCAL_INFILE = 8,
    MYSQL_OPT_PROTOCOL = 9,
    MYSQL_OPT_READ_TIMEOUT = 11,
    MYSQL_OPT_WRITE_TIMEOUT = 12,
    MYSQL_SECURE_AUTH = 18,
    MYSQL_REPORT_DATA_TRUNCATION = 19,
    MYSQL_OPT_RECONNECT = 20,
    MYSQL_OPT_SSL_VERIFY_SERVER_CERT = 21,
    MYSQL_PLUGIN_DIR = 22,
    MYSQL_DEFAULT_AUTH = 23,
    MYSQL_OPT_BIND = 24,
    MYSQL_OPT_SSL_KEY = 25,
    MYSQL_OPT_SSL_CERT = 26,
    MYSQL_OPT_SSL_CA = 27,
    MYSQL_OPT_SSL_CAPATH = 28,
    MYSQL_OPT_SSL_CIPHER = 29,
    MYSQL_OPT_SSL_CRL = 30,
    MYSQL_OPT_SSL_CRLPATH = 31,
    MYSQL_OPT_CONNECT_ATTR_RESET = 32,
    MYSQL_OPT_CONNECT_ATTR_ADD = 33,
    MYSQL_OPT_CONNECT_ATTR_DELETE = 34,
    MYSQL_SERVER_PUBLIC_KEY = 35,
    MYSQL_ENABLE_CLEARTEXT_PLUGIN = 36,
    MYSQL_OPT_CAN_HANDLE_EXPIRED_PASSWORDS = 37,
    MYSQL_OPT_SSL_ENFORCE = 38,
    MYSQL_OPT_MAX_ALLOWED_PACKET = 39,
    MYSQL_OPT_NET_BUFFER_LENGTH = 40,
    MYSQL_OPT_TLS_VERSION = 41,
    MYSQL_OPT_ZSTD_COMPRESSION_LEVEL = 42,
    MYSQL_PROGRESS_CALLBACK = 5999,
    MYSQL_OPT_NONBLOCK = 6000,
    MARIADB_OPT_SSL_FP = 7001,
    MARIADB_OPT_SSL_FP_LIST = 7002,
    MARIADB_OPT_TLS_PASSPHRASE = 7003,
    MARIADB_OPT_TLS_CIPHER_STRENGTH = 7004,
    MARIADB_OPT_TLS_VERSION = 7005,
    MARIADB_OPT_TLS_PEER_FP = 7006,
    MARIADB_OPT_TLS_PEER_FP_LIST = 7007,
    MARIADB_OPT_CONNECTION_READ_ONLY = 7008,
    MYSQL_OPT_CONNECT_ATTRS = 7009,
    MARIADB_OPT_USERDATA = 7010,
    MARIADB_OPT_PORT = 7012,
    MARIADB_OPT_UNIXSOCKET = 7013,
    MARIADB_OPT_PASSWORD = 7014,
    MARIADB_OPT_HOST = 7015,
    MARIADB_OPT_USER = 7016,
    MARIADB_OPT_SCHEMA = 7017,
    MARIADB_OPT_FOUND_ROWS = 7019,
    MARIADB_OPT_MULTI_RESULTS = 7020,
    MARIADB_OPT_MULTI_STATEMENTS = 7021,
    MARIADB_OPT_INTERACTIVE = 7022,
    MARIADB_OPT_PROXY_HEADER = 7023,
    MARIADB_OPT_RESTRICTED_AUTH = 7026,
    MARIADB_OPT_RPL_REGISTER_REPLICA = 7027,
    MARIADB_OPT_STATUS_CALLBACK = 7028,
    /* Sealwire's own. The mode is an unsigned int, one of the numbers below; whether sessions are resumed is a my_bool, and 1 unless it is
       set; the others are texts. */
    MYSQL_OPT_SSL_MODE = 0x53570001,
    MYSQL_OPT_TLS_CIPHERSUITES = 0x53570002,
    MYSQL_OPT_TLS_SNI_SERVERNAME = 0x53570003,
    MYSQL_OPT_TLS_RESUMPTION = 0x53570004
};

enum mysql_ssl_mode {
    SSL_MODE_DISABLED = 1,
    SSL_MODE_PREFERRED,
    SSL_MODE_REQUIRED,
    SSL_MODE_VERIFY_CA,
    SSL_MODE_VERIFY_IDENTITY
};

enum mysql_protocol_type {
    MYSQL_PROTOCOL_DEFAULT,
    MYSQL_PROTOCOL_TCP,
    MYSQL_PROTOCOL_SOCKET
};

enum mariadb_value {
    MARIADB_CHARSET_ID,
    MARIADB_CHARSET_NAME,
    MARIADB_CLIENT_ERRORS,
    MARIADB_CLIENT_VERSION,
    MARIADB_CLIENT_VERSION_ID,
    MARIADB_CONNECTION_ASYNC_TIMEOUT,
    MARIADB_CONNECTION_ASYNC_TIMEOUT_MS,
    MARIADB_CONNECTION_MARIADB_CHARSET_INFO,
    MARIADB_CONNECTION_ERROR,
    MARIADB_CONNECTION_ERROR_ID,
    MARIADB_CONNECTION_HOST,
    MARIADB_CONNECTION_INFO,
    MARIADB_CONNECTION_PORT,
    MARIADB_CONNECTION_PROTOCOL_VERSION_ID,
    MARIADB_CONNECTION_PVIO_TYPE,
    MARIADB_CONNECTION_SCHEMA,
    MARIADB_CONNECTION_SERVER_TYPE,
    MARIADB_CONNECTION_SERVER_VERSION,
    MARIADB_CONNECTION_SERVER_VERSION_ID,
    MARIADB_CONNECTION_SOCKET,
    MARIADB_CONNECTION_SQLSTATE,
    MARIADB_CONNECTION_SSL_CIPHER,
    MARIADB_TLS_LIBRARY,
    MARIADB_CONNECTION_TLS_VERSION,
    MARIADB_CONNECTION_TLS_VERSION_ID,
    MARIADB_CONNECTION_TYPE,
    MARIADB_CONNECTION_UNIX_SOCKET,
    MARIADB_CONNECTION_USER,
    MARIADB_MAX_ALLOWED_PACKET,
    MARIADB_NET_BUFFER_LENGTH,
    MARIADB_CONNECTION_SERVER_STATUS,
    MARIADB_CONNECTION_SERVER_CAPABILITIES,
    MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
    MARIADB_CONNECTION_CLIENT_CAPABILITIES,
    MARIADB_CONNECTION_BYTES_READ,
    MARIADB_CONNECTION_BYTES_SENT,
    /* Of Connector/C 3.4: 0, because a server that is not as it must be is refused. */
    MARIADB_TLS_VERIFY_STATUS = 37,
    /* Sealwire's own: an unsigned int, and two texts. */
    SEALWIRE_TLS_SESSION_REUSED = 0x53570101,
    SEALWIRE_TLS_KEY_EXCHANGE = 0x53570102,
    SEALWIRE_TLS_VERIFICATION = 0x53570103
};

enum enum_stmt_attr_type {
    STMT_ATTR_UPDATE_MAX_LENGTH = 0,
    STMT_ATTR_CURSOR_TYPE = 1,
    STMT_ATTR_PREFETCH_ROWS = 2,
    STMT_ATTR_PREBIND_PARAMS = 200,
    STMT_ATTR_ARRAY_SIZE = 201,
    STMT_ATTR_ROW_SIZE = 202,
    STMT_ATTR_STATE = 203,
    STMT_ATTR_CB_USER_DATA = 204,
    STMT_ATTR_CB_PARAM = 205,
    STMT_ATTR_CB_RESULT = 206
};

/* What MYSQL_BIND.u.indicator has for a parameter of a row, where STMT_ATTR_ARRAY_SIZE is set. */
enum enum_indicator_type {
    STMT_INDICATOR_NTS = -1,
    STMT_INDICATOR_NONE = 0,
    STMT_INDICATOR_NULL = 1,
    STMT_INDICATOR_DEFAULT = 2,
    STMT_INDICATOR_IGNORE = 3,
    STMT_INDICATOR_IGNORE_ROW = 4
};

enum enum_cursor_type { CURSOR_TYPE_NO_CURSOR = 0, CURSOR_TYPE_READ_ONLY = 1 };
enum enum_mysql_set_option { MYSQL_OPTION_MULTI_STATEMENTS_ON, MYSQL_OPTION_MULTI_STATEMENTS_OFF };
enum mysql_enum_shutdown_level { SHUTDOWN_DEFAULT = 0 };
enum enum_mysql_timestamp_type {
    MYSQL_TIMESTAMP_NONE = -2,
    MYSQL_TIMESTAMP_ERROR = -1,
    MYSQL_TIMESTAMP_DATE = 0,
    MYSQL_TIMESTAMP_DATETIME = 1,
    MYSQL_TIMESTAMP_TIME = 2
};
enum enum_session_state_type {
    SESSION_TRACK_SYSTEM_VARIABLES = 0,
    SESSION_TRACK_SCHEMA,
    SESSION_TRACK_STATE_CHANGE,
    SESSION_TRACK_GTIDS,
    SESSION_TRACK_TRANSACTION_CHARACTERISTICS,
    SESSION_TRACK_TRANSACTION_STATE
};

#define MYSQL_NO_DATA 100
#define MYSQL_DATA_TRUNCATED 101

typedef struct st_ma_mem_root {
    void *room[7];
} MA_MEM_ROOT;

typedef struct st_list {
    struct st_list *prev, *next;
    void *data;
} LIST;

typedef struct ma_charset_info_st {
    unsigned int nr, state;
    const char *csname, *name, *dir;
    unsigned int codepage;
    const char *encoding;
    unsigned int char_minlen, char_maxlen;
    unsigned int (*mb_charlen)(unsigned int first_byte);
    unsigned int (*mb_valid)(const char *start, const char *end);
} MARIADB_CHARSET_INFO;

typedef struct character_set {
    unsigned int number, state;
    const char *csname, *name, *comment, *dir;
    unsigned int mbminlen, mbmaxlen;
} MY_CHARSET_INFO;

typedef struct st_mysql_field {
    char *name, *org_name, *table, *org_table, *db, *catalog, *def;
    unsigned long length, max_length;
    unsigned int name_length, org_name_length, table_length, org_table_length, db_length, catalog_length, def_length;
    unsigned int flags, decimals, charsetnr;
    enum enum_field_types type;
    void *extension;
} MYSQL_FIELD;

typedef char **MYSQL_ROW;
typedef unsigned int MYSQL_FIELD_OFFSET;

typedef struct st_mysql_rows {
    struct st_mysql_rows *next;
    MYSQL_ROW data;
    unsigned long length;
} MYSQL_ROWS;
typedef MYSQL_ROWS *MYSQL_ROW_OFFSET;

typedef struct st_mysql_data {
    MYSQL_ROWS *data;
    void *embedded_info;
    MA_MEM_ROOT alloc;
    unsigned long long rows;
    unsigned int fields;
    void *extension;
} MYSQL_DATA;

typedef struct st_net {
    void *pvio;
    unsigned char *buff, *buff_end, *write_pos, *read_pos;
    my_socket fd;
    unsigned long remain_in_buf, length, buf_length, where_b, max_packet, max_packet_size;
    unsigned int pkt_nr, compress_pkt_nr, write_timeout, read_timeout, retry_count;
    int fcntl;
    unsigned int *return_status;
    unsigned char reading_or_writing;
    char save_char, unused_1;
    my_bool tls_verify_status, compress, unused_2;
    void *unused_3;
    unsigned int last_errno;
    unsigned char error;
    my_bool unused_4, unused_5;
    char last_error[MYSQL_ERRMSG_SIZE];
    char sqlstate[SQLSTATE_LENGTH + 1];
    void *extension;
} NET;

struct st_mysql_options {
    unsigned int connect_timeout, read_timeout, write_timeout, port, protocol;
    unsigned long client_flag;
    char *host, *user, *password, *unix_socket, *db;
    void *init_command;
    char *my_cnf_file, *my_cnf_group, *charset_dir, *charset_name;
    char *ssl_key, *ssl_cert, *ssl_ca, *ssl_capath, *ssl_cipher, *shared_memory_base_name;
    unsigned long max_allowed_packet;
    my_bool use_ssl, compress, named_pipe, reconnect, unused_1, unused_2, unused_3;
    int methods_to_use;
    char *bind_address;
    my_bool secure_auth, report_data_truncation;
    void *local_infile_init, *local_infile_read, *local_infile_end, *local_infile_error, *local_infile_userdata;
    void *extension;
};

typedef struct st_mysql {
    NET net;
    void *unused_0;
    char *host, *user, *passwd, *unix_socket, *server_version, *host_info, *info, *db;
    const MARIADB_CHARSET_INFO *charset;
    MYSQL_FIELD *fields;
    MA_MEM_ROOT field_alloc;
    unsigned long long affected_rows, insert_id, extra_info;
    unsigned long thread_id, packet_length;
    unsigned int port;
    unsigned long client_flag, server_capabilities;
    unsigned int protocol_version, field_count, server_status, server_language, warning_count;
    struct st_mysql_options options;
    enum mysql_status status;
    my_bool free_me, unused_1;
    char scramble_buff[SCRAMBLE_LENGTH + 1];
    my_bool unused_2;
    void *unused_3, *unused_4, *unused_5, *unused_6;
    LIST *stmts;
    const struct st_mariadb_methods *methods;
    void *thd;
    my_bool *unbuffered_fetch_owner;
    char *info_buffer;
    void *extension;
} MYSQL;

typedef struct st_mysql_res {
    unsigned long long row_count;
    unsigned int field_count, current_field;
    MYSQL_FIELD *fields;
    MYSQL_DATA *data;
    MYSQL_ROWS *data_cursor;
    MA_MEM_ROOT field_alloc;
    MYSQL_ROW row, current_row;
    unsigned long *lengths;
    MYSQL *handle;
    my_bool eof, is_ps;
} MYSQL_RES;

typedef struct {
    unsigned long *p_max_allowed_packet, *p_net_buffer_length;
    void *extension;
} MYSQL_PARAMETERS;

typedef struct st_mysql_time {
    unsigned int year, month, day, hour, minute, second;
    unsigned long second_part;
    my_bool neg;
    enum enum_mysql_timestamp_type time_type;
} MYSQL_TIME;

typedef struct st_mysql_bind {
    unsigned long *length;
    my_bool *is_null;
    void *buffer;
    my_bool *error;
    union {
        unsigned char *row_ptr;
        char *indicator;
    } u;
    void *functions[3];
    unsigned long buffer_length, offset, length_value;
    unsigned int flags, pack_length;
    enum enum_field_types buffer_type;
    my_bool error_value, is_unsigned, long_data_used, is_null_value;
    void *extension;
} MYSQL_BIND;

typedef struct st_mysql_stmt {
    MA_MEM_ROOT mem_root;
    MYSQL *mysql;
    unsigned long stmt_id, flags;
    int state;
    MYSQL_FIELD *fields;
    unsigned int field_count, param_count;
    unsigned char send_types_to_server;
    MYSQL_BIND *params, *bind;
    MYSQL_DATA result;
    MYSQL_ROWS *result_cursor;
    my_bool bind_result_done, bind_param_done;
    struct {
        unsigned int warning_count, server_status;
        unsigned long long affected_rows, last_insert_id;
    } upsert_status;
    unsigned int last_errno;
    char last_error[MYSQL_ERRMSG_SIZE + 1];
    char sqlstate[SQLSTATE_LENGTH + 1];
    my_bool update_max_length;
    unsigned long prefetch_rows;
    LIST list;
    my_bool cursor_exists;
    void *extension, *fetch_row_func;
    unsigned int execute_count;
    void *default_rset_handler;
    unsigned char *request_buffer;
    unsigned int array_size;
    size_t row_size;
    unsigned int prebind_params;
    void *user_data, *result_callback, *param_callback;
    size_t request_length;
} MYSQL_STMT;

/* Connections. */
MYSQL *mysql_init(MYSQL *mysql);
int mysql_options(MYSQL *mysql, enum mysql_option option, const void *argument);
int mysql_options4(MYSQL *mysql, enum mysql_option option, const void *first, const void *second);
int mysql_optionsv(MYSQL *mysql, enum mysql_option option, ...);
int mysql_get_option(MYSQL *mysql, enum mysql_option option, void *to);
int mysql_get_optionv(MYSQL *mysql, enum mysql_option option, void *to, ...);
int mysql_ssl_set(MYSQL *mysql, const char *key, const char *cert, const char *ca, const char *capath, const char *cipher);
MYSQL *mysql_real_connect(MYSQL *mysql, const char *host, const char *user, const char *password, const char *db,
                          unsigned int port, const char *unix_socket, unsigned long flags);
/* Connects by a connection string: "host=127.0.0.1;user=ada;password={a;b};ssl-ca=ca.pem". */
#define mariadb_connect(mysql, text) mysql_real_connect((mysql), (text), NULL, NULL, NULL, 0, NULL, 0)
const char *mysql_get_ssl_cipher(MYSQL *mysql);
void mysql_close(MYSQL *mysql);
int mysql_ping(MYSQL *mysql);
my_bool mysql_change_user(MYSQL *mysql, const char *user, const char *password, const char *db);
int mysql_reset_connection(MYSQL *mysql);
int mysql_select_db(MYSQL *mysql, const char *db);
my_bool mariadb_reconnect(MYSQL *mysql);
int mariadb_cancel(MYSQL *mysql);
my_bool mariadb_connection(MYSQL *mysql);

/* Statements as text. */
int mysql_query(MYSQL *mysql, const char *sql);
int mysql_real_query(MYSQL *mysql, const char *sql, unsigned long length);
int mysql_send_query(MYSQL *mysql, const char *sql, unsigned long length);
my_bool mysql_read_query_result(MYSQL *mysql);
my_bool mysql_more_results(MYSQL *mysql);
int mysql_next_result(MYSQL *mysql);
my_bool mysql_autocommit(MYSQL *mysql, my_bool on);
my_bool mysql_commit(MYSQL *mysql);
my_bool mysql_rollback(MYSQL *mysql);
int mysql_kill(MYSQL *mysql, unsigned long connection);
int mysql_refresh(MYSQL *mysql, unsigned int options);
int mysql_shutdown(MYSQL *mysql, enum mysql_enum_shutdown_level level);
int mysql_set_server_option(MYSQL *mysql, enum enum_mysql_set_option option);
int mysql_dump_debug_info(MYSQL *mysql);
unsigned long mysql_real_escape_string(MYSQL *mysql, char *to, const char *from, unsigned long length);
unsigned long mysql_escape_string(char *to, const char *from, unsigned long length);
unsigned long mysql_hex_string(char *to, const char *from, unsigned long length);
void mysql_set_local_infile_default(MYSQL *mysql);
void mysql_set_local_infile_handler(MYSQL *mysql, int (*init)(void **, const char *, void *),
                                    int (*read)(void *, char *, unsigned int), void (*end)(void *),
                                    int (*error)(void *, char *, unsigned int), void *user_data);

/* Results. */
MYSQL_RES *mysql_store_result(MYSQL *mysql);
MYSQL_RES *mysql_use_result(MYSQL *mysql);
MYSQL_RES *mysql_list_dbs(MYSQL *mysql, const char *pattern);
MYSQL_RES *mysql_list_tables(MYSQL *mysql, const char *pattern);
MYSQL_RES *mysql_list_fields(MYSQL *mysql, const char *table, const char *pattern);
MYSQL_RES *mysql_list_processes(MYSQL *mysql);
void mysql_free_result(MYSQL_RES *result);
MYSQL_ROW mysql_fetch_row(MYSQL_RES *result);
unsigned long *mysql_fetch_lengths(MYSQL_RES *result);
my_ulonglong mysql_num_rows(MYSQL_RES *result);
unsigned int mysql_num_fields(MYSQL_RES *result);
my_bool mysql_eof(MYSQL_RES *result);
MYSQL_FIELD *mysql_fetch_field(MYSQL_RES *result);
MYSQL_FIELD *mysql_fetch_field_direct(MYSQL_RES *result, unsigned int number);
MYSQL_FIELD *mysql_fetch_fields(MYSQL_RES *result);
MYSQL_FIELD_OFFSET mysql_field_seek(MYSQL_RES *result, MYSQL_FIELD_OFFSET number);
MYSQL_FIELD_OFFSET mysql_field_tell(MYSQL_RES *result);
void mysql_data_seek(MYSQL_RES *result, my_ulonglong number);
MYSQL_ROW_OFFSET mysql_row_seek(MYSQL_RES *result, MYSQL_ROW_OFFSET row);
MYSQL_ROW_OFFSET mysql_row_tell(MYSQL_RES *result);

/* What is known about a connection. */
unsigned int mysql_errno(MYSQL *mysql);
const char *mysql_error(MYSQL *mysql);
const char *mysql_sqlstate(MYSQL *mysql);
my_ulonglong mysql_affected_rows(MYSQL *mysql);
my_ulonglong mysql_insert_id(MYSQL *mysql);
unsigned int mysql_field_count(MYSQL *mysql);
unsigned int mysql_warning_count(MYSQL *mysql);
const char *mysql_info(MYSQL *mysql);
unsigned long mysql_thread_id(MYSQL *mysql);
char *mysql_stat(MYSQL *mysql);
char *mysql_get_server_info(MYSQL *mysql);
unsigned long mysql_get_server_version(MYSQL *mysql);
const char *mysql_get_server_name(MYSQL *mysql);
char *mysql_get_host_info(MYSQL *mysql);
unsigned int mysql_get_proto_info(MYSQL *mysql);
my_socket mysql_get_socket(MYSQL *mysql);
const char *mysql_get_client_info(void);
unsigned long mysql_get_client_version(void);
my_bool mariadb_get_info(MYSQL *mysql, enum mariadb_value value, void *to);
my_bool mariadb_get_infov(MYSQL *mysql, enum mariadb_value value, void *to, ...);
int mysql_session_track_get_first(MYSQL *mysql, enum enum_session_state_type type, const char **data, size_t *length);
int mysql_session_track_get_next(MYSQL *mysql, enum enum_session_state_type type, const char **data, size_t *length);

/* Character sets. */
const char *mysql_character_set_name(MYSQL *mysql);
int mysql_set_character_set(MYSQL *mysql, const char *name);
void mysql_get_character_set_info(MYSQL *mysql, MY_CHARSET_INFO *to);
MARIADB_CHARSET_INFO *mariadb_get_charset_by_name(const char *name);
MARIADB_CHARSET_INFO *mariadb_get_charset_by_nr(unsigned int number);

/* Prepared statements. */
MYSQL_STMT *mysql_stmt_init(MYSQL *mysql);
int mysql_stmt_prepare(MYSQL_STMT *statement, const char *sql, unsigned long length);
my_bool mysql_stmt_bind_param(MYSQL_STMT *statement, MYSQL_BIND *binds);
my_bool mysql_stmt_send_long_data(MYSQL_STMT *statement, unsigned int number, const char *data, unsigned long length);
int mysql_stmt_execute(MYSQL_STMT *statement);
int mariadb_stmt_execute_direct(MYSQL_STMT *statement, const char *sql, size_t length);
my_bool mysql_stmt_bind_result(MYSQL_STMT *statement, MYSQL_BIND *binds);
int mysql_stmt_store_result(MYSQL_STMT *statement);
int mysql_stmt_fetch(MYSQL_STMT *statement);
int mysql_stmt_fetch_column(MYSQL_STMT *statement, MYSQL_BIND *bind, unsigned int column, unsigned long offset);
my_bool mysql_stmt_more_results(MYSQL_STMT *statement);
int mysql_stmt_next_result(MYSQL_STMT *statement);
my_bool mysql_stmt_reset(MYSQL_STMT *statement);
my_bool mysql_stmt_free_result(MYSQL_STMT *statement);
my_bool mysql_stmt_close(MYSQL_STMT *statement);
MYSQL_RES *mysql_stmt_result_metadata(MYSQL_STMT *statement);
MYSQL_RES *mysql_stmt_param_metadata(MYSQL_STMT *statement);
MYSQL_FIELD *mariadb_stmt_fetch_fields(MYSQL_STMT *statement);
my_bool mysql_stmt_attr_set(MYSQL_STMT *statement, enum enum_stmt_attr_type attribute, const void *value);
my_bool mysql_stmt_attr_get(MYSQL_STMT *statement, enum enum_stmt_attr_type attribute, void *to);
unsigned long mysql_stmt_param_count(MYSQL_STMT *statement);
unsigned int mysql_stmt_field_count(MYSQL_STMT *statement);
my_ulonglong mysql_stmt_num_rows(MYSQL_STMT *statement);
my_ulonglong mysql_stmt_affected_rows(MYSQL_STMT *statement);
my_ulonglong mysql_stmt_insert_id(MYSQL_STMT *statement);
int mysql_stmt_warning_count(MYSQL_STMT *statement);
unsigned int mysql_stmt_errno(MYSQL_STMT *statement);
const char *mysql_stmt_error(MYSQL_STMT *statement);
const char *mysql_stmt_sqlstate(MYSQL_STMT *statement);
void mysql_stmt_data_seek(MYSQL_STMT *statement, my_ulonglong number);
MYSQL_ROW_OFFSET mysql_stmt_row_seek(MYSQL_STMT *statement, MYSQL_ROW_OFFSET row);
MYSQL_ROW_OFFSET mysql_stmt_row_tell(MYSQL_STMT *statement);

/* Character sets, and the authentication plugins, which are all built in. */
size_t mariadb_convert_string(const char *from, size_t *from_length, MARIADB_CHARSET_INFO *from_charset, char *to, size_t *to_length,
                              MARIADB_CHARSET_INFO *to_charset, int *error);
#define MYSQL_CLIENT_AUTHENTICATION_PLUGIN 2
struct st_mysql_client_plugin {
    int type;
    unsigned int interface_version;
    const char *name, *author, *desc;
    unsigned int version[3];
    const char *license;
    void *mysql_api;
    int (*init)(char *, size_t, int, ...);
    int (*deinit)(void);
    int (*options)(const char *option, const void *value);
};
struct st_mysql_client_plugin *mysql_client_find_plugin(MYSQL *mysql, const char *name, int type);
struct st_mysql_client_plugin *mysql_client_register_plugin(MYSQL *mysql, struct st_mysql_client_plugin *plugin);
struct st_mysql_client_plugin *mysql_load_plugin(MYSQL *mysql, const char *name, int type, int count, ...);
/* The non-blocking calls. A _start function begins a call, and returns 0 when it is over, or else a mask of the events below: wait for them
   on mysql_get_socket(), for mysql_get_timeout_value_ms() milliseconds where the mask has MYSQL_WAIT_TIMEOUT, and go on with the _cont
   function, which takes the events that came, and returns a mask as well. *answer is written when the mask is 0. The arguments of _start
   must stay as they are until then. While the connection is made, each return may tell of another socket. */
#define MYSQL_WAIT_READ 1
#define MYSQL_WAIT_WRITE 2
#define MYSQL_WAIT_EXCEPT 4
#define MYSQL_WAIT_TIMEOUT 8

unsigned int mysql_get_timeout_value(const MYSQL *mysql);
unsigned int mysql_get_timeout_value_ms(const MYSQL *mysql);
int mysql_autocommit_start(my_bool *answer, MYSQL *mysql, my_bool on);
int mysql_autocommit_cont(my_bool *answer, MYSQL *mysql, int events);
int mysql_change_user_start(my_bool *answer, MYSQL *mysql, const char *user, const char *password, const char *db);
int mysql_change_user_cont(my_bool *answer, MYSQL *mysql, int events);
int mysql_commit_start(my_bool *answer, MYSQL *mysql);
int mysql_commit_cont(my_bool *answer, MYSQL *mysql, int events);
int mysql_dump_debug_info_start(int *answer, MYSQL *mysql);
int mysql_dump_debug_info_cont(int *answer, MYSQL *mysql, int events);
int mysql_fetch_row_start(MYSQL_ROW *answer, MYSQL_RES *result);
int mysql_fetch_row_cont(MYSQL_ROW *answer, MYSQL_RES *result, int events);
int mysql_kill_start(int *answer, MYSQL *mysql, unsigned long connection);
int mysql_kill_cont(int *answer, MYSQL *mysql, int events);
int mysql_list_fields_start(MYSQL_RES **answer, MYSQL *mysql, const char *table, const char *pattern);
int mysql_list_fields_cont(MYSQL_RES **answer, MYSQL *mysql, int events);
int mysql_next_result_start(int *answer, MYSQL *mysql);
int mysql_next_result_cont(int *answer, MYSQL *mysql, int events);
int mysql_ping_start(int *answer, MYSQL *mysql);
int mysql_ping_cont(int *answer, MYSQL *mysql, int events);
int mysql_query_start(int *answer, MYSQL *mysql, const char *sql);
int mysql_query_cont(int *answer, MYSQL *mysql, int events);
int mysql_read_query_result_start(my_bool *answer, MYSQL *mysql);
int mysql_read_query_result_cont(my_bool *answer, MYSQL *mysql, int events);
int mysql_real_connect_start(MYSQL **answer, MYSQL *mysql, const char *host, const char *user, const char *password, const char *db,
                             unsigned int port, const char *unix_socket, unsigned long flags);
int mysql_real_connect_cont(MYSQL **answer, MYSQL *mysql, int events);
int mysql_real_query_start(int *answer, MYSQL *mysql, const char *sql, unsigned long length);
int mysql_real_query_cont(int *answer, MYSQL *mysql, int events);
int mysql_refresh_start(int *answer, MYSQL *mysql, unsigned int options);
int mysql_refresh_cont(int *answer, MYSQL *mysql, int events);
int mysql_reset_connection_start(int *answer, MYSQL *mysql);
int mysql_reset_connection_cont(int *answer, MYSQL *mysql, int events);
int mysql_rollback_start(my_bool *answer, MYSQL *mysql);
int mysql_rollback_cont(my_bool *answer, MYSQL *mysql, int events);
int mysql_select_db_start(int *answer, MYSQL *mysql, const char *db);
int mysql_select_db_cont(int *answer, MYSQL *mysql, int events);
int mysql_send_query_start(int *answer, MYSQL *mysql, const char *sql, unsigned long length);
int mysql_send_query_cont(int *answer, MYSQL *mysql, int events);
int mysql_set_character_set_start(int *answer, MYSQL *mysql, const char *name);
int mysql_set_character_set_cont(int *answer, MYSQL *mysql, int events);
int mysql_set_server_option_start(int *answer, MYSQL *mysql, enum enum_mysql_set_option option);
int mysql_set_server_option_cont(int *answer, MYSQL *mysql, int events);
int mysql_shutdown_start(int *answer, MYSQL *mysql, enum mysql_enum_shutdown_level level);
int mysql_shutdown_cont(int *answer, MYSQL *mysql, int events);
int mysql_stat_start(const char **answer, MYSQL *mysql);
int mysql_stat_cont(const char **answer, MYSQL *mysql, int events);
int mysql_stmt_close_start(my_bool *answer, MYSQL_STMT *statement);
int mysql_stmt_close_cont(my_bool *answer, MYSQL_STMT *statement, int events);
int mysql_stmt_execute_start(int *answer, MYSQL_STMT *statement);
int mysql_stmt_execute_cont(int *answer, MYSQL_STMT *statement, int events);
int mysql_stmt_fetch_start(int *answer, MYSQL_STMT *statement);
int mysql_stmt_fetch_cont(int *answer, MYSQL_STMT *statement, int events);
int mysql_stmt_free_result_start(my_bool *answer, MYSQL_STMT *statement);
int mysql_stmt_free_result_cont(my_bool *answer, MYSQL_STMT *statement, int events);
int mysql_stmt_next_result_start(int *answer, MYSQL_STMT *statement);
int mysql_stmt_next_result_cont(int *answer, MYSQL_STMT *statement, int events);
int mysql_stmt_prepare_start(int *answer, MYSQL_STMT *statement, const char *sql, unsigned long length);
int mysql_stmt_prepare_cont(int *answer, MYSQL_STMT *statement, int events);
int mysql_stmt_reset_start(my_bool *answer, MYSQL_STMT *statement);
int mysql_stmt_reset_cont(my_bool *answer, MYSQL_STMT *statement, int events);
int mysql_stmt_send_long_data_start(my_bool *answer, MYSQL_STMT *statement, unsigned int number, const char *data, unsigned long length);
int mysql_stmt_send_long_data_cont(my_bool *answer, MYSQL_STMT *statement, int events);
int mysql_stmt_store_result_start(int *answer, MYSQL_STMT *statement);
int mysql_stmt_store_result_cont(int *answer, MYSQL_STMT *statement, int events);
int mysql_store_result_start(MYSQL_RES **answer, MYSQL *mysql);
int mysql_store_result_cont(MYSQL_RES **answer, MYSQL *mysql, int events);
int mysql_free_result_start(MYSQL_RES *result);
int mysql_free_result_cont(MYSQL_RES *result, int events);
int mysql_close_start(MYSQL *mysql);
int mysql_close_cont(MYSQL *mysql, int events);

/* The library. */
int mysql_server_init(int count, char **arguments, char **groups);
void mysql_server_end(void);
my_bool mysql_thread_init(void);
void mysql_thread_end(void);
unsigned int mysql_thread_safe(void);
my_bool mysql_embedded(void);
void mysql_debug(const char *options);
MYSQL_PARAMETERS *mysql_get_parameters(void);
#define mysql_library_init mysql_server_init
#define mysql_library_end mysql_server_end

/* The commands of MYSQL.methods->db_command; others answer 2054. */
enum enum_server_command {
    COM_QUIT = 1,
    COM_INIT_DB = 2,
    COM_QUERY = 3,
    COM_PING = 14
};

/* For the functions of STMT_ATTR_CB_RESULT: reads a length, and moves the pointer behind it. */
unsigned long mysql_net_field_length(unsigned char **packet);

/* The functions behind MYSQL.methods, past their names. Those that the README names answer 2054. */
#define API(name) __typeof__(name) *name;
struct st_mariadb_api {
    API(mysql_num_rows) API(mysql_num_fields) API(mysql_eof) API(mysql_fetch_field_direct) API(mysql_fetch_fields) API(mysql_row_tell)
    API(mysql_field_tell) API(mysql_field_count) API(mysql_more_results) API(mysql_next_result) API(mysql_affected_rows)
    API(mysql_autocommit) API(mysql_commit) API(mysql_rollback) API(mysql_insert_id) API(mysql_errno) API(mysql_error) API(mysql_info)
    API(mysql_thread_id) API(mysql_character_set_name) API(mysql_get_character_set_info) API(mysql_set_character_set)
    API(mariadb_get_infov) API(mariadb_get_info) API(mysql_init) API(mysql_ssl_set) API(mysql_get_ssl_cipher) API(mysql_change_user)
    API(mysql_real_connect) API(mysql_close) API(mysql_select_db) API(mysql_query) API(mysql_send_query) API(mysql_read_query_result)
    API(mysql_real_query) API(mysql_shutdown) API(mysql_dump_debug_info) API(mysql_refresh) API(mysql_kill) API(mysql_ping)
    API(mysql_stat) API(mysql_get_server_info) API(mysql_get_server_version) API(mysql_get_host_info) API(mysql_get_proto_info)
    API(mysql_list_dbs) API(mysql_list_tables) API(mysql_list_fields) API(mysql_list_processes) API(mysql_store_result)
    API(mysql_use_result) API(mysql_options) API(mysql_free_result) API(mysql_data_seek) API(mysql_row_seek) API(mysql_field_seek)
    API(mysql_fetch_row) API(mysql_fetch_lengths) API(mysql_fetch_field) API(mysql_escape_string) API(mysql_real_escape_string)
    API(mysql_thread_safe) API(mysql_warning_count) API(mysql_sqlstate) API(mysql_server_init) API(mysql_server_end) API(mysql_thread_end)
    API(mysql_thread_init) API(mysql_set_server_option) API(mysql_get_client_info) API(mysql_get_client_version) API(mariadb_connection)
    API(mysql_get_server_name) API(mariadb_get_charset_by_name) API(mariadb_get_charset_by_nr) API(mariadb_convert_string)
    API(mysql_optionsv) API(mysql_get_optionv) API(mysql_get_option) API(mysql_hex_string) API(mysql_get_socket)
    API(mysql_get_timeout_value) API(mysql_get_timeout_value_ms) API(mariadb_reconnect) API(mysql_stmt_init) API(mysql_stmt_prepare)
    API(mysql_stmt_execute) API(mysql_stmt_fetch) API(mysql_stmt_fetch_column) API(mysql_stmt_store_result) API(mysql_stmt_param_count)
    API(mysql_stmt_attr_set) API(mysql_stmt_attr_get) API(mysql_stmt_bind_param) API(mysql_stmt_bind_result) API(mysql_stmt_close)
    API(mysql_stmt_reset) API(mysql_stmt_free_result) API(mysql_stmt_send_long_data) API(mysql_stmt_result_metadata)
    API(mysql_stmt_param_metadata) API(mysql_stmt_errno) API(mysql_stmt_error) API(mysql_stmt_sqlstate) API(mysql_stmt_row_seek)
    API(mysql_stmt_row_tell) API(mysql_stmt_data_seek) API(mysql_stmt_num_rows) API(mysql_stmt_affected_rows) API(mysql_stmt_insert_id)
    API(mysql_stmt_field_count) API(mysql_stmt_next_result) API(mysql_stmt_more_results) API(mariadb_stmt_execute_direct)
    API(mysql_reset_connection)
};
#undef API

struct st_mariadb_methods {
    MYSQL *(*db_connect)(MYSQL *mysql, const char *host, const char *user, const char *password, const char *db, unsigned int port,
                         const char *socket, unsigned long flags);
    void (*db_close)(MYSQL *mysql);
    int (*db_command)(MYSQL *mysql, enum enum_server_command command, const char *argument, size_t length, my_bool skips_answer, void *statement);
    void (*db_skip_result)(MYSQL *mysql);
    int (*db_read_query_result)(MYSQL *mysql);
    MYSQL_DATA *(*db_read_rows)(MYSQL *mysql, MYSQL_FIELD *fields, unsigned int count);
    int (*db_read_one_row)(MYSQL *mysql, unsigned int count, MYSQL_ROW row, unsigned long *lengths);
    my_bool (*db_supported_buffer_type)(enum enum_field_types type);
    my_bool (*db_read_prepare_response)(MYSQL_STMT *statement);
    int (*db_read_stmt_result)(MYSQL *mysql);
    my_bool (*db_stmt_get_result_metadata)(MYSQL_STMT *statement);
    my_bool (*db_stmt_get_param_metadata)(MYSQL_STMT *statement);
    int (*db_stmt_read_all_rows)(MYSQL_STMT *statement);
    int (*db_stmt_fetch)(MYSQL_STMT *statement, unsigned char **row, unsigned long *length);
    int (*db_stmt_fetch_to_bind)(MYSQL_STMT *statement, unsigned char *row, unsigned long length);
    void (*db_stmt_flush_unbuffered)(MYSQL_STMT *statement);
    void (*set_error)(MYSQL *mysql, unsigned int number, const char *sqlstate, const char *format, ...);
    void (*invalidate_stmts)(MYSQL *mysql, const char *function);
    struct st_mariadb_api *api;
    int (*db_read_execute_response)(MYSQL_STMT *statement);
    unsigned char *(*db_execute_generate_request)(MYSQL_STMT *statement, size_t *length, my_bool is_kept);
};

#ifdef __cplusplus
}
#endif

#endif
